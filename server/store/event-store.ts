import { ServerEventSchema, type ServerEvent } from '../contracts/index.js'
import type { Database } from './database.js'

export class EventStore {
  constructor(private readonly database: Database) {}

  /** Events after `seq`, oldest first. */
  async after(seq: number, limit: number): Promise<ServerEvent[]> {
    const rows = await this.database.client.$queryRaw<unknown[]>`
      SELECT seq::float8 AS seq, type, experiment_id AS "experimentId", run_id AS "runId", time FROM event WHERE seq > ${seq}::bigint ORDER BY event.seq LIMIT ${limit}::int`
    return rows.map((row) => ServerEventSchema.parse(row))
  }

  /** The numbers of the oldest and newest event that are kept; 0 and 0 when none is. */
  async range(): Promise<{ first: number; last: number }> {
    const { _min, _max } = await this.database.client.event.aggregate({ _min: { seq: true }, _max: { seq: true } })
    return { first: Number(_min.seq ?? 0), last: Number(_max.seq ?? 0) }
  }

  /** Forgets all but the newest `keep` events. */
  async prune(keep: number): Promise<void> {
    const { last } = await this.range()
    await this.database.client.event.deleteMany({ where: { seq: { lte: BigInt(Math.max(0, last - keep)) } } })
  }

  /** Calls `listener` whenever a commit of this process stored events; returns how to stop. */
  onStored(listener: () => void): () => void {
    return this.database.onEvents(listener)
  }
}
