/*
 * What a thousand requests cost in all: the answers, and the errors among them at what one error costs.
 * Pure and small, so that a page can move the cost of an error and see at once what follows.
 */
import type { CostBasis, ExpectedCost, MetricSummary, Run, Spread, Summary } from '../server/contracts/index.js'
import { METRICS } from './metrics.js'

const REQUESTS = 1_000

/**
 * 1,000 · (cost of a request + P(error) · cost of an error), in US dollars, with a 95 % interval.
 * The interval is recovered from those of its two parts (MOVER: Zou & Donner, Statist. Med. 27 (2008)
 * 1693): with a the reach of the cost below its mean, b that of the errors' cost and r their
 * correlation, low = value − √(a² + b² + 2rab), and high likewise with the reaches above. So it stays
 * as lopsided as Wilson's is. r not known counts as 1, the widest.
 * Null where the cost of answers is not known: never 0 in its place.
 * @param errorCostUsd US dollars; 0 leaves the cost of the answers alone
 * @throws RangeError when it is negative or not finite
 */
export function expectedCost({ errorRate, costPer1000Usd: answers, correlation }: CostBasis, errorCostUsd: number): ExpectedCost | null {
  if (!(errorCostUsd >= 0 && errorCostUsd < Infinity)) throw new RangeError(`an error cannot cost ${errorCostUsd} dollars; give a number from 0 up`)
  if (answers === null) return null
  const scale = REQUESTS * errorCostUsd
  const errorsUsd = scale * errorRate.mean
  const per1000Usd = answers.mean + errorsUsd
  const ofErrors = reach(errorRate, scale)
  const ofAnswers = reach(answers, 1)
  const ends = ofErrors === null ? null : [together(ofErrors.below, ofAnswers?.below ?? 0, correlation ?? 1), together(ofErrors.above, ofAnswers?.above ?? 0, correlation ?? 1)]
  const [below = null, above = null] = ends ?? []
  return {
    errorCostUsd,
    per1000Usd,
    low: below === null ? null : per1000Usd - below,
    high: above === null ? null : per1000Usd + above,
    answersUsd: answers.mean,
    errorsUsd,
    covers: ofAnswers === null ? 'errors' : 'errors and answers',
  }
}

/** How far the interval reaches from the mean to each side, `scale` times; null where there is none. */
function reach({ mean, low, high }: Spread, scale: number): { below: number; above: number } | null {
  if (scale === 0) return { below: 0, above: 0 }
  return low === null || high === null ? null : { below: scale * (mean - low), above: scale * (high - mean) }
}

function together(a: number, b: number, correlation: number): number {
  return Math.sqrt(Math.max(0, a * a + b * b + 2 * correlation * a * b))
}

/**
 * The cost of an error at which both cost the same: above it the one with fewer errors is cheaper,
 * below it the one with cheaper answers. Null where one of them is no dearer either way, or a cost is not known.
 */
export function breakEvenErrorCost(one: CostBasis, other: CostBasis): number | null {
  if (one.costPer1000Usd === null || other.costPer1000Usd === null) return null
  const dearer = one.costPer1000Usd.mean - other.costPer1000Usd.mean
  const fewerErrors = other.errorRate.mean - one.errorRate.mean
  const at = dearer / (REQUESTS * fewerErrors)
  return at > 0 && at < Infinity ? at : null
}

/**
 * The basis of a finished run, from what its summary says of one metric. Null where 1 − the metric is no
 * share of errors (lower is better, or scores beyond 0 to 1) or nothing was scored.
 */
export function costBasisOf(summary: Pick<Summary, 'metrics' | 'costUsd' | 'costPerAnswer'>, metric: string): CostBasis | null {
  const scores = summary.metrics[metric]
  const errorRate = scores === undefined ? null : errorRateOf(metric, scores)
  if (scores === undefined || errorRate === null) return null
  const correlation = scores.costCorrelation ?? null
  return { n: scores.n, errorRate, costPer1000Usd: costOf(summary, scores), correlation: correlation === null ? null : -correlation }
}

/** Of each run whose errors and costs are known. */
export function expectedCosts(runs: readonly Pick<Run, 'id' | 'summary'>[], metric: string, errorCostUsd: number): (ExpectedCost & { runId: string })[] {
  return runs.flatMap(({ id, summary }) => {
    const basis = summary === null ? null : costBasisOf(summary, metric)
    const cost = basis === null ? null : expectedCost(basis, errorCostUsd)
    return cost === null ? [] : [{ runId: id, ...cost }]
  })
}

/** What the experiment file says an error costs. */
export function errorCostIn(spec: unknown): number | undefined {
  const said = (spec as { errorCostUsd?: unknown } | null)?.errorCostUsd
  return typeof said === 'number' ? said : undefined
}

/** 1 − the metric, for one that is better when higher and lies in [0, 1]; a metric of the user's own does when its mean does. */
export function errorRateOf(metric: string, { mean, low, high, n, higherIsBetter, corpus }: MetricSummary): Spread | null {
  const known = METRICS[metric]
  const value = Number(mean)
  if (n === 0 || !higherIsBetter || corpus !== undefined || known?.bounded === false || !(value >= 0 && value <= 1)) return null
  return { mean: 1 - value, low: high === null ? null : Math.max(0, 1 - Number(high)), high: low === null ? null : Math.min(1, 1 - Number(low)) }
}

/** Summaries that were made before the spread of costs was kept still know the mean. */
function costOf({ costUsd, costPerAnswer }: Pick<Summary, 'costUsd' | 'costPerAnswer'>, { n, unscored = 0 }: MetricSummary): Spread | null {
  if (costPerAnswer != null) return scaled(costPerAnswer)
  return costUsd === null ? null : { mean: (REQUESTS * costUsd) / (n + unscored), low: null, high: null }
}

/** US dollars of one answer to those of a thousand. */
export function scaled({ mean, low, high }: Spread): Spread {
  return { mean: REQUESTS * mean, low: low === null ? null : REQUESTS * low, high: high === null ? null : REQUESTS * high }
}
