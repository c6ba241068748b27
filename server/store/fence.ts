import { AppError, type Kind } from '../contracts/index.js'
import type { Change } from './database.js'

export interface HeldRun {
  id: string
  attempt: number
  experimentId: string
  kind: Kind
  /** The last attempt that got anywhere. */
  progressAttempt: number
}

/**
 * Admits a write of a worker only while its attempt holds the run, and counts it as a sign of
 * life. The row stays locked until the change ends, so a claim cannot pass between the check and
 * the write. Throws `fenced` for an attempt that lost its claim.
 */
export async function holdRun(change: Change, runId: string, attempt: number): Promise<HeldRun> {
  const [row] = await change.session.$queryRaw<{ experiment_id: string; kind: string; progress_attempt: number }[]>`
    UPDATE run SET heartbeat_at = now() WHERE id = ${runId} AND attempt = ${attempt} AND status = 'running' RETURNING experiment_id, kind, progress_attempt`
  if (row === undefined) throw await refusal(change, runId, attempt)
  return { id: runId, attempt, experimentId: row.experiment_id, kind: row.kind as Kind, progressAttempt: row.progress_attempt }
}

async function refusal(change: Change, runId: string, attempt: number): Promise<AppError> {
  const run = await change.session.run.findUnique({ where: { id: runId }, select: { attempt: true, status: true } })
  if (run === null) return noSuchRun(runId)
  return new AppError('fenced', `Attempt ${attempt} no longer holds run ${runId}: the run is ${run.status}, its last attempt is ${run.attempt}. Stop working on it.`)
}

export function noSuchRun(runId: string): AppError {
  return new AppError('not_found', `There is no run "${runId}".`)
}
