/* Which finished run of each experiment has the best primary metric so far. */
import { MetricSummarySchema, type ExperimentSummary } from '../contracts/index.js'
import type { Session } from './database.js'

export type BestRun = NonNullable<ExperimentSummary['best']>

interface BestRow {
  experiment_id: string
  id: string
  name: string
  summary: unknown
}

/**
 * The best run by experiment id; an experiment without a finished, scored run has none. A mean that
 * is NaN is no best. Of equals the first in the order of the sweep.
 */
export async function readBestRuns(session: Session, experimentIds: readonly string[]): Promise<Map<string, BestRun>> {
  const rows = await session.$queryRaw<BestRow[]>`
    SELECT DISTINCT ON (experiment_id) experiment_id, id, name, summary
    FROM (SELECT run.experiment_id, run.id, run.name, run.cell, run.repeat, run.summary->'metrics'->experiment.primary_metric AS summary
          FROM run JOIN experiment ON experiment.id = run.experiment_id
          WHERE run.experiment_id = ANY(${[...experimentIds]}) AND run.status = 'succeeded') AS scored
    WHERE summary->>'mean' <> 'NaN'
    ORDER BY experiment_id, CASE WHEN (summary->>'higherIsBetter')::boolean THEN -(summary->>'mean')::float8 ELSE (summary->>'mean')::float8 END, cell, repeat`
  return new Map(rows.map((row) => [row.experiment_id, { runId: row.id, runName: row.name, summary: MetricSummarySchema.parse(row.summary) }]))
}
