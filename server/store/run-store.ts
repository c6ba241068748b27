/*
 * Runs as users see and steer them: read, cancel, queue again. What workers do to a run
 * (claim, heartbeat, finish) is in claim-store.ts.
 */
import { AppError, EndpointSchema, type Budget, type Endpoint, type Kind, type ParameterValue, type Run, type RunStatus } from '../contracts/index.js'
import type { Database } from './database.js'
import { refreshExperiment } from './experiment-status.js'
import { noSuchRun } from './fence.js'
import { SELECT_RUN, toRun, type RunRow } from './run-rows.js'

/** A run that waits for a worker, as the queue needs it: lower orders are older. */
export interface WaitingRun {
  runId: string
  kind: Kind
  order: number
}

/** What a run does, for whoever asks what it takes. */
export interface RunWork {
  kind: Kind
  params: Record<string, ParameterValue>
}

/** Where a waiting run stands: by its number, unless somebody moved it. */
export const PLACE = 'coalesce(r.queue_order, r.seq)::float8'

export class RunStore {
  constructor(private readonly database: Database) {}

  async read(id: string): Promise<Run> {
    const [run] = await this.readMany([id])
    if (run === undefined) throw noSuchRun(id)
    return run
  }

  /** Runs by id, in the order asked; unknown ids are left out. */
  async readMany(ids: readonly string[]): Promise<Run[]> {
    const rows = await this.database.client.$queryRawUnsafe<RunRow[]>(`${SELECT_RUN} WHERE r.id = ANY($1::text[])`, [...ids])
    const byId = new Map(rows.map((row) => [row.id, toRun(row)]))
    return ids.flatMap((id) => byId.get(id) ?? [])
  }

  async ofExperiment(experimentId: string): Promise<Run[]> {
    const rows = await this.database.client.$queryRawUnsafe<RunRow[]>(`${SELECT_RUN} WHERE r.experiment_id = $1 ORDER BY r.cell, r.repeat`, experimentId)
    return rows.map(toRun)
  }

  /** Of the kinds asked for, those with a waiting run; the one whose first run stands before the others' first. */
  async waitingKinds(kinds: readonly Kind[]): Promise<Kind[]> {
    const rows = await this.database.client.$queryRaw<{ kind: Kind }[]>`
      SELECT kind FROM run WHERE status = 'queued' AND kind = ANY(${[...kinds]}::text[]) GROUP BY kind ORDER BY min(coalesce(queue_order, seq)), min(seq)`
    return rows.map((row) => row.kind)
  }

  /** Every waiting run, in the order of the line. */
  async waiting(): Promise<WaitingRun[]> {
    return this.database.client.$queryRawUnsafe<WaitingRun[]>(`SELECT r.id AS "runId", r.kind, ${PLACE} AS order FROM run r WHERE r.status = 'queued' ORDER BY ${PLACE}, r.seq`)
  }

  /** What the worker is at. */
  async heldBy(worker: string): Promise<RunWork[]> {
    return this.database.client.$queryRaw<RunWork[]>`SELECT kind, params FROM run WHERE status = 'running' AND worker = ${worker}`
  }

  /** Null where there is no such run. */
  async work(runId: string): Promise<RunWork | null> {
    const [row] = await this.database.client.$queryRaw<RunWork[]>`SELECT kind, params FROM run WHERE id = ${runId}`
    return row ?? null
  }

  async counts(): Promise<{ queued: number; running: number }> {
    const rows = await this.database.client.run.groupBy({ by: ['status'], where: { status: { in: ['queued', 'running'] } }, _count: { _all: true } })
    const of = (status: RunStatus): number => rows.find((row) => row.status === status)?._count._all ?? 0
    return { queued: of('queued'), running: of('running') }
  }

  /** Finished runs that left a model behind, newest first, with the names that people know them by. */
  async trained(limit: number): Promise<{ id: string; title: string }[]> {
    return this.database.client.$queryRaw<{ id: string; title: string }[]>`
      SELECT r.id, e.name || CASE WHEN r.name = '' THEN '' ELSE ': ' || r.name END AS title FROM run r JOIN experiment e ON e.id = r.experiment_id
      WHERE r.status IN ('succeeded', 'stopped') AND EXISTS (SELECT 1 FROM checkpoint c WHERE c.run_id = r.id) ORDER BY r.seq DESC LIMIT ${limit}::int`
  }

