/* What a race says of its runs: why one was stopped, and how the race ended. */
import type { RacePlan } from '../server/contracts/index.js'
import { quantity } from './finding.js'
import type { NamedMetric } from './metrics.js'
import type { RaceDecision, Stopped } from './race.js'
import { ENGLISH } from './wording.js'

interface Told {
  plan: RacePlan
  /** Numbers of items at the looks so far. */
  looks: readonly number[]
  metric: NamedMetric
  /** Names of the runs by id. */
  names: ReadonlyMap<string, string>
}

/** p-values of early looks are far below what tables show. */
function small(p: number): string {
  return p < 0.001 ? p.toExponential(1).replace('e-', ' × 10^−') : p.toFixed(4)
}

function when({ plan, looks }: Told): string {
  return `look ${looks.length} of ${plan.looks.length}, after ${looks.at(-1) ?? 0} of ${plan.items} items`
}

/** Why a run was stopped. */
export function stopReason(stopped: Stopped, { leaderId, limit }: Pick<RaceDecision, 'leaderId' | 'limit'>, told: Told): string {
  const { metric, names } = told
  const leader = names.get(leaderId ?? '') ?? 'the leader'
  const by = quantity(Math.abs(stopped.difference), { metric, wording: ENGLISH })
  return `Stopped at ${when(told)}: worse than ${leader} on ${metric.label} by ${by} (n = ${stopped.n} paired items; p = ${small(stopped.p)}, and the limit at this look was ${small(limit)}).`
}

/** How a race ended for those that were left; null while it goes on. */
export function raceEnding({ end, left }: Pick<RaceDecision, 'end' | 'left'>, told: Told): string | null {
  const { metric, names, plan } = told
  if (end === null) return null
  const [first] = left
  if (end === 'won') return `Won the race at ${when(told)}: each of the others was worse on ${metric.label} by a paired test at ${100 * plan.error} % for the whole race.`
  if (left.length === 1) return `Alone at the end: ${names.get(first ?? '') ?? 'this run'} answered all it may, and its rivals were stopped or failed.`
  const cause = end === 'items' ? `all ${plan.items} items are answered` : `the ${plan.calls ?? 0} answers allowed are given`
  return `Tied for the best on ${metric.label} when ${cause}: ${left.length} runs are left, and none of them is clearly worse than the leader.`
}
