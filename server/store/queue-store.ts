/* The line of waiting runs as people see and order it. What is handed out next is for the queue to deliver. */
import { AppError, type Kind, type MoveRequest, type QueuedRun, type RunStatus } from '../contracts/index.js'
import type { Change, Database } from './database.js'
import { noSuchRun } from './fence.js'
import { PLACE, type WaitingRun } from './run-store.js'

interface QueuedRow {
  id: string
  name: string
  experiment_id: string
  experiment_name: string
  kind: Kind
  status: RunStatus
  worker: string | null
  device: string | null
  progress: QueuedRun['progress']
  error: QueuedRun['error']
  is_cancelling: boolean
  created_at: Date
  started_at: Date | null
  finished_at: Date | null
}

const SELECT_QUEUED = `
  SELECT r.id, r.name, r.experiment_id, e.name AS experiment_name, r.kind, r.status, r.worker, r.environment->>'device' AS device, r.progress, r.error,
         r.cancel_requested_at IS NOT NULL AS is_cancelling, r.created_at, r.started_at, r.finished_at
  FROM run r JOIN experiment e ON e.id = r.experiment_id`

export class QueueStore {
  constructor(private readonly database: Database) {}

  async pausedAt(): Promise<string | null> {
    const row = await this.database.client.queuePause.findUnique({ where: { id: 1 } })
    return row?.pausedAt.toISOString() ?? null
  }

  async pause(): Promise<void> {
    await this.database.write(async (change) => {
      await change.session.$executeRaw`INSERT INTO queue_pause (id) VALUES (1) ON CONFLICT DO NOTHING`
      change.tell('queue.updated')
    })
  }

  async resume(): Promise<void> {
    await this.database.write(async (change) => {
      await change.session.queuePause.deleteMany()
      change.tell('queue.updated')
    })
  }

  waiting(limit: number): Promise<QueuedRun[]> {
    return this.#select(`WHERE r.status = 'queued' ORDER BY ${PLACE}, r.seq LIMIT ${limit}`)
  }

  running(): Promise<QueuedRun[]> {
    return this.#select(`WHERE r.status = 'running' ORDER BY r.started_at, r.seq`)
  }

  /** Of the last day, and not deleted; newest first. */
  failed(limit: number): Promise<QueuedRun[]> {
    return this.#select(`WHERE r.status = 'failed' AND e.deleted_at IS NULL AND r.finished_at > now() - interval '1 day' ORDER BY r.finished_at DESC LIMIT ${limit}`)
  }

  /** Gives the runs whose place has changed, to be sent anew. Throws `conflict` when the run does not wait. */
  async move(runId: string, to: MoveRequest['to']): Promise<WaitingRun[]> {
    return this.database.write(async (change) => {
      const line = await change.session.$queryRawUnsafe<WaitingRun[]>(
        `SELECT r.id AS "runId", r.kind, ${PLACE} AS order FROM run r WHERE r.status = 'queued' ORDER BY ${PLACE}, r.seq FOR UPDATE`,
      )
      const at = line.findIndex((run) => run.runId === runId)
      if (at === -1) throw await refusal(change, runId)
      const moved = rearranged(line, at, to)
      for (const { runId: id, order } of moved) await change.session.$executeRaw`UPDATE run SET queue_order = ${order} WHERE id = ${id}`
      if (moved.length > 0) change.tell('queue.updated')
      return moved
    })
  }

  async #select(rest: string): Promise<QueuedRun[]> {
    const rows = await this.database.client.$queryRawUnsafe<QueuedRow[]>(`${SELECT_QUEUED} ${rest}`)
    return rows.map(toQueued)
  }
}

/** The new places of those that move: ends are beyond the first and the last, neighbours change places. */
function rearranged(line: readonly WaitingRun[], at: number, to: MoveRequest['to']): WaitingRun[] {
  const [run, first, last] = [line[at], line[0], line.at(-1)]
  const neighbour = to === 'up' ? line[at - 1] : to === 'down' ? line[at + 1] : undefined
  if (run === undefined || first === undefined || last === undefined) return []
  if (to === 'front') return at === 0 ? [] : [{ ...run, order: first.order - 1 }]
  if (to === 'back') return at === line.length - 1 ? [] : [{ ...run, order: last.order + 1 }]
  if (neighbour === undefined) return []
  // Equal places are told apart by age: then changing places would change nothing.
  const step = neighbour.order === run.order ? (to === 'up' ? -1 : 1) : 0
  return step === 0 ? [{ ...run, order: neighbour.order }, { ...neighbour, order: run.order }] : [{ ...run, order: run.order + step }]
}

async function refusal(change: Change, runId: string): Promise<AppError> {
  const run = await change.session.run.findUnique({ where: { id: runId }, select: { status: true } })
  return run === null ? noSuchRun(runId) : new AppError('conflict', `Run ${runId} is ${run.status}; only a run that is queued has a place in the line.`)
}

function toQueued(row: QueuedRow): QueuedRun {
  return {
    id: row.id,
    name: row.name,
    experimentId: row.experiment_id,
    experimentName: row.experiment_name,
    kind: row.kind,
    status: row.status,
    worker: row.worker,
    device: row.device,
    progress: row.progress,
    error: row.error,
    isCancelling: row.is_cancelling,
    createdAt: row.created_at.toISOString(),
    startedAt: row.started_at?.toISOString() ?? null,
    finishedAt: row.finished_at?.toISOString() ?? null,
  }
}
