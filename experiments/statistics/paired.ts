import { binomialCdf, criticalT95, normalCdf } from './distributions.js'
import { clusterIndex, clusteredError, type Interval, meanOf, squaredError, wilson } from './intervals.js'
import { minimumDetectable } from './power.js'
import { randomWords } from './random.js'

/** Scores of two runs on the same items, in the same order. */
export interface PairedScores {
  run: ArrayLike<number>
  baseline: ArrayLike<number>
  clusters?: readonly (string | null)[]
  /** Every score is 0 or 1. */
  binary: boolean
}

export interface PairedResult {
  n: number
  difference: number
  low: number | null
  high: number | null
  p: number | null
  method: 'mcnemar-exact' | 'permutation'
  wins: number
  losses: number
  ties: number
  minimumDetectable: number | null
}

/** Up to 2^16 sign patterns are counted one by one. */
const EXACT_LIMIT = 16
/** Beyond this many the sum of signs is normal to far below the Monte Carlo error. */
const NORMAL_LIMIT = 2_000
const RESAMPLES = 9_999

/**
 * Exact McNemar test, two-sided: of the b + c items on which the runs differ, are the b wins more
 * or fewer than a fair coin gives? p = min(1, 2·P(X ≤ min(b, c))), X binomial(b + c, ½).
 * Source: Q. McNemar, Psychometrika 12 (1947) 153–157; exact form.
 */
export function mcnemarExact(wins: number, losses: number): number {
  return Math.min(1, 2 * binomialCdf(Math.min(wins, losses), wins + losses, 0.5))
}

function exactSignFlip(magnitudes: Float64Array, threshold: number): number {
  const m = magnitudes.length
  const patterns = 2 ** m
  let sum = -magnitudes.reduce((total, value) => total + value, 0)
  let extreme = Math.abs(sum) >= threshold ? 1 : 0
  let gray = 0
  for (let i = 1; i < patterns; i++) {
    const bit = 31 - Math.clz32(i & -i)
    gray ^= 1 << bit
    sum += (gray >> bit) & 1 ? 2 * (magnitudes[bit] ?? 0) : -2 * (magnitudes[bit] ?? 0)
    if (Math.abs(sum) >= threshold) extreme++
  }
  return extreme / patterns
}

function sampledSignFlip(magnitudes: Float64Array, threshold: number, seed: number): number {
  const next = randomWords(seed)
  let extreme = 0
  for (let resample = 0; resample < RESAMPLES; resample++) {
    let sum = 0
    let bits = 0
    for (let i = 0; i < magnitudes.length; i++) {
      if ((i & 31) === 0) bits = next()
      sum += (1 - ((bits & 1) << 1)) * (magnitudes[i] ?? 0)
      bits >>>= 1
    }
    if (Math.abs(sum) >= threshold) extreme++
  }
  return (extreme + 1) / (RESAMPLES + 1)
}

/**
 * Sign-flip permutation test, two-sided, of the sum of paired differences: under no difference
 * each one is as likely with either sign. All 2^m patterns for m ≤ 16 differences other than 0;
 * up to 2,000 a seeded Monte Carlo of 9,999 resamples with p = (extreme + 1)/(resamples + 1)
 * (Phipson & Smyth, SAGMB 9 (2010) 39); above, its normal limit z = Σd / sqrt(Σd²).
 * Source: R. A. Fisher, The Design of Experiments, 1935, §21.
 */
export function signFlipTest(differences: ArrayLike<number>, seed = 1): number {
  const magnitudes = Float64Array.from(Array.from(differences, Math.abs).filter((value) => value > 0))
  let sum = 0
  for (let i = 0; i < differences.length; i++) sum += differences[i] ?? 0
  if (magnitudes.length === 0) return 1
  // Rounding must not make the observed pattern look more extreme than its mirror image.
  const threshold = Math.abs(sum) - 1e-9 * magnitudes.reduce((total, value) => total + value, 0)
  if (magnitudes.length <= EXACT_LIMIT) return exactSignFlip(magnitudes, threshold)
  if (magnitudes.length <= NORMAL_LIMIT) return sampledSignFlip(magnitudes, threshold, seed)
  const spread = Math.sqrt(magnitudes.reduce((total, value) => total + value * value, 0))
  return Math.min(1, 2 * normalCdf(-Math.abs(sum) / spread))
}

