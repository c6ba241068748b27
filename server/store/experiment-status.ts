import { RunStatusSchema, type ExperimentStatus, type RunStatus } from '../contracts/index.js'
import type { Change } from './database.js'

export type RunCounts = Record<RunStatus, number>

export function emptyCounts(): RunCounts {
  return { queued: 0, running: 0, waiting: 0, succeeded: 0, failed: 0, cancelled: 0, stopped: 0 }
}

/**
 * What an experiment's status is, given its runs: unfinished while a run is; then failed before
 * cancelled before succeeded, so that one lost run is never hidden by the others.
 */
export function statusOf(counts: RunCounts): ExperimentStatus {
  const begun = counts.running + counts.waiting + counts.succeeded + counts.failed + counts.cancelled + counts.stopped
  if (counts.queued + counts.running + counts.waiting > 0) return begun === 0 ? 'queued' : 'running'
  if (counts.failed > 0) return 'failed'
  return counts.cancelled > 0 ? 'cancelled' : 'succeeded'
}

/** Brings the stored status of an experiment in line with its runs. Called after any run of it changed status. */
export async function refreshExperiment(change: Change, experimentId: string): Promise<void> {
  // Locked first: of two runs that end at once, the second must count the first one's new status.
  // Not FOR UPDATE: changing a run twice in one transaction shares the key of its experiment, and two such changes would wait for each other.
  await change.session.$queryRaw`SELECT id FROM experiment WHERE id = ${experimentId} FOR NO KEY UPDATE`
  const rows = await change.session.run.groupBy({ by: ['status'], where: { experimentId }, _count: { _all: true } })
  const counts = emptyCounts()
  for (const row of rows) counts[RunStatusSchema.parse(row.status)] = row._count._all
  const status = statusOf(counts)
  const isOver = status !== 'queued' && status !== 'running'
  await change.session.$executeRaw`
    UPDATE experiment SET status = ${status}, finished_at = CASE WHEN ${isOver} THEN coalesce(finished_at, now()) END WHERE id = ${experimentId}`
  change.tell('experiment.updated', { experimentId })
}
