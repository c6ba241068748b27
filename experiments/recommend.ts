/*
 * Which of several runs to put to work, from what an error costs, how much is asked, how long may
 * be waited and how good it must be at least. Pure: the page asks anew at every move of a slider.
 */
import type { CostBasis, Spread, Tradeoff } from '../server/contracts/index.js'
import { expectedCost } from './expected-cost.js'
import { normalQuantile, Z95 } from './statistics/distributions.js'

export interface Option {
  id: string
  latencyMs: number | null
  /** Null: it has no score. */
  basis: CostBasis | null
}

/** The options of a trade-off; on a metric that tells no errors there are none, since nothing can be priced. */
export function optionsOf({ isShare, runs }: Pick<Tradeoff, 'isShare' | 'runs'>): Option[] {
  return isShare ? runs.map(({ id, latency, costBasis }) => ({ id, latencyMs: latency?.p95Ms ?? null, basis: costBasis })) : []
}

export interface Demands {
  errorCostUsd: number
  requestsPerMonth: number
  latencyLimitMs: number | null
  minimumScore: number | null
}

/** Why an option is not the choice. `dearer` and `lower` meet the limits. */
export type Standing = 'chosen' | 'dearer' | 'lower' | 'too slow' | 'latency unknown' | 'not good enough' | 'cost unknown' | 'no score'

export interface JudgedOption {
  id: string
  standing: Standing
  /** US dollars a month, errors included; null where the running cost is not known. */
  monthlyUsd: Spread | null
  runningUsd: number | null
  errorsUsd: Spread | null
}

export interface Recommendation {
  chosenId: string | null
  /** cost: the lowest expected cost; score: no running cost is known among those that meet the limits, so the highest score. */
  basis: 'cost' | 'score'
  options: JudgedOption[]
}

const FREE: Spread = { mean: 0, low: 0, high: 0 }
const PER_THOUSAND = 1_000

/** Options outside the limits are never chosen; those whose cost is not known only if it is known of none. Of equals the first. */
export function recommend(options: readonly Option[], demands: Demands): Recommendation {
  const judged = options.map((option) => ({ ...monthly(option, demands), broken: limitBroken(option, demands) }))
  const within = judged.filter(({ broken }) => broken === null)
  const basis = within.length === 0 || within.some(({ monthlyUsd }) => monthlyUsd !== null) ? 'cost' : 'score'
  const priceOf = ({ monthlyUsd, errorRate }: (typeof judged)[number]): number => (basis === 'score' ? errorRate : (monthlyUsd?.mean ?? Infinity))
  const eligible = within.filter((one) => priceOf(one) < Infinity)
  const chosen = eligible.reduce<(typeof judged)[number] | null>((best, one) => (best === null || priceOf(one) < priceOf(best) ? one : best), null)
  const standingOf = (one: (typeof judged)[number]): Standing => {
    if (one === chosen) return 'chosen'
    return one.broken ?? (basis === 'score' ? 'lower' : one.monthlyUsd === null ? 'cost unknown' : 'dearer')
  }
  return {
    chosenId: chosen?.id ?? null,
    basis,
    options: judged.map((one) => ({ id: one.id, standing: standingOf(one), monthlyUsd: one.monthlyUsd, runningUsd: one.runningUsd, errorsUsd: one.errorsUsd })),
  }
}

function limitBroken({ basis, latencyMs }: Option, { latencyLimitMs, minimumScore }: Demands): Standing | null {
  if (basis === null) return 'no score'
  if (minimumScore !== null && 1 - basis.errorRate.mean < minimumScore) return 'not good enough'
  if (latencyLimitMs === null) return null
  return latencyMs === null ? 'latency unknown' : latencyMs > latencyLimitMs ? 'too slow' : null
}

