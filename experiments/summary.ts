import { type Example, fromWire, type LatencySummary, type MetricSummary, type Summary, toWire } from '../server/contracts/index.js'
import { correlationOfMeans, costSpread } from './answer-costs.js'
import { METRICS, type OwnMetric } from './metrics.js'
import { corpusPartOf, corpusRowsOf } from './score-columns.js'
import { bootstrapMean, bootstrapSums, resamplesWithin } from './statistics/bootstrap.js'
import { CORPUS_FIGURE, type CorpusRows, sumRows } from './statistics/corpus.js'
import { clipToUnit, clusterIndex, type Interval, meanInterval, type Observations, proportionInterval } from './statistics/intervals.js'
import { quantile, quantileInterval } from './statistics/quantiles.js'

export type ScoredExample = Pick<Example, 'status' | 'scores' | 'cluster'> & Partial<Pick<Example, 'costUsd' | 'details'>>

/** The score of an example, or null where it has none: failed, not scored or NaN. Never 0 in its place. */
export function scoreOf(example: Pick<Example, 'status' | 'scores'>, metric: string): number | null {
  const score = example.scores[metric]
  if (example.status !== 'scored' || score === undefined) return null
  const value = fromWire(score)
  return Number.isNaN(value) ? null : value
}

function isEvery(values: ArrayLike<number>, holds: (value: number) => boolean): boolean {
  for (let i = 0; i < values.length; i++) if (!holds(values[i] ?? NaN)) return false
  return true
}

function intervalOf(observations: Observations, metric: string): Interval {
  const info = METRICS[metric]
  const { values } = observations
  // A scorer of the user's own counts as a proportion as long as it gives nothing but 0 and 1.
  if ((info === undefined || info.estimator === 'proportion') && isEvery(values, (value) => value === 0 || value === 1)) return proportionInterval(observations)
  if (!info?.bounded) return meanInterval(observations)
  // All scores at an end of [0, 1]: no spread to measure, and Wilson's interval bounds any score in [0, 1].
  if (isEvery(values, (value) => value === values[0]) && (values[0] === 0 || values[0] === 1)) return proportionInterval(observations)
  return clipToUnit(meanInterval(observations))
}

/**
 * One metric over the items that have a score: mean with a 95 % interval, n, and the items without
 * one counted apart. Proportions by Wilson, means by Student's t, both by cluster where items share
 * one (see statistics/intervals.ts). A figure of the whole corpus stands in place of a mean, with its
 * bootstrap interval. With no scored item the mean is NaN.
 * @param own what is said of a metric that is none of the product's
 */
export function summarizeScores(metric: string, scored: Observations & { unscored: number; errors: number; corpus?: CorpusRows | undefined }, own?: OwnMetric): MetricSummary {
  const info = METRICS[metric] ?? own
  const base = {
    n: scored.values.length,
    higherIsBetter: info?.higherIsBetter ?? true,
    ...(info?.unit === undefined ? {} : { unit: info.unit }),
    unscored: scored.unscored,
    errors: scored.errors,
  }
  if (scored.values.length === 0) return { mean: 'NaN', low: null, high: null, method: 'none', ...base }
  if (scored.corpus !== undefined) return { ...base, ...corpusSummary(scored.corpus, scored.clusters) }
  const { mean, low, high, method } = intervalOf(scored, metric)
  return { mean: toWire(mean), low, high, method, ...base }
}

/** BCa bootstrap over items, or over clusters where items share one (see statistics/bootstrap.ts). */
function corpusSummary(corpus: CorpusRows, clusters: Observations['clusters']): Pick<MetricSummary, 'mean' | 'low' | 'high' | 'method' | 'higherIsBetter' | 'corpus'> {
  const { of, width, rows } = corpus
  const { figure, higherIsBetter } = CORPUS_FIGURE[of]
  const value = figure(sumRows(corpus))
  const units = clusterIndex(clusters)?.count ?? rows.length / width
  const told = { mean: toWire(value), higherIsBetter, corpus: of }
  if (units < 2 || !Number.isFinite(value)) return { ...told, low: null, high: null, method: 'none' }
  const { low, high, method } = bootstrapSums({ rows, width, clusters }, figure, { resamples: resamplesWithin(units * width) })
  return { ...told, low: toWire(low), high: toWire(high), method: `bootstrap-${method}` }
}

