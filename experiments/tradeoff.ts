/*
 * Everything tried on one dataset in one plane: what it gives against what it takes. Runs of any
 * kind stand beside each other only on the same version of the dataset and on items that all of
 * them answered; whatever does not is named apart, never mixed in.
 */
import type { RunningCost, TradeoffRun } from '../server/contracts/index.js'
import { fromWire } from '../server/contracts/index.js'
import { costBasisOfColumns, costSpread } from './answer-costs.js'
import type { ComparedRun } from './comparison.js'
import { scaled } from './expected-cost.js'
import type { NamedMetric } from './metrics.js'
import { Pairwise } from './pairwise.js'
import { paretoStandings, type ParetoStanding } from './pareto.js'
import { type Arm, pooled } from './repeats.js'
import { rowsAt, scoredOf, type ScoreColumns } from './score-columns.js'
import { normalQuantile } from './statistics/distributions.js'
import { summarizeLatencies, summarizeScores } from './summary.js'

/** How long the answers of a run to the shared items took, in ms and in no order. */
export interface Served {
  latencies: Float64Array
  firstTokens: Float64Array
}

export interface ItemGroup {
  itemIds: readonly string[]
  /** How many runs answered exactly these. */
  runs: number
}

const MS_PER_HOUR = 3_600_000
const REQUESTS = 1_000

/**
 * The items to compare on: of the sets that were answered, the one with the most answers in all runs
 * that hold it whole. A run of ten items cannot shrink the ground of all others, and a run of more
 * items than the others is compared on theirs.
 * @returns places of the groups that hold the ground, and the place of the ground itself
 */
export function commonGround(groups: readonly ItemGroup[]): { ground: number; holders: number[] } | null {
  const sets = groups.map(({ itemIds }) => new Set(itemIds))
  let best: { ground: number; holders: number[]; answers: number } | null = null
  for (const [ground, { itemIds }] of groups.entries()) {
    const holders = [...sets.keys()].filter((other) => (sets[other]?.size ?? 0) >= itemIds.length && itemIds.every((id) => sets[other]?.has(id)))
    const answers = itemIds.length * holders.reduce((sum, holder) => sum + (groups[holder]?.runs ?? 0), 0)
    if (itemIds.length > 0 && (best === null || answers > best.answers)) best = { ground, holders, answers }
  }
  return best
}

/** The columns of a run on some items alone, in the order of those. */
export function restricted(columns: ScoreColumns, itemIds: readonly string[], served: Served | undefined): ScoreColumns {
  const places = new Map(columns.itemIds.map((id, place) => [id, place]))
  const at = itemIds.map((id) => places.get(id) ?? -1)
  const costs = columns.costs === null ? null : Float64Array.from(at, (place) => columns.costs?.[place] ?? NaN)
  return {
    itemIds,
    clusters: columns.clusters === null ? null : at.map((place) => columns.clusters?.[place] ?? null),
    scores: Float64Array.from(at, (place) => columns.scores[place] ?? NaN),
    failed: Uint8Array.from(at, (place) => columns.failed[place] ?? 0),
    latencies: served?.latencies ?? new Float64Array(),
    firstTokens: served?.firstTokens ?? new Float64Array(),
    costs,
    costUsd: costs?.reduce((sum, cost) => (Number.isNaN(cost) ? sum : sum + cost), 0) ?? null,
    metrics: columns.metrics,
    ...(columns.corpus === undefined ? {} : { corpus: rowsAt(columns.corpus, at) }),
  }
}

export interface TradeoffRequest {
  metric: NamedMetric
  /** On the shared items alone, see `restricted`. */
  runs: readonly ComparedRun[]
  /** What an hour of the machine costs, for runs without a price of their own. */
  perHourUsd: number | null
}

/** Each cell with its score, latency and running cost, and where it stands to the front of each of the three planes. Pure. */
export function tradeoffRuns({ metric, runs, perHourUsd }: TradeoffRequest): TradeoffRun[] {
  const arms = pooled(runs)
  const pairwise = new Pairwise(metric)
  const rows = arms.map((arm) => {
    // The mean's interval takes its time and is read where time is money.
    const latency = summarizeLatencies(arm.columns.latencies, arm.columns.firstTokens, { hasMeanInterval: perHourUsd !== null })
    const summary = summarizeScores(metric.id, scoredOf(arm.columns), metric)
    const cost = pricedCost(arm.columns) ?? assumedCost(latency, perHourUsd)
    const basis = costBasisOfColumns(metric.id, arm.columns, summary)
    return { arm, summary, latency, cost, basis: basis && { ...basis, costPer1000Usd: cost === null ? null : { mean: cost.mean, low: cost.low, high: cost.high } } }
  })
  const planeOf = (priceOf: (row: (typeof rows)[number]) => number | null) => standings(rows.map(({ summary }) => fromWire(summary.mean)), rows.map(priceOf), { arms, pairwise, metric })
  const [cost, p50, p95] = [planeOf((row) => row.cost?.mean ?? null), planeOf((row) => row.latency?.p50Ms ?? null), planeOf((row) => row.latency?.p95Ms ?? null)]
  return rows.map(({ arm: { run, runIds, name }, summary, latency, basis, cost: running }, place) => ({
    id: run.id,
    runIds,
    name,
    experimentId: run.experimentId,
    experimentName: run.experimentName,
    kind: run.kind,
    summary,
    latency,
    costPer1000Usd: running,
    costBasis: basis,
    pareto: { cost: cost[place] ?? null, p50: p50[place] ?? null, p95: p95[place] ?? null },
  }))
}

function pricedCost({ costs, clusters }: ScoreColumns): RunningCost | null {
  if (costs === null) return null
  const priced = [...costs.keys()].filter((item) => !Number.isNaN(costs[item]))
  const spread = costSpread(priced.map((item) => costs[item] ?? NaN), clusters === null ? undefined : priced.map((item) => clusters[item] ?? null))
  return spread && { ...scaled(spread), n: priced.length, basis: 'priced' }
}

/** As the experiment file's `price.perHour` counts: the time of an answer is paid for. */
function assumedCost(latency: TradeoffRun['latency'], perHourUsd: number | null): RunningCost | null {
  if (perHourUsd === null || latency === null) return null
  const price = (ms: number): number => (REQUESTS * ms * perHourUsd) / MS_PER_HOUR
  const { low, high } = latency.intervals?.mean ?? { low: null, high: null }
  return { mean: price(latency.meanMs), low: low === null ? null : price(low), high: high === null ? null : price(high), n: latency.n, basis: 'assumed' }
}

/** On the plane of the metric and one price; a run whose price is not known stands outside of it. */
function standings(means: readonly number[], prices: readonly (number | null)[], { arms, pairwise, metric }: { arms: readonly Arm[]; pairwise: Pairwise; metric: NamedMetric }): (ParetoStanding | null)[] {
  const critical = normalQuantile(1 - 0.05 / 2 / Math.max(1, arms.length - 1))
  const plane = prices.map((price, place) => {
    const mean = means[place] ?? NaN
    return { quality: price === null || Number.isNaN(mean) ? null : metric.higherIsBetter ? mean : -mean, latencyMs: price, costUsd: null }
  })
  return paretoStandings(plane, (better, worse) => {
    const [run, other] = [arms[better], arms[worse]]
    return run !== undefined && other !== undefined && pairwise.zOf(run, other) > critical
  })
}