/**
 * 95 % interval of the difference of two proportions on the same items. Unlike mean ± z·SE it has
 * a width when the runs never differ. Source: R. G. Newcombe, Statist. Med. 17 (1998) 2635–2650,
 * method 10 (Wilson limits of both, joined with a continuity-corrected correlation φ).
 * @param table items that both got right, only the run, only the baseline, neither
 */
export function pairedProportionInterval(table: { both: number; run: number; baseline: number; neither: number }): { low: number; high: number } {
  const { both, run, baseline, neither } = table
  const n = both + run + baseline + neither
  const p1 = (both + run) / n
  const p2 = (both + baseline) / n
  const first = wilson(both + run, n)
  const second = wilson(both + baseline, n)
  const margins = (both + run) * (baseline + neither) * (both + baseline) * (run + neither)
  const excess = both * neither - run * baseline
  const corrected = excess > 0 ? Math.max(0, excess - n / 2) : excess
  const phi = margins === 0 ? 0 : corrected / Math.sqrt(margins)
  const width = (a: number, b: number): number => Math.sqrt(Math.max(0, a * a - 2 * phi * a * b + b * b))
  return {
    low: p1 - p2 - width(p1 - first.low, second.high - p2),
    high: p1 - p2 + width(first.high - p1, p2 - second.low),
  }
}

function sumByCluster(values: Float64Array, clusters: { index: Int32Array; count: number }): Float64Array {
  const sums = new Float64Array(clusters.count)
  values.forEach((value, item) => {
    const cluster = clusters.index[item] ?? 0
    sums[cluster] = (sums[cluster] ?? 0) + value
  })
  return sums
}

/**
 * Compares two runs on the items that both scored: mean difference (run − baseline) with a 95 %
 * interval, and a two-sided test. 0/1 scores: exact McNemar and Newcombe's interval; other
 * scores: sign-flip permutation and Student's t. Where items share clusters the signs are flipped
 * and the error computed by cluster, for 0/1 scores too, since McNemar's test takes items for
 * independent (Miller, arXiv 2411.00640, §4). p and interval are null below two items (clusters).
 * @returns difference in the unit of the scores
 */
export function comparePaired(scores: PairedScores): PairedResult {
  const n = scores.run.length
  if (n !== scores.baseline.length || n === 0) throw new RangeError(`paired scores must be of one length above 0, got ${n} and ${scores.baseline.length}`)
  const differences = Float64Array.from(scores.run, (value, item) => value - (scores.baseline[item] ?? 0))
  const wins = differences.reduce((count, value) => count + (value > 0 ? 1 : 0), 0)
  const losses = differences.reduce((count, value) => count + (value < 0 ? 1 : 0), 0)
  const clusters = clusterIndex(scores.clusters)
  const units = clusters?.count ?? n
  const error = clusters ? clusteredError(differences, clusters) : Math.sqrt(squaredError(differences))
  const exact = scores.binary && !clusters
  return {
    n,
    difference: meanOf(differences),
    ...differenceInterval(scores, { differences, error, units, exact }),
    p: units < 2 ? null : exact ? mcnemarExact(wins, losses) : signFlipTest(clusters ? sumByCluster(differences, clusters) : differences),
    method: exact ? 'mcnemar-exact' : 'permutation',
    wins,
    losses,
    ties: n - wins - losses,
    minimumDetectable: units < 2 || error === 0 ? null : minimumDetectable(error),
  }
}

function differenceInterval(
  scores: PairedScores,
  { differences, error, units, exact }: { differences: Float64Array; error: number; units: number; exact: boolean },
): Pick<Interval, 'low' | 'high'> {
  if (units < 2) return { low: null, high: null }
  const difference = meanOf(differences)
  if (!exact) {
    const half = criticalT95(units - 1) * error
    return { low: difference - half, high: difference + half }
  }
  const table = { both: 0, run: 0, baseline: 0, neither: 0 }
  for (let item = 0; item < differences.length; item++) {
    const right = scores.run[item] === 1
    const baselineRight = scores.baseline[item] === 1
    table[right ? (baselineRight ? 'both' : 'run') : baselineRight ? 'baseline' : 'neither']++
  }
  return pairedProportionInterval(table)
}
