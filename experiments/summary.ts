import { type Example, fromWire, type LatencySummary, type MetricSummary, toWire } from '../server/contracts/index.js'
import { METRICS } from './metrics.js'
import { clipToUnit, type Interval, meanInterval, type Observations, proportionInterval } from './statistics/intervals.js'
import { quantile } from './statistics/quantiles.js'

export type ScoredExample = Pick<Example, 'status' | 'scores' | 'cluster'>

/** The score of an example, or null where it has none: failed, not scored or NaN. Never 0 in its place. */
export function scoreOf(example: Pick<Example, 'status' | 'scores'>, metric: string): number | null {
  const score = example.scores[metric]
  if (example.status !== 'scored' || score === undefined) return null
  const value = fromWire(score)
  return Number.isNaN(value) ? null : value
}

function intervalOf(observations: Observations, metric: string): Interval {
  const info = METRICS[metric]
  const values = Array.from(observations.values)
  if (info?.estimator === 'proportion' && values.every((value) => value === 0 || value === 1)) return proportionInterval(observations)
  if (!info?.bounded) return meanInterval(observations)
  // All scores at an end of [0, 1]: no spread to measure, and Wilson's interval bounds any score in [0, 1].
  if (values.every((value) => value === values[0]) && (values[0] === 0 || values[0] === 1)) return proportionInterval(observations)
  return clipToUnit(meanInterval(observations))
}

/**
 * One metric over the examples of a run: mean with a 95 % interval, n items scored, items without
 * a score and failed ones counted apart. Proportions by Wilson, means by Student's t, both by
 * cluster where items share one (see statistics/intervals.ts). With no scored item the mean is NaN.
 */
export function summarizeMetric(metric: string, examples: readonly ScoredExample[]): MetricSummary {
  const values: number[] = []
  const clusters: (string | null)[] = []
  let errors = 0
  for (const example of examples) {
    if (example.status === 'error') errors++
    const score = scoreOf(example, metric)
    if (score === null) continue
    values.push(score)
    clusters.push(example.cluster)
  }
  const info = METRICS[metric]
  const base = {
    n: values.length,
    higherIsBetter: info?.higherIsBetter ?? true,
    ...(info?.unit === undefined ? {} : { unit: info.unit }),
    unscored: examples.length - values.length - errors,
    errors,
  }
  if (values.length === 0) return { mean: 'NaN', low: null, high: null, method: 'none', ...base }
  const { mean, low, high, method } = intervalOf({ values, clusters }, metric)
  return { mean: toWire(mean), low, high, method, ...base }
}

function sortedValues(examples: readonly TimedExample[], pick: (example: TimedExample) => number | null): Float64Array {
  const values = examples.flatMap((example) => (example.status === 'error' ? [] : (pick(example) ?? [])))
  return Float64Array.from(values).sort()
}

export type TimedExample = Pick<Example, 'status' | 'latencyMs' | 'ttftMs'>

/** Latency over the items that were answered; failed calls have no latency worth the name. Null when none has one. */
export function summarizeLatency(examples: readonly TimedExample[]): LatencySummary | null {
  const latency = sortedValues(examples, (example) => example.latencyMs)
  if (latency.length === 0) return null
  const first = sortedValues(examples, (example) => example.ttftMs)
  return {
    n: latency.length,
    p50Ms: quantile(latency, 0.5),
    p95Ms: quantile(latency, 0.95),
    meanMs: latency.reduce((sum, value) => sum + value, 0) / latency.length,
    ttftP50Ms: first.length === 0 ? null : quantile(first, 0.5),
    ttftP95Ms: first.length === 0 ? null : quantile(first, 0.95),
  }
}

export type PricedExample = Pick<Example, 'status' | 'tokensIn' | 'tokensOut' | 'costUsd'>

/** Sums over the examples. One answered item whose figure is not known makes the sum unknown: a partial sum would pass for a lower price. */
export function summarizeCost(examples: readonly PricedExample[]): { tokensIn: number | null; tokensOut: number | null; costUsd: number | null } {
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
  return { tokensIn: sum('tokensIn'), tokensOut: sum('tokensOut'), costUsd: sum('costUsd') }
}
