import { binomialCdf } from './distributions.js'

/**
 * The q-quantile of values, 0 ≤ q ≤ 1, by linear interpolation between order statistics at
 * position q·(n−1) (Hyndman & Fan 1996, definition 7; the default of NumPy and R).
 * @param sorted ascending, at least one value
 */
export function quantile(sorted: ArrayLike<number>, q: number): number {
  if (sorted.length === 0) throw new RangeError('a quantile needs at least one value')
  const position = q * (sorted.length - 1)
  const below = sorted[Math.floor(position)] ?? 0
  const above = sorted[Math.ceil(position)] ?? below
  return below + (above - below) * (position - Math.floor(position))
}

/** The smallest k with P(X ≤ k) ≥ p, for X binomial with n trials of probability q. */
function binomialQuantile(p: number, n: number, q: number): number {
  let low = -1
  let high = n
  while (high - low > 1) {
    const middle = (low + high) >> 1
    if (binomialCdf(middle, n, q) >= p) high = middle
    else low = middle
  }
  return high
}

/**
 * Interval of a quantile between two order statistics, exact for any continuous distribution: the
 * number of values below the true quantile is binomial(n, q), so x_(l) and x_(u) hold it between
 * them with at least the level asked for.
 * Source: W. J. Conover, Practical Nonparametric Statistics, 3rd ed., 1999, §3.2.
 * An end is null where the sample is too small to bound it: p99 has no upper end below 368 values.
 * @param sorted ascending
 */
export function quantileInterval(sorted: ArrayLike<number>, q: number, level = 0.95): { low: number | null; high: number | null } {
  const n = sorted.length
  if (n === 0) return { low: null, high: null }
  const tail = (1 - level) / 2
  const low = binomialQuantile(tail, n, q) - 1
  const high = binomialQuantile(1 - tail, n, q)
  // In small samples the interpolated estimate may lie outside; widening never lowers the coverage.
  const estimate = quantile(sorted, q)
  return { low: low < 0 ? null : Math.min(estimate, sorted[low] ?? estimate), high: high >= n ? null : Math.max(estimate, sorted[high] ?? estimate) }
}
