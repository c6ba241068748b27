import { criticalT95, Z95 } from './distributions.js'

/** A mean with its 95 % interval; `low` and `high` are null where the data carry no interval. */
export interface Interval {
  mean: number
  low: number | null
  high: number | null
  method: 'wilson' | 'student-t' | 'clustered-t' | 'bootstrap-bca' | 'bootstrap-percentile' | 'none'
}

/** Values of items with the source they share; items without one are a cluster of their own. */
export interface Observations {
  values: ArrayLike<number>
  clusters?: readonly (string | null)[] | undefined
}

export function meanOf(values: ArrayLike<number>): number {
  let sum = 0
  for (let i = 0; i < values.length; i++) sum += values[i] ?? 0
  return sum / values.length
}

/**
 * Wilson's score interval of a proportion, 95 %.
 * With p = k/n: (p + z²/2n ± z·sqrt(p(1−p)/n + z²/4n²)) / (1 + z²/n).
 * Keeps its coverage for small n and for 0 or n successes, where Wald's interval has no width.
 * Source: E. B. Wilson, JASA 22 (1927) 209–212; recommended for evaluations with fewer than a
 * few hundred items by Bowyer et al., ICML 2025, arXiv 2503.01747.
 * @param successes may be fractional when an effective sample size is used
 */
export function wilson(successes: number, n: number, z = Z95): { low: number; high: number } {
  if (n <= 0) throw new RangeError('an interval of a proportion needs at least one item')
  const p = successes / n
  const centre = p + (z * z) / (2 * n)
  const half = z * Math.sqrt((p * (1 - p)) / n + (z * z) / (4 * n * n))
  const scale = 1 + (z * z) / n
  return {
    low: successes <= 0 ? 0 : Math.max(0, (centre - half) / scale),
    high: successes >= n ? 1 : Math.min(1, (centre + half) / scale),
  }
}

/** Squared standard error of the mean, s²/n with the n−1 variance. NaN for fewer than two values. */
export function squaredError(values: ArrayLike<number>): number {
  const n = values.length
  const mean = meanOf(values)
  let sum = 0
  for (let i = 0; i < n; i++) sum += ((values[i] ?? 0) - mean) ** 2
  return sum / (n - 1) / n
}

/**
 * Index of the cluster of each item, or null when no two items share one: then the plain
 * formulas hold and are used.
 */
export function clusterIndex(clusters: readonly (string | null)[] | undefined): { index: Int32Array; count: number } | null {
  if (!clusters) return null
  const ids = new Map<string, number>()
  const index = new Int32Array(clusters.length)
  let count = 0
  clusters.forEach((cluster, item) => {
    const known = cluster === null ? undefined : ids.get(cluster)
    index[item] = known ?? count
    if (known !== undefined) return
    if (cluster !== null) ids.set(cluster, count)
    count++
  })
  return count === clusters.length ? null : { index, count }
}

/**
 * Standard error of a mean over clustered items: sqrt(C/(C−1) · Σ_c (Σ_{i∈c}(x_i − x̄))²) / n,
 * with C−1 degrees of freedom. Source: E. Miller, "Adding Error Bars to Evals", arXiv 2411.00640,
 * §2.2, with the small-sample factor C/(C−1). NaN for fewer than two clusters.
 */
export function clusteredError(values: ArrayLike<number>, clusters: { index: Int32Array; count: number }): number {
  const mean = meanOf(values)
  const sums = new Float64Array(clusters.count)
  for (let i = 0; i < values.length; i++) {
    const cluster = clusters.index[i] ?? 0
    sums[cluster] = (sums[cluster] ?? 0) + (values[i] ?? 0) - mean
  }
  const squares = sums.reduce((total, sum) => total + sum * sum, 0)
  return Math.sqrt((squares * clusters.count) / (clusters.count - 1)) / values.length
}

/**
 * 95 % interval of a mean: mean ± t·SE, with Student's t on n−1 degrees of freedom, or on C−1
 * with the clustered error where items share clusters. No interval (`none`) for one item, one
 * cluster or non-finite values.
 */
export function meanInterval(observations: Observations): Interval {
  const { values } = observations
  const mean = meanOf(values)
  const clusters = clusterIndex(observations.clusters)
  const degrees = (clusters?.count ?? values.length) - 1
  if (degrees < 1 || !Number.isFinite(mean)) return { mean, low: null, high: null, method: 'none' }
  const error = clusters ? clusteredError(values, clusters) : Math.sqrt(squaredError(values))
  const half = criticalT95(degrees) * error
  return { mean, low: mean - half, high: mean + half, method: clusters ? 'clustered-t' : 'student-t' }
}

/**
 * 95 % interval of a proportion (values 0 or 1): Wilson's; where items share clusters the
 * clustered t interval, cut to [0, 1]. When all clustered values are equal, or all clusters balance
 * out, their variance says nothing, so Wilson's interval is taken over the number of clusters, the
 * conservative reading.
 */
export function proportionInterval(observations: Observations): Interval {
  const { values } = observations
  const n = values.length
  const mean = meanOf(values)
  const clusters = clusterIndex(observations.clusters)
  if (!clusters) return { mean, ...wilson(Math.round(mean * n), n), method: 'wilson' }
  const hasSpread = clusters.count < 2 || clusteredError(values, clusters) > 1e-12
  if (mean === 0 || mean === 1 || !hasSpread) return { mean, ...wilson(mean * clusters.count, clusters.count), method: 'wilson' }
  return clipToUnit(meanInterval(observations))
}

/** Cuts the interval of a score that lies in [0, 1] by definition. */
export function clipToUnit(interval: Interval): Interval {
  const { low, high } = interval
  if (low === null || high === null) return interval
  return { ...interval, low: Math.max(0, low), high: Math.min(1, high) }
}
