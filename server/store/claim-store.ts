/*
 * A run in the hands of a worker. The row owns the truth: a claim compares and sets status and
 * attempt, every later write names its attempt, and a run whose worker falls silent goes back
 * to the queue. Delivery may be lost or doubled; a claim still happens once.
 */
import { AppError, type Assignment, type Budget, type Environment, type Finish, type Kind, type Progress, type RunError, type Summary } from '../contracts/index.js'
import type { Change, Database, Session } from './database.js'
import { refreshExperiment } from './experiment-status.js'
import { holdRun } from './fence.js'
import { sealSeries } from './metric-store.js'
import { truncateMetrics } from './metric-truncation.js'
import type { WaitingRun } from './run-store.js'
import { storable, storableJson } from './text.js'

/** A run that kills its worker this often in a row, without storing anything new, will do so again. */
export const MAX_DEATHS = 5

/** Kinds that train step by step: what lies beyond the last checkpoint is done again. */
const STEP_TRAINED: ReadonlySet<Kind> = new Set(['lora', 'pretrain'])

interface ClaimedRow {
  attempt: number
  kind: Kind
  name: string
  dataset: string
  dataset_hash: string
  params: Assignment['params']
  seed: number
  repeat: number
  experiment_id: string
  elapsed_ms: number
  spent_usd: number
  spent_calls: number
  budget: Assignment['budget']
  allowance: number | null
  rescored_from: string | null
  tries: number
}

interface LostRow {
  id: string
  attempt: number
  kind: Kind
  order: number
  experiment_id: string
  worker: string
  deaths: number
  has_progress: boolean
  is_cancelled: boolean
}

const SELECT_HELD = `
  SELECT id, attempt, kind, coalesce(queue_order, seq)::float8 AS order, experiment_id, worker, deaths, progress_attempt = attempt AS has_progress,
         cancel_requested_at IS NOT NULL AS is_cancelled
  FROM run WHERE status = 'running'`

export class ClaimStore {
  constructor(private readonly database: Database) {}

  /** Throws where a claim could not be stored, so that no message is taken in vain. */
  assertWritable(): Promise<void> {
    return this.database.assertWritable()
  }

  /** Whether somebody holds all runs back. */
  async isPaused(): Promise<boolean> {
    return (await this.database.client.queuePause.count()) > 0
  }

  /** Gives the run to the worker, or null when somebody else has it or it no longer waits. */
  async claim(runId: string, worker: string, heartbeatMs: number): Promise<Omit<Assignment, 'prices'> | null> {
    return this.database.write(async (change) => {
      const [row] = await change.session.$queryRaw<ClaimedRow[]>`
        UPDATE run SET status = 'running', attempt = attempt + 1, worker = ${worker}, heartbeat_at = now(), claimed_at = now(),
               started_at = coalesce(started_at, now()), cancel_requested_at = NULL
        WHERE id = ${runId} AND status = 'queued'
        RETURNING attempt, kind, name, dataset, dataset_hash, params, seed, repeat, experiment_id, elapsed_ms, spent_usd, spent_calls, budget, allowance, rescored_from, attempt - round_attempt AS tries`
      if (row === undefined) return null
      const resume = await resumeFrom(change, { runId, row })
      const experiment = await change.session.experiment.findUniqueOrThrow({ where: { id: row.experiment_id }, select: { metrics: true, spec: true } })
      change.tell('run.updated', { experimentId: row.experiment_id, runId })
      await refreshExperiment(change, row.experiment_id)
      return {
        runId,
        attempt: row.attempt,
        kind: row.kind,
        name: row.name,
        dataset: row.dataset,
        datasetHash: row.dataset_hash,
        params: row.params,
        metrics: experiment.metrics,
        seed: row.seed,
        repeat: row.repeat,
        budget: row.budget ?? budgetOf(experiment.spec),
        heartbeatMs,
        allowance: row.allowance,
        tries: row.tries,
        rescoredFrom: row.rescored_from,
        resume,
      }
    })
  }

