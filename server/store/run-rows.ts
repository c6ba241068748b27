import type { Environment, Float, Kind, ParameterValue, Progress, RaceStanding, Run, RunError, RunStatus, Summary } from '../contracts/index.js'

/** The columns of a run as PostgreSQL answers them. */
export interface RunRow {
  id: string
  experiment_id: string
  experiment_name: string
  kind: string
  name: string
  cell: number
  repeat: number
  seed: number
  params: Record<string, ParameterValue>
  varied: Record<string, ParameterValue>
  dataset: string
  status: string
  attempt: number
  progress: Progress | null
  summary: Summary | null
  error: RunError | null
  environment: Environment | null
  picked_step: number | null
  race: RaceStanding | null
  rescored_from: string | null
  color_slot: number
  worker: string | null
  latest: Record<string, Float> | null
  created_at: Date
  started_at: Date | null
  finished_at: Date | null
}

/** json_object_agg writes NaN and infinity as quoted names, which is their form on the wire. */
export const SELECT_RUN = `
  SELECT r.id, r.experiment_id, e.name AS experiment_name, r.kind, r.name, r.cell, r.repeat, r.seed, r.params, r.varied,
         r.dataset, r.status, r.attempt, r.progress, r.summary, r.error, r.environment, r.picked_step, r.race, r.rescored_from, r.color_slot, r.worker,
         (SELECT json_object_agg(s.key, s.last_value ORDER BY s.key) FROM metric_series s WHERE s.run_id = r.id) AS latest,
         r.created_at, r.started_at, r.finished_at
  FROM run r JOIN experiment e ON e.id = r.experiment_id`

export function toRun(row: RunRow): Run {
  return {
    id: row.id,
    experimentId: row.experiment_id,
    experimentName: row.experiment_name,
    kind: row.kind as Kind,
    name: row.name,
    cell: row.cell,
    repeat: row.repeat,
    seed: row.seed,
    params: row.params,
    varied: row.varied,
    dataset: row.dataset,
    status: row.status as RunStatus,
    attempt: row.attempt,
    progress: row.progress,
    summary: row.summary,
    error: row.error,
    environment: row.environment,
    pickedStep: row.picked_step,
    race: row.race,
    rescoredFrom: row.rescored_from,
    colorSlot: row.color_slot,
    worker: row.worker,
    latest: row.latest ?? {},
    createdAt: row.created_at.toISOString(),
    startedAt: row.started_at?.toISOString() ?? null,
    finishedAt: row.finished_at?.toISOString() ?? null,
  }
}