/** As `summarizeScores`, from the examples of a run: failed ones are errors, others without a score unscored. */
export function summarizeMetric(metric: string, examples: readonly ScoredExample[], own?: OwnMetric): MetricSummary {
  const values: number[] = []
  const clusters: (string | null)[] = []
  const costs: number[] = []
  const parts: ReturnType<typeof corpusPartOf>[] = []
  let errors = 0
  for (const example of examples) {
    if (example.status === 'error') errors++
    const score = scoreOf(example, metric)
    if (score === null) continue
    values.push(score)
    clusters.push(example.cluster)
    parts.push(corpusPartOf(example, metric))
    if (example.costUsd != null) costs.push(example.costUsd)
  }
  const summary = summarizeScores(metric, { values, clusters, errors, unscored: examples.length - values.length - errors, corpus: corpusRowsOf(parts) }, own)
  return costs.length === 0 || costs.length < values.length || summary.corpus !== undefined ? summary : { ...summary, costCorrelation: correlationOfMeans(values, costs, clusters) }
}

/** Up to this many latencies the mean's interval is resampled; with more their skewness no longer shows in it. */
const RESAMPLED_LATENCIES = 2_000

function meanLatencyInterval(values: Float64Array): { low: number | null; high: number | null } {
  if (values.length < 2) return { low: null, high: null }
  if (values.length <= RESAMPLED_LATENCIES) {
    const { low, high } = bootstrapMean({ values })
    return { low, high }
  }
  const { low, high } = meanInterval({ values })
  return { low, high }
}

/**
 * Quantiles and mean of latencies in ms, with 95 % intervals: between order statistics for the
 * quantiles, BCa bootstrap (Student's t above 2,000 values) for the mean, since latencies are skewed.
 * Null when there is none. Resampling takes its time; who reads the quantiles alone leaves it out.
 */
export function summarizeLatencies(latencies: ArrayLike<number>, firstTokens: ArrayLike<number>, { hasMeanInterval = true } = {}): LatencySummary | null {
  if (latencies.length === 0) return null
  const sorted = Float64Array.from(latencies).sort()
  const first = Float64Array.from(firstTokens).sort()
  return {
    n: sorted.length,
    p50Ms: quantile(sorted, 0.5),
    p95Ms: quantile(sorted, 0.95),
    p99Ms: quantile(sorted, 0.99),
    meanMs: sorted.reduce((sum, value) => sum + value, 0) / sorted.length,
    intervals: { p50: quantileInterval(sorted, 0.5), p95: quantileInterval(sorted, 0.95), p99: quantileInterval(sorted, 0.99), mean: hasMeanInterval ? meanLatencyInterval(sorted) : { low: null, high: null } },
    ttftP50Ms: first.length === 0 ? null : quantile(first, 0.5),
    ttftP95Ms: first.length === 0 ? null : quantile(first, 0.95),
  }
}

export type TimedExample = Pick<Example, 'status' | 'latencyMs' | 'ttftMs' | 'cached'>

/** Latency over the items that were answered; failed calls have no latency worth the name, and nobody waited for stored replies. */
export function summarizeLatency(examples: readonly TimedExample[]): LatencySummary | null {
  const timed = examples.filter(({ status, cached }) => status !== 'error' && cached !== true)
  return summarizeLatencies(
    timed.flatMap(({ latencyMs }) => latencyMs ?? []),
    timed.flatMap(({ ttftMs }) => ttftMs ?? []),
  )
}

export type PricedExample = Pick<Example, 'status' | 'tokensIn' | 'tokensOut' | 'costUsd'> & Partial<Pick<Example, 'cluster'>>

type SummarizedCost = Pick<Summary, 'tokensIn' | 'tokensOut' | 'costUsd' | 'costPerAnswer'>

/** Sums over the examples. One answered item whose figure is not known makes the sum unknown: a partial sum would pass for a lower price. */
export function summarizeCost(examples: readonly PricedExample[]): SummarizedCost {
  const sum = (key: 'tokensIn' | 'tokensOut' | 'costUsd'): number | null => {
    let total = 0
    let known = false
    for (const example of examples) {
      const value = example[key]
      if (value === null && example.status !== 'error') return null
      known ||= value !== null
      total += value ?? 0
    }
    return known ? total : null
  }
  const answered = examples.filter(({ status }) => status !== 'error')
  const costs = answered.flatMap(({ costUsd }) => costUsd ?? [])
  const costPerAnswer = costs.length < answered.length ? null : costSpread(costs, answered.map(({ cluster }) => cluster ?? null))
  return { tokensIn: sum('tokensIn'), tokensOut: sum('tokensOut'), costUsd: sum('costUsd'), costPerAnswer }
}