  /** Keeps the claim and answers whether the run shall stop. */
  async heartbeat(runId: string, attempt: number, progress: Progress | null): Promise<{ cancel: boolean }> {
    return this.database.write(async (change) => {
      const held = await holdRun(change, runId, attempt)
      const stored = progress === null ? null : storableJson(progress)
      const [row] = await change.session.$queryRaw<{ cancel: boolean; changed: boolean }[]>`
        WITH before AS (SELECT progress::text AS progress FROM run WHERE id = ${runId})
        UPDATE run SET progress = coalesce(${stored}::json, run.progress) FROM before WHERE run.id = ${runId}
        RETURNING cancel_requested_at IS NOT NULL AS cancel, before.progress IS DISTINCT FROM run.progress::text AS changed`
      if (row?.changed === true) change.tell('run.updated', { experimentId: held.experimentId, runId })
      return { cancel: row?.cancel ?? false }
    })
  }

  async reportEnvironment(runId: string, attempt: number, environment: Environment): Promise<void> {
    await this.database.write(async (change) => {
      const held = await holdRun(change, runId, attempt)
      await change.session.$executeRaw`UPDATE run SET environment = ${storableJson(environment)}::json WHERE id = ${runId}`
      change.tell('run.updated', { experimentId: held.experimentId, runId })
    })
  }

  /** Ends the run, or takes it back unfinished; then it is returned, to be queued. Sent twice, it ends once. */
  async finish(runId: string, finish: Finish): Promise<WaitingRun | null> {
    return this.database.write(async (change) => {
      if (finish.status !== 'released' && (await hasEnded(change.session, runId, finish))) return null
      await holdRun(change, runId, finish.attempt)
      if (finish.status === 'released') {
        const [row] = await change.session.$queryRawUnsafe<LostRow[]>(`${SELECT_HELD} AND id = $1`, runId)
        return row === undefined ? null : giveBack(change, row, { deaths: 0 })
      }
      if (finish.status === 'succeeded' && (await pause(change, runId, finish.summary))) return null
      await sealSeries(change.session, runId)
      await end(change, runId, { status: finish.status, summary: finish.summary, error: finish.status === 'failed' ? finish.error : null })
      return null
    })
  }

  /** Takes back every run whose worker was silent for longer than `staleMs`. Returns those to queue again. */
  async recoverStale(staleMs: number): Promise<WaitingRun[]> {
    const stale = await this.database.client.$queryRawUnsafe<LostRow[]>(`${SELECT_HELD} AND heartbeat_at < now() - $1::int * interval '1 millisecond' ORDER BY seq`, staleMs)
    return this.#recover(stale, { staleMs })
  }

  /** Takes back the runs of a worker that is known to be dead. */
  async recoverWorker(worker: string): Promise<WaitingRun[]> {
    const held = await this.database.client.$queryRawUnsafe<LostRow[]>(`${SELECT_HELD} AND worker = $1 ORDER BY seq`, worker)
    return this.#recover(held, { staleMs: 0 })
  }

  async #recover(lost: LostRow[], { staleMs }: { staleMs: number }): Promise<WaitingRun[]> {
    const waiting: WaitingRun[] = []
    for (const row of lost) {
      const back = await this.database.write(async (change) => {
        // The worker may have spoken since it was listed: only then is the claim still good.
        const [locked] = await change.session.$queryRawUnsafe<LostRow[]>(
          `${SELECT_HELD} AND id = $1 AND attempt = $2::int AND ($3::int = 0 OR heartbeat_at < now() - $3::int * interval '1 millisecond') FOR UPDATE`,
          row.id,
          row.attempt,
          staleMs,
        )
        return locked === undefined ? null : recoverOne(change, locked)
      })
      if (back !== null) waiting.push(back)
    }
    return waiting
  }
}

async function recoverOne(change: Change, row: LostRow): Promise<WaitingRun | null> {
  const deaths = row.has_progress ? 0 : row.deaths + 1
  if (row.is_cancelled) {
    await end(change, row.id, { status: 'cancelled', summary: null, error: null })
    return null
  }
  if (deaths >= MAX_DEATHS) {
    const message = `The worker died ${MAX_DEATHS} times in a row on this run without storing an example or a checkpoint; it was not tried again. The log of the worker says more; a common cause is too little memory. Retry the run when it is mended.`
    await end(change, row.id, { status: 'failed', summary: null, error: { code: 'worker_lost', message } })
    return null
  }
  const message = `Worker ${row.worker} was lost during attempt ${row.attempt}; the run is queued again and goes on from what is stored.`
  await change.session.$executeRaw`
    INSERT INTO log_line (run_id, time, level, message, digest) VALUES (${row.id}, ${Date.now()}, 'warn', ${message}, md5(${message}))`
  change.tell('run.log', { experimentId: row.experiment_id, runId: row.id })
  return giveBack(change, row, { deaths })
}

