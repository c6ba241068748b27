/* What a run that scored examples leaves for tables, the same for every kind. */
import type { OwnMetric } from '../experiments/metrics.js'
import { summarizeCost, summarizeLatency, summarizeMetric } from '../experiments/summary.js'
import { EmbeddingUseSchema, type EmbeddingUse, type Example, type Summary } from '../server/contracts/index.js'
import { sumUses } from './providers/accounted-embeddings.js'
import { sumKnown } from './providers/paid-calls.js'
import { elapsedMs, RunFailure, type RunContext } from './run-context.js'

/**
 * The metrics asked for come first, then whatever else was scored.
 * @param own what the experiment file says of metrics of its own
 */
export function summarizeExamples(context: Pick<RunContext<unknown>, 'assignment' | 'startedAtMs'>, examples: readonly Example[], own?: ReadonlyMap<string, OwnMetric>): Summary {
  const asked = context.assignment.metrics
  const primaryMetric = asked[0]
  if (primaryMetric === undefined) throw new RunFailure('invalid_params', 'the run names no metric to compare it by')
  const scored = examples.flatMap(({ scores }) => Object.keys(scores))
  const metrics = Object.fromEntries([...new Set([...asked, ...scored])].map((metric) => [metric, summarizeMetric(metric, examples, own?.get(metric))]))
  const cachedExamples = examples.filter(({ cached }) => cached === true).length
  return {
    metrics,
    primaryMetric,
    latency: summarizeLatency(examples),
    ...summarizeCost(examples),
    ...(cachedExamples === 0 ? {} : { cachedExamples }),
    ...judgeCostOf(examples),
    ...embeddingsOf(examples),
    durationMs: elapsedMs(context),
  }
}

/** Left out where nothing was judged. */
function judgeCostOf(examples: readonly Example[]): { judgeCostUsd?: number | null } {
  const costs = examples.flatMap(({ judgeCostUsd }) => (judgeCostUsd === undefined ? [] : [judgeCostUsd]))
  return costs.length === 0 ? {} : { judgeCostUsd: sumKnown(costs) }
}

/** Left out where no endpoint was asked for vectors. */
function embeddingsOf(examples: readonly Example[]): { embeddings?: EmbeddingUse } {
  const embeddings = sumUses(examples.flatMap(({ details: { embeddings: use } }) => (use === undefined ? [] : (EmbeddingUseSchema.safeParse(use).data ?? []))))
  return embeddings === null ? {} : { embeddings }
}

/** Refuses a run whose metrics this task cannot give, before anything is paid for. */
export function assertScorable(asked: readonly string[], available: readonly string[], what: string): void {
  const unknown = asked.find((metric) => !available.includes(metric))
  if (unknown === undefined) return
  throw new RunFailure('metric_unknown', `metric "${unknown}" cannot be scored on ${what}; it gives ${available.join(', ')}`)
}
