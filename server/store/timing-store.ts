/* How long finished runs took, for estimates of those to come. */
import type { Kind, ParameterValue, PastRun } from '../contracts/index.js'
import type { Database } from './database.js'
import { storable } from './text.js'

interface TimingRow {
  kind: Kind
  params: Record<string, ParameterValue>
  dataset: string
  host: string
  threads: number
  duration_ms: number
  answered: number
  latency_ms: number | null
  steps: number | null
  tokens: number | null
  tokens_per_second: number | null
  is_whole: boolean
}

/** Enough to find runs of the same shape among those of one model. */
const MOST_RUNS = 60

export class TimingStore {
  constructor(private readonly database: Database) {}

  /** Finished runs of the kinds that told where they ran, those of the models first, then the newest. Runs that only scored stored answers anew took other time and are left out. */
  async pastRuns(kinds: readonly Kind[], models: readonly string[]): Promise<PastRun[]> {
    const rows = await this.database.client.$queryRaw<TimingRow[]>`
      WITH chosen AS (
        SELECT id, seq, kind, params, dataset, environment, summary, coalesce(params->'model'->>'model', params->>'model') = ANY(${models.map(storable)}::text[]) AS is_of_model FROM run
        WHERE kind = ANY(${[...kinds]}::text[]) AND status = 'succeeded' AND rescored_from IS NULL AND json_typeof(environment) = 'object' AND json_typeof(summary) = 'object'
        ORDER BY is_of_model DESC NULLS LAST, seq DESC LIMIT ${MOST_RUNS}::int)
      SELECT c.kind, c.params, c.dataset, c.environment->>'host' AS host, (c.environment->>'threads')::int AS threads,
             (c.summary->>'durationMs')::float8 AS duration_ms, (c.summary->'latency'->>'meanMs')::float8 AS latency_ms, (c.summary->>'stopReason') IS NULL AS is_whole,
             (SELECT count(*)::int FROM example x WHERE x.run_id = c.id AND x.status <> 'error' AND NOT x.cached) AS answered,
             tokens.last_step AS steps, tokens.last_value AS tokens,
             (SELECT percentile_cont(0.5) WITHIN GROUP (ORDER BY pace) FROM unnest(paces.values) AS pace WHERE pace > 0 AND pace < 'Infinity') AS tokens_per_second
      FROM chosen c
      LEFT JOIN metric_series tokens ON tokens.run_id = c.id AND tokens.key = 'train/num_tokens'
      LEFT JOIN LATERAL (SELECT m.values FROM metric_chunk m WHERE m.run_id = c.id AND m.key = 'train/tokens_per_second' ORDER BY m.first_step DESC LIMIT 1) paces ON true
      ORDER BY c.is_of_model DESC NULLS LAST, c.seq DESC`
    return rows.map(toPastRun)
  }
}

function toPastRun(row: TimingRow): PastRun {
  const { kind, params, dataset, host, threads, answered, latency_ms: latencyMs, steps, tokens, tokens_per_second: pace } = row
  const isTraining = steps !== null && steps > 0 && tokens !== null && pace !== null
  return {
    kind, params, dataset, host, threads, answered,
    seconds: row.duration_ms / 1000,
    latencySeconds: latencyMs === null ? null : latencyMs / 1000,
    training: isTraining ? { steps, secondsPerStep: tokens / steps / pace, isWhole: row.is_whole } : null,
  }
}
