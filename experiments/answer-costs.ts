/* How the cost of answers spreads over the items, and how it goes with their errors. */
import type { CostBasis, MetricSummary, PairedTest, Spread } from '../server/contracts/index.js'
import { errorRateOf, scaled } from './expected-cost.js'
import { METRICS, type NamedMetric } from './metrics.js'
import type { Pairs, ScoreColumns } from './score-columns.js'
import { clusterIndex, meanInterval, meanOf } from './statistics/intervals.js'

/** What an answer costs on the average, US dollars: Student's interval, by cluster where items share one. Costs are never below 0, differences of costs may be. */
export function costSpread(costs: ArrayLike<number>, clusters: readonly (string | null)[] | undefined, { isDifference = false } = {}): Spread | null {
  if (costs.length === 0) return null
  const { mean, low, high } = meanInterval({ values: costs, clusters })
  return { mean, low: low === null || isDifference ? low : Math.max(0, low), high }
}

/**
 * Correlation of two means over the same items: Pearson's r, and with clusters that of the clusters'
 * sums of deviations, as in the clustered error. Null where one side does not vary.
 */
export function correlationOfMeans(a: ArrayLike<number>, b: ArrayLike<number>, clusters: readonly (string | null)[] | undefined): number | null {
  const index = clusterIndex(clusters)
  const [meanA, meanB] = [meanOf(a), meanOf(b)]
  const sumsA = new Float64Array(index?.count ?? a.length)
  const sumsB = new Float64Array(sumsA.length)
  for (let item = 0; item < a.length; item++) {
    const unit = index?.index[item] ?? item
    sumsA[unit] = (sumsA[unit] ?? 0) + (a[item] ?? 0) - meanA
    sumsB[unit] = (sumsB[unit] ?? 0) + (b[item] ?? 0) - meanB
  }
  const squares = (sums: Float64Array): number => sums.reduce((sum, value) => sum + value * value, 0)
  const product = sumsA.reduce((sum, value, unit) => sum + value * (sumsB[unit] ?? 0), 0)
  // Equal costs leave a deviation of rounding alone, which would pass for a correlation.
  const varies = (sums: Float64Array, mean: number): boolean => Math.sqrt(squares(sums) / sums.length) > 1e-9 * Math.abs(mean)
  return varies(sumsA, meanA) && varies(sumsB, meanB) ? product / Math.sqrt(squares(sumsA) * squares(sumsB)) : null
}

/** The basis of a run from its answers: errors over those that are scored, cost over all of them, and how both go together. */
export function costBasisOfColumns(metric: string, { scores, costs, clusters }: ScoreColumns, summary: MetricSummary): CostBasis | null {
  const errorRate = errorRateOf(metric, summary)
  if (errorRate === null) return null
  if (costs === null) return { n: summary.n, errorRate, costPer1000Usd: null, correlation: null }
  const priced = placesOf(costs, (cost) => !Number.isNaN(cost))
  const both = priced.filter((item) => !Number.isNaN(scores[item]))
  const at = (values: Float64Array, items: readonly number[]): number[] => items.map((item) => values[item] ?? NaN)
  const clustersOf = (items: readonly number[]): (string | null)[] | undefined => (clusters === null ? undefined : items.map((item) => clusters[item] ?? null))
  const spread = costSpread(at(costs, priced), clustersOf(priced))
  const withScores = correlationOfMeans(at(scores, both), at(costs, both), clustersOf(both))
  return { n: summary.n, errorRate, costPer1000Usd: spread === null ? null : scaled(spread), correlation: withScores === null ? null : -withScores }
}

/** What the paired items say of the difference in errors and in cost; null where a cost is not known or the metric tells no errors. */
export function costDifference({ id, higherIsBetter }: Pick<NamedMetric, 'id' | 'higherIsBetter'>, { run, baseline, costs, clusters, corpus }: Pairs, { n, difference, low, high }: Pick<PairedTest, 'n' | 'difference' | 'low' | 'high'>): CostBasis | null {
  const known = METRICS[id]
  const isShare = known === undefined ? [run, baseline].every((scores) => scores.every((score) => score >= 0 && score <= 1)) : known.bounded
  const tellsErrors = isShare && higherIsBetter
  const spread = costs === null || corpus !== null || !tellsErrors ? null : costSpread(costs, clusters, { isDifference: true })
  if (costs === null || spread === null) return null
  const errors = run.map((score, item) => (baseline[item] ?? NaN) - score)
  return {
    n,
    errorRate: { mean: -difference, low: high === null ? null : -high, high: low === null ? null : -low },
    costPer1000Usd: scaled(spread),
    correlation: correlationOfMeans(errors, costs, clusters),
  }
}

function placesOf(values: Float64Array, holds: (value: number) => boolean): number[] {
  const places: number[] = []
  for (const [place, value] of values.entries()) if (holds(value)) places.push(place)
  return places
}