  /** Endpoints that runs have been asked of, the latest first; those that are no longer understood are left out. */
  async endpoints(limit: number): Promise<Endpoint[]> {
    const rows = await this.database.client.$queryRaw<{ model: unknown }[]>`
      SELECT (params->'model')::jsonb AS model FROM run WHERE json_typeof(params->'model') = 'object' GROUP BY 1 ORDER BY max(seq) DESC LIMIT ${limit}::int`
    return rows.flatMap(({ model }) => EndpointSchema.safeParse(model).data ?? [])
  }

  /** Ends waiting runs at once and asks the workers of running ones to stop. Returns the ids of the ended ones. */
  async cancel(runIds: readonly string[]): Promise<string[]> {
    return this.database.write(async (change) => {
      const ids = [...runIds]
      const ended = await change.session.$queryRaw<{ id: string; experiment_id: string }[]>`
        UPDATE run SET status = 'cancelled', finished_at = now() WHERE id = ANY(${ids}::text[]) AND status IN ('queued', 'waiting') RETURNING id, experiment_id`
      const asked = await change.session.$queryRaw<{ id: string; experiment_id: string }[]>`
        UPDATE run SET cancel_requested_at = coalesce(cancel_requested_at, now()) WHERE id = ANY(${ids}::text[]) AND status = 'running' RETURNING id, experiment_id`
      for (const run of [...ended, ...asked]) change.tell('run.updated', { experimentId: run.experiment_id, runId: run.id })
      for (const experimentId of new Set(ended.map((run) => run.experiment_id))) await refreshExperiment(change, experimentId)
      return ended.map((run) => run.id)
    })
  }

  /**
   * Queues a failed, cancelled or stopped run again. It resumes: checkpoints and answers stay, but
   * items that failed are asked again. One that fell out of a race by a fault joins it where the
   * others are; one that was stopped, or whose race is over, answers all its items.
   * @param budget takes the place of the run's own from now on; what was spent before still counts
   */
  async retry(runId: string, budget: Budget | null = null): Promise<WaitingRun> {
    return this.database.write(async (change) => {
      const [row] = await change.session.$queryRaw<{ experiment_id: string; kind: Kind; order: number }[]>`
        UPDATE run SET finished_at = NULL, error = NULL, summary = NULL, deaths = 0, cancel_requested_at = NULL, worker = NULL,
               allowance = CASE WHEN status <> 'stopped' THEN (
                 SELECT max(allowance) FROM run AS rival WHERE rival.experiment_id = run.experiment_id AND rival.status IN ('queued', 'running', 'waiting')) END,
               race = CASE WHEN status <> 'stopped' THEN race END, status = 'queued',
               budget = coalesce(${budget === null ? null : JSON.stringify(budget)}::json, budget)
        WHERE id = ${runId} AND status IN ('failed', 'cancelled', 'stopped') RETURNING experiment_id, kind, coalesce(queue_order, seq)::float8 AS order`
      if (row === undefined) {
        const run = await change.session.run.findUnique({ where: { id: runId }, select: { status: true } })
        if (run === null) throw noSuchRun(runId)
        throw new AppError('conflict', `Run ${runId} is ${run.status}; only a failed, cancelled or stopped run can be retried.`)
      }
      await change.session.example.deleteMany({ where: { runId, status: 'error' } })
      // A deleted experiment with a run that works again is no longer one to forget.
      await change.session.experiment.updateMany({ where: { id: row.experiment_id, deletedAt: { not: null } }, data: { deletedAt: null } })
      change.tell('run.updated', { experimentId: row.experiment_id, runId })
      change.tell('run.examples', { experimentId: row.experiment_id, runId })
      await refreshExperiment(change, row.experiment_id)
      return { runId, kind: row.kind, order: row.order }
    })
  }
}
