/* When an experiment can be raced, and the plan of its race. */
import type { ExperimentSpec, Kind, Problem, RacePlan } from '../server/contracts/index.js'
import { axisLength } from './axes.js'
import type { PlannedRun } from './expand.js'
import { METRICS } from './metrics.js'
import { planRace } from './race.js'

/** The kinds whose runs can stop between items. */
export const RACED_KINDS: readonly Kind[] = ['prompt', 'rag']

/** Parameters that choose the items: with others the runs could not be compared in pairs. */
const ITEM_PARAMETERS = ['split', 'limit']

type RaceProblem = Pick<Problem, 'message' | 'seen' | 'allowed'> & { path: (string | number)[] }

/** Why this experiment cannot be raced; empty for a grid without race settings. */
export function raceProblems(spec: ExperimentSpec): RaceProblem[] {
  if (spec.strategy !== 'race') {
    return spec.race === undefined ? [] : [{ path: ['race'], message: 'race is for strategy: race; the strategy is grid', allowed: 'strategy: race, or no race' }]
  }
  const problems: RaceProblem[] = []
  if (!RACED_KINDS.includes(spec.kind)) problems.push({ path: ['strategy'], message: `a ${spec.kind} run trains before it answers, so it cannot stop between items`, seen: 'race', allowed: `grid; race for the kinds ${RACED_KINDS.join(' and ')}` })
  const runs = Object.values(spec.axes).reduce((product, axis) => product * axisLength(axis), 1)
  if (runs < 2) problems.push({ path: ['strategy'], message: 'a race needs at least two runs; give an axis two values', seen: `${runs} run`, allowed: 'grid' })
  const [primary] = spec.metrics ?? []
  if (primary !== undefined && isOfCorpus(primary, spec)) problems.push({ path: ['metrics', 0], message: `${primary} is a figure of the whole corpus, and a race compares scores item by item`, seen: primary, allowed: 'a metric of single items first, or strategy: grid' })
  if (spec.repeats > 1) problems.push({ path: ['repeats'], message: 'a race gains certainty from more items, not from repeats', seen: String(spec.repeats), allowed: '1' })
  for (const name of ITEM_PARAMETERS) {
    if (name in spec.axes) problems.push({ path: ['axes', name], message: `the runs of a race answer the same items, so ${name} cannot vary`, seen: name, allowed: `fixed.${name}` })
  }
  return problems
}

function isOfCorpus(metric: string, { fixed }: ExperimentSpec): boolean {
  const scorer = (fixed as { scorers?: Record<string, { type?: unknown }> } | undefined)?.scorers?.[metric]
  return METRICS[metric]?.corpus !== undefined || scorer?.type === 'corpus'
}

/** The plan of a race over the items of the runs' split; null for a grid. */
export function racePlanOf(spec: ExperimentSpec, runs: readonly Pick<PlannedRun, 'params'>[], datasetSizes: Readonly<Record<string, number>>): RacePlan | null {
  const params = runs[0]?.params
  if (spec.strategy !== 'race' || params === undefined) return null
  const size = datasetSizes[String(params['split'])] ?? 0
  const items = typeof params['limit'] === 'number' ? Math.min(params['limit'], size) : size
  return items < 1 ? null : planRace({ arms: runs.length, items, error: spec.race?.error, calls: spec.race?.calls })
}
