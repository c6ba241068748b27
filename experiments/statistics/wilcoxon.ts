import { normalCdf } from './distributions.js'

/** Up to this many differences the distribution of the rank sum is counted whole. */
const EXACT_LIMIT = 50

interface Ranked {
  /** Twice the rank of each magnitude, so that the mean ranks of ties stay whole numbers. */
  doubled: Float64Array
  /** Twice the rank sum of the positive differences. */
  positive: number
  /** Σ(t³ − t) over groups of t equal magnitudes. */
  ties: number
}

function rank(differences: ArrayLike<number>): Ranked {
  const kept = Array.from(differences).filter((value) => value !== 0)
  const order = kept.toSorted((a, b) => Math.abs(a) - Math.abs(b))
  const doubled = new Float64Array(order.length)
  let positive = 0
  let ties = 0
  for (let start = 0; start < order.length; ) {
    let end = start + 1
    while (end < order.length && Math.abs(order[end] ?? 0) === Math.abs(order[start] ?? 0)) end++
    const size = end - start
    ties += size ** 3 - size
    for (let i = start; i < end; i++) {
      doubled[i] = start + end + 1
      if ((order[i] ?? 0) > 0) positive += start + end + 1
    }
    start = end
  }
  return { doubled, positive, ties }
}

/** P(T ≤ smaller tail) twice, over all 2^m sign patterns, by adding one rank at a time to the distribution of the sum. */
function exactTail({ doubled, positive }: Ranked): number {
  const most = doubled.reduce((sum, value) => sum + value, 0)
  let ways = new Float64Array(most + 1)
  ways[0] = 1
  for (const value of doubled) {
    const next = new Float64Array(most + 1)
    for (let sum = 0; sum <= most; sum++) next[sum] = ((ways[sum] ?? 0) + (sum >= value ? (ways[sum - value] ?? 0) : 0)) / 2
    ways = next
  }
  const smaller = Math.min(positive, most - positive)
  let tail = 0
  for (let sum = 0; sum <= smaller; sum++) tail += ways[sum] ?? 0
  return Math.min(1, 2 * tail)
}

/**
 * Wilcoxon signed-rank test of paired differences, two-sided: is their distribution symmetric about
 * 0? Differences of 0 are left out, equal magnitudes share their mean rank. Up to 50 differences
 * the exact distribution of the rank sum given the ties; above, the normal limit with the variance
 * corrected for ties and no continuity correction.
 * Source: F. Wilcoxon, Biometrics Bull. 1 (1945) 80–83; M. Hollander & D. A. Wolfe, Nonparametric
 * Statistical Methods, 2nd ed., 1999, §3.1.
 */
export function wilcoxonTest(differences: ArrayLike<number>): number {
  const ranked = rank(differences)
  const m = ranked.doubled.length
  if (m === 0) return 1
  if (m <= EXACT_LIMIT) return exactTail(ranked)
  const mean = (m * (m + 1)) / 4
  const variance = (m * (m + 1) * (2 * m + 1)) / 24 - ranked.ties / 48
  return Math.min(1, 2 * normalCdf(-Math.abs(ranked.positive / 2 - mean) / Math.sqrt(variance)))
}