async function giveBack(change: Change, row: LostRow, { deaths }: { deaths: number }): Promise<WaitingRun> {
  await change.session.$executeRaw`
    UPDATE run SET status = 'queued', worker = NULL, deaths = ${deaths}, elapsed_ms = elapsed_ms + extract(epoch FROM heartbeat_at - claimed_at) * 1000
    WHERE id = ${row.id} AND status = 'running'`
  change.tell('run.updated', { experimentId: row.experiment_id, runId: row.id })
  await refreshExperiment(change, row.experiment_id)
  return { runId: row.id, kind: row.kind, order: row.order }
}

async function end(change: Change, runId: string, outcome: { status: 'succeeded' | 'failed' | 'cancelled'; summary: Summary | null; error: RunError | null }): Promise<void> {
  const summary = outcome.summary === null ? null : storableJson(outcome.summary)
  const error = outcome.error === null ? null : storableJson({ ...outcome.error, message: storable(outcome.error.message) })
  const [row] = await change.session.$queryRaw<{ experiment_id: string }[]>`
    UPDATE run SET status = ${outcome.status}, finished_at = now(), summary = ${summary}::json, error = ${error}::json
    WHERE id = ${runId} AND status = 'running' RETURNING experiment_id`
  if (row === undefined) throw new AppError('conflict', `Run ${runId} is not running.`)
  change.tell('run.updated', { experimentId: row.experiment_id, runId })
  await refreshExperiment(change, row.experiment_id)
}

/**
 * In a race a run that has answered what it may waits for the others, with its figures so far.
 * Answers whether it was one; one that shall be cancelled does not wait.
 */
async function pause(change: Change, runId: string, summary: Summary): Promise<boolean> {
  const [row] = await change.session.$queryRaw<{ experiment_id: string }[]>`
    UPDATE run SET status = 'waiting', worker = NULL, deaths = 0, round_attempt = attempt, summary = ${storableJson(summary)}::json,
           elapsed_ms = elapsed_ms + extract(epoch FROM heartbeat_at - claimed_at) * 1000
    WHERE id = ${runId} AND status = 'running' AND allowance IS NOT NULL AND cancel_requested_at IS NULL RETURNING experiment_id`
  if (row === undefined) return false
  change.tell('run.updated', { experimentId: row.experiment_id, runId })
  await refreshExperiment(change, row.experiment_id)
  return true
}

/** Whether this very outcome was stored before: the answer to a finish may be lost and the finish sent again. */
async function hasEnded(session: Session, runId: string, finish: Finish): Promise<boolean> {
  const run = await session.run.findUnique({ where: { id: runId }, select: { attempt: true, status: true } })
  return run !== null && run.attempt === finish.attempt && (run.status === finish.status || (run.status === 'waiting' && finish.status === 'succeeded'))
}

async function resumeFrom(change: Change, { runId, row }: { runId: string; row: ClaimedRow }): Promise<Assignment['resume']> {
  const { session } = change
  const checkpoint = await session.checkpoint.findFirst({ where: { runId }, orderBy: { step: 'desc' }, select: { step: true } })
  const files = checkpoint === null ? [] : await session.checkpointFile.findMany({ where: { runId, step: checkpoint.step, committed: true }, orderBy: { name: 'asc' }, select: { name: true } })
  if (row.attempt > 1 && STEP_TRAINED.has(row.kind)) {
    await truncateMetrics(session, runId, checkpoint?.step ?? -1)
    change.tell('run.metrics', { experimentId: row.experiment_id, runId })
  }
  const examples = await session.example.findMany({ where: { runId }, orderBy: { seq: 'asc' }, select: { itemId: true } })
  // Replies count what was paid for them; kinds that keep none are counted by their examples.
  const spent = await session.example.aggregate({ where: { runId, cached: false }, _sum: { costUsd: true } })
  return {
    checkpointStep: checkpoint?.step ?? null,
    checkpointFiles: files.map((file) => file.name),
    doneItems: examples.map((example) => example.itemId),
    spentUsd: Math.max(row.spent_usd, spent._sum.costUsd ?? 0),
    spentCalls: row.spent_calls,
    elapsedMs: row.elapsed_ms,
  }
}

function budgetOf(spec: unknown): Assignment['budget'] {
  const budget = (spec as { budget?: Budget } | null)?.budget
  return budget ?? null
}
