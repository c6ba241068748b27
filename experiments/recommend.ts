/*
 * Which of several runs to put to work, from what an error costs, how much is asked, how long may
 * be waited and how good it must be at least. Pure: the page asks anew at every move of a slider.
 */
import { normalQuantile, Z95 } from './statistics/distributions.js'
import { type Estimated, weightedSum } from './weighted-sum.js'

export interface Option {
  id: string
  /** Share of right answers. */
  score: Estimated
  latencyMs: number | null
  /** Null: not known. */
  costPer1000Usd: Estimated | null
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
  monthlyUsd: Estimated | null
  runningUsd: Estimated | null
  errorsUsd: Estimated | null
}

export interface Recommendation {
  chosenId: string | null
  /** cost: the lowest expected cost; score: no running cost is known among those that meet the limits, so the highest score. */
  basis: 'cost' | 'score'
  options: JudgedOption[]
}

/** Options outside the limits are never chosen; those whose cost is not known only if it is known of none. Of equals the first. */
export function recommend(options: readonly Option[], demands: Demands): Recommendation {
  const within = options.filter((option) => limitBroken(option, demands) === null)
  const basis = within.some(({ costPer1000Usd }) => costPer1000Usd !== null) || within.length === 0 ? 'cost' : 'score'
  const eligible = basis === 'score' ? within : within.filter(({ costPer1000Usd }) => costPer1000Usd !== null)
  const priceOf = (option: Option): number => (basis === 'score' ? -option.score.mean : expectedCostPer1000(option.score, option.costPer1000Usd, demands.errorCostUsd).mean)
  const chosen = eligible.reduce<Option | null>((best, option) => (best === null || priceOf(option) < priceOf(best) ? option : best), null)
  const standingOf = (option: Option): Standing => {
    if (option === chosen) return 'chosen'
    return limitBroken(option, demands) ?? (basis === 'score' ? 'lower' : option.costPer1000Usd === null ? 'cost unknown' : 'dearer')
  }
  return { chosenId: chosen?.id ?? null, basis, options: options.map((option) => ({ id: option.id, standing: standingOf(option), ...monthly(option, demands) })) }
}

function limitBroken({ score, latencyMs }: Option, { latencyLimitMs, minimumScore }: Demands): Standing | null {
  if (!Number.isFinite(score.mean)) return 'no score'
  if (minimumScore !== null && score.mean < minimumScore) return 'not good enough'
  if (latencyLimitMs === null) return null
  return latencyMs === null ? 'latency unknown' : latencyMs > latencyLimitMs ? 'too slow' : null
}

function monthly({ score, costPer1000Usd }: Option, { errorCostUsd, requestsPerMonth }: Demands): Omit<JudgedOption, 'id' | 'standing'> {
  const thousands = requestsPerMonth / 1000
  if (!Number.isFinite(score.mean)) return { monthlyUsd: null, runningUsd: scaled(costPer1000Usd, thousands), errorsUsd: null }
  return {
    monthlyUsd: costPer1000Usd === null ? null : scaled(expectedCostPer1000(score, costPer1000Usd, errorCostUsd), thousands),
    runningUsd: scaled(costPer1000Usd, thousands),
    errorsUsd: scaled(expectedCostPer1000(score, null, errorCostUsd), thousands),
  }
}

/** US dollars for 1,000 requests, running and errors together: cost + 1,000 · errorCostUsd · (1 − score). Without a known cost, errors alone. */
export function expectedCostPer1000(score: Estimated, costPer1000Usd: Estimated | null, errorCostUsd: number): Estimated {
  const { mean, low, high } = weightedSum(costPer1000Usd ?? { mean: 0, low: 0, high: 0 }, 1, score, -1000 * errorCostUsd)
  const errors = 1000 * errorCostUsd
  // No run costs less than nothing.
  return { mean: mean + errors, low: low === null ? null : Math.max(0, low + errors), high: high === null ? null : high + errors }
}

const scaled = (value: Estimated | null, factor: number): Estimated | null =>
  value && { mean: factor * value.mean, low: value.low === null ? null : factor * value.low, high: value.high === null ? null : factor * value.high }

/** A paired test of an option against the chosen one. */
export interface PairedDifference {
  runId: string
  /** Mean score of the option minus that of the chosen one, with its 95 % interval. */
  difference: number
  low: number | null
  high: number | null
  n: number
}

export interface Dearer {
  id: string
  /** How much more the option costs a month than the chosen one; on the basis of scores, how much lower its score is. */
  more: Estimated
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
  if (chosen === undefined) return []
  return tests.filter(({ runId }) => rivals.has(runId)).flatMap(({ runId, difference, low, high, n }) => {
    const option = options.find(({ id }) => id === runId)
    if (option === undefined) return []
    const paired = { mean: difference, low, high }
    const more = basis === 'score' ? weightedSum(paired, -1, { mean: 0, low: 0, high: 0 }, 0) : moreUsd({ option, chosen, paired }, demands)
    return [{ id: runId, more, isClear: isAboveZero(more, rivals.size), n }]
  })
}

function moreUsd({ option, chosen, paired }: { option: Option; chosen: Option; paired: Estimated }, { errorCostUsd, requestsPerMonth }: Demands): Estimated {
  const zero = { mean: 0, low: 0, high: 0 }
  const running = weightedSum(option.costPer1000Usd ?? zero, 1, chosen.costPer1000Usd ?? zero, -1)
  return weightedSum(running, requestsPerMonth / 1000, paired, -requestsPerMonth * errorCostUsd)
}

/** A 95 % interval reaches 1.96 standard errors; among k rivals it must reach as far as 5 % / k asks for. */
function isAboveZero({ mean, low }: Estimated, rivals: number): boolean {
  if (low === null) return false
  const wider = normalQuantile(1 - 0.025 / Math.max(1, rivals)) / Z95
  return mean - wider * (mean - low) > 0
}
