/* Experiments that are put away: deleted ones are hidden, can be brought back, and are purged with all they left after a while. */
import { AppError } from '../contracts/index.js'
import type { Database } from './database.js'

export interface PurgedExperiment {
  id: string
  /** Whose files can go now. */
  runIds: string[]
}

export class ShelfStore {
  constructor(private readonly database: Database) {}

  /** Hides the experiment. Throws `conflict` while it is not over. */
  async delete(id: string): Promise<void> {
    await this.database.write(async (change) => {
      const [row] = await change.session.$queryRaw<{ status: string; name: string }[]>`SELECT status, name FROM experiment WHERE id = ${id} FOR NO KEY UPDATE`
      if (row === undefined) throw noSuchExperiment(id)
      if (row.status === 'queued' || row.status === 'running') {
        throw new AppError('conflict', `Experiment "${row.name}" is ${row.status}; cancel it first, then delete it.`)
      }
      await change.session.$executeRaw`UPDATE experiment SET deleted_at = coalesce(deleted_at, now()) WHERE id = ${id}`
      change.tell('experiment.updated', { experimentId: id })
    })
  }

  async restore(id: string): Promise<void> {
    await this.database.write(async (change) => {
      const count = await change.session.$executeRaw`UPDATE experiment SET deleted_at = NULL WHERE id = ${id}`
      if (count === 0) throw noSuchExperiment(id)
      change.tell('experiment.updated', { experimentId: id })
    })
  }

  /**
   * Forgets, for good, experiments that were deleted at least so long ago. One that a run still needs, for
   * its model or for the answers that it scores anew, is left for the next time.
   */
  async purge(deletedForMs: number): Promise<PurgedExperiment[]> {
    const due = await this.database.client.$queryRaw<{ id: string }[]>`
      SELECT e.id FROM experiment e WHERE e.deleted_at <= now() - ${deletedForMs}::float8 * interval '1 millisecond' ORDER BY e.seq`
    const purged: PurgedExperiment[] = []
    for (const { id } of due) {
      const runIds = await this.#forget(id)
      if (runIds !== null) purged.push({ id, runIds })
    }
    return purged
  }

  async #forget(id: string): Promise<string[] | null> {
    return this.database.write(async (change) => {
      // Restored meanwhile: then it stays.
      const [row] = await change.session.$queryRaw<{ is_needed: boolean }[]>`
        SELECT EXISTS (SELECT 1 FROM run own JOIN run other ON split_part(other.params->>'model', '@', 1) = 'run:' || own.id OR other.rescored_from = own.id
                       WHERE own.experiment_id = e.id AND other.status IN ('queued', 'running', 'waiting')) AS is_needed
        FROM experiment e WHERE e.id = ${id} AND e.deleted_at IS NOT NULL FOR UPDATE`
      if (row === undefined || row.is_needed) return null
      const runs = await change.session.run.findMany({ where: { experimentId: id }, select: { id: true } })
      await change.session.experiment.delete({ where: { id } })
      change.tell('experiment.updated', { experimentId: id })
      return runs.map((run) => run.id)
    })
  }
}

function noSuchExperiment(id: string): AppError {
  return new AppError('not_found', `There is no experiment "${id}".`)
}
