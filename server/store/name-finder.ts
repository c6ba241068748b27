/* Experiments and runs by their names and ids, for whoever wants to go to one quickly. */
import type { Found } from '../contracts/index.js'
import type { Database } from './database.js'

export class NameFinder {
  constructor(private readonly database: Database) {}

  /** Newest first; every word must stand in the name or the id, and deleted ones are not found. */
  async find(text: string, limit: number): Promise<Found> {
    const patterns = text.trim().split(/\s+/).map((word) => `%${word.replaceAll(/[\\%_]/g, (sign) => `\\${sign}`)}%`)
    const { client } = this.database
    const experiments = await client.$queryRaw<Found['experiments']>`
      SELECT id, name FROM experiment WHERE deleted_at IS NULL AND concat_ws(' ', id, name) ILIKE ALL(${patterns}::text[]) ORDER BY seq DESC LIMIT ${limit}::int`
    const runs = await client.$queryRaw<Found['runs']>`
      SELECT r.id, r.name, e.name AS "experimentName" FROM run r JOIN experiment e ON e.id = r.experiment_id
      WHERE e.deleted_at IS NULL AND concat_ws(' ', r.id, e.name, r.name) ILIKE ALL(${patterns}::text[]) ORDER BY r.seq DESC LIMIT ${limit}::int`
    return { experiments, runs }
  }
}
