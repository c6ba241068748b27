/** How far raters agree beyond chance: people with people, a judge with people, two judges. */
import { bootstrapInterval } from './bootstrap.js'

export type Distance = 'nominal' | 'interval'

/** Squared difference for numbers, 0 or 1 for names (Krippendorff 2011, "Computing Krippendorff's alpha-reliability", §C). */
function distanceOf(kind: Distance, a: string | number, b: string | number): number {
  if (kind === 'nominal') return a === b ? 0 : 1
  return (Number(a) - Number(b)) ** 2
}

/**
 * Cohen's kappa of two raters over the same items (Cohen 1960, doi:10.1177/001316446002000104): 1 is perfect
 * agreement, 0 that of chance, below 0 worse. With `interval` disagreements weigh by their square (Cohen 1968).
 * NaN where chance alone would agree always, as when both raters give one label only, and for no items.
 */
export function cohenKappa(left: readonly (string | number)[], right: readonly (string | number)[], distance: Distance = 'nominal'): number {
  if (left.length !== right.length) throw new RangeError(`kappa of ${left.length} and ${right.length} ratings; both raters must have rated the same items`)
  let observed = 0
  for (const [index, a] of left.entries()) observed += distanceOf(distance, a, right[index] ?? a)
  let expected = 0
  const [leftCounts, rightCounts] = [countsOf(left), countsOf(right)]
  for (const [a, n] of leftCounts) for (const [b, m] of rightCounts) expected += n * m * distanceOf(distance, a, b)
  return 1 - observed / (expected / left.length)
}

/**
 * 95 % interval of kappa: percentiles of 2,000 seeded resamples of the items. A resample in which chance alone would
 * agree always has no kappa and counts as 0, so that few items look no surer than they are. Null below two items.
 */
export function kappaInterval(left: readonly (string | number)[], right: readonly (string | number)[], distance: Distance = 'nominal'): { low: number; high: number } | null {
  if (left.length < 2) return null
  const { low, high } = bootstrapInterval(left.length, kappaOfItems(left, right, distance), { method: 'percentile' })
  return { low, high }
}

/** As `cohenKappa` of drawn items, with the values named by number once; 0 where there is none. */
export function kappaOfItems(left: readonly (string | number)[], right: readonly (string | number)[], distance: Distance): (items: Int32Array) => number {
  const values = [...new Set([...left, ...right])]
  const places = new Map(values.map((value, place) => [value, place]))
  const [lefts, rights] = [left, right].map((ratings) => Int32Array.from(ratings, (value) => places.get(value) ?? 0))
  const distances = values.map((a) => Float64Array.from(values, (b) => distanceOf(distance, a, b)))
  const [leftCounts, rightCounts] = [new Float64Array(values.length), new Float64Array(values.length)]
  return (items) => {
    leftCounts.fill(0)
    rightCounts.fill(0)
    let observed = 0
    for (const item of items) {
      const [a, b] = [lefts?.[item] ?? 0, rights?.[item] ?? 0]
      leftCounts[a] = (leftCounts[a] ?? 0) + 1
      rightCounts[b] = (rightCounts[b] ?? 0) + 1
      observed += distances[a]?.[b] ?? 0
    }
    let expected = 0
    for (const [a, n] of leftCounts.entries()) for (const [b, m] of rightCounts.entries()) expected += n * m * (distances[a]?.[b] ?? 0)
    return expected === 0 ? 0 : 1 - observed / (expected / items.length)
  }
}

/**
 * Krippendorff's alpha of any number of raters who may have skipped items: `ratings[rater][item]`, null where
 * skipped. Items with fewer than two ratings say nothing. NaN where all ratings are equal.
 */
export function krippendorffAlpha(ratings: readonly (readonly (string | number | null)[])[], distance: Distance = 'nominal'): number {
  const items = Math.max(0, ...ratings.map(({ length }) => length))
  const units = Array.from({ length: items }, (_, item) => ratings.flatMap((row) => row[item] ?? [])).filter(({ length }) => length > 1)
  const all = units.flat()
  let observed = 0
  for (const unit of units) observed += pairDistance(unit, distance) / (unit.length - 1)
  return 1 - observed / (pairDistance(all, distance) / (all.length - 1))
}

/**
 * 95 % interval of alpha: percentiles of 2,000 seeded resamples of the items that two raters or more have rated. A
 * resample in which all ratings are equal has no alpha and counts as 0, as in `kappaInterval`. Null below two such items.
 */
export function alphaInterval(ratings: readonly (readonly (string | number | null)[])[], distance: Distance = 'nominal'): { low: number; high: number } | null {
  const items = Math.max(0, ...ratings.map(({ length }) => length))
  const shared = Array.from({ length: items }, (_, item) => item).filter((item) => ratings.filter((row) => (row[item] ?? null) !== null).length > 1)
  if (shared.length < 2) return null
  const alphaOf = (drawn: Int32Array): number => {
    const alpha = krippendorffAlpha(ratings.map((row) => Array.from(drawn, (place) => row[shared[place] ?? 0] ?? null)), distance)
    return Number.isFinite(alpha) ? alpha : 0
  }
  const { low, high } = bootstrapInterval(shared.length, alphaOf, { method: 'percentile' })
  return { low, high }
}

/** Sum over all ordered pairs, by counts of equal values: linear in the ratings, quadratic in the different ones. */
function pairDistance(values: readonly (string | number)[], kind: Distance): number {
  const counts = [...countsOf(values)]
  let sum = 0
  for (const [a, n] of counts) for (const [b, m] of counts) sum += n * m * distanceOf(kind, a, b)
  return sum
}

function countsOf<T>(values: readonly T[]): Map<T, number> {
  const counts = new Map<T, number>()
  for (const value of values) counts.set(value, (counts.get(value) ?? 0) + 1)
  return counts
}