function monthly({ id, basis }: Option, demands: Demands): Omit<JudgedOption, 'standing'> & { errorRate: number } {
  if (basis === null) return { id, monthlyUsd: null, runningUsd: null, errorsUsd: null, errorRate: Infinity }
  const { costPer1000Usd: running, errorRate } = basis
  return {
    id,
    monthlyUsd: perMonth(basis, demands),
    runningUsd: running === null ? null : (running.mean * demands.requestsPerMonth) / PER_THOUSAND,
    errorsUsd: perMonth({ ...basis, costPer1000Usd: FREE }, demands),
    errorRate: errorRate.mean,
  }
}

/** US dollars a month, running and errors together; of a difference it may be negative. */
function perMonth(basis: CostBasis, { errorCostUsd, requestsPerMonth }: Demands): Spread | null {
  const cost = expectedCost(basis, errorCostUsd)
  if (cost === null) return null
  const months = requestsPerMonth / PER_THOUSAND
  return { mean: months * cost.per1000Usd, low: cost.low === null ? null : months * cost.low, high: cost.high === null ? null : months * cost.high }
}

/** A paired test of an option against the chosen one. */
export interface PairedDifference {
  runId: string
  /** Mean score of the option minus that of the chosen one, with its 95 % interval. */
  difference: number
  low: number | null
  high: number | null
  n: number
  /** Of the difference by item; null where one of them has no price of its own. */
  costBasis: CostBasis | null
}

export interface Dearer {
  id: string
  /** US dollars that the option costs more a month than the chosen one; on the basis of scores, how much lower its score is. */
  more: Spread
  /** Whether the interval, widened for the number of options (Bonferroni), holds no 0. */
  isClear: boolean
  n: number
}

/**
 * How the options within the limits differ from the chosen one, from paired tests on the items that both answered.
 * What is not clear is tied with the choice: the data do not tell which of them is better.
 */
export function differences(options: readonly Option[], { chosenId, basis, options: judged }: Recommendation, { demands, tests }: { demands: Demands; tests: readonly PairedDifference[] }): Dearer[] {
  const chosen = options.find(({ id }) => id === chosenId)
  const rivals = new Set(judged.filter(({ standing }) => standing === 'dearer' || standing === 'lower').map(({ id }) => id))
  return tests.filter(({ runId }) => rivals.has(runId)).flatMap((test) => {
    const option = options.find(({ id }) => id === test.runId)
    if (chosen === undefined || option === undefined) return []
    const more = basis === 'score' ? errorsMore(test) : perMonth(test.costBasis ?? basisOfMeans(option, chosen, test), demands)
    return more === null ? [] : [{ id: test.runId, more, isClear: isAboveZero(more, rivals.size), n: test.n }]
  })
}

function errorsMore({ difference, low, high }: PairedDifference): Spread {
  return { mean: -difference, low: high === null ? null : -high, high: low === null ? null : -low }
}

/** Where costs are not known item by item: from both means, their correlation taken as the widest. */
function basisOfMeans(option: Option, chosen: Option, test: PairedDifference): CostBasis {
  const [mine, theirs] = [option.basis?.costPer1000Usd ?? null, chosen.basis?.costPer1000Usd ?? null]
  return { n: test.n, errorRate: errorsMore(test), costPer1000Usd: mine === null || theirs === null ? null : differenceOf(mine, theirs), correlation: null }
}

/** Two means taken as independent: the reaches are squared and added. */
function differenceOf(a: Spread, b: Spread): Spread {
  const mean = a.mean - b.mean
  const reach = (x: number | null, y: number | null): number | null => (x === null || y === null ? null : Math.hypot(x - a.mean, y - b.mean))
  const [below, above] = [reach(a.low, b.high), reach(a.high, b.low)]
  return { mean, low: below === null ? null : mean - below, high: above === null ? null : mean + above }
}

/** A 95 % interval reaches 1.96 standard errors; among k rivals it must reach as far as 5 % / k asks for. */
function isAboveZero({ mean, low }: Spread, rivals: number): boolean {
  if (low === null) return false
  const wider = normalQuantile(1 - 0.025 / Math.max(1, rivals)) / Z95
  return mean - wider * (mean - low) > 0
}
