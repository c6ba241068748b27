import { createHash } from 'node:crypto'
import { LogLineSchema, type LogLine, type StoredLogLine } from '../contracts/index.js'
import type { Database } from './database.js'
import { holdRun } from './fence.js'
import { storable } from './text.js'

export class LogStore {
  constructor(private readonly database: Database) {}

  /** Stores lines of a run that `attempt` holds; a line sent again (same time, same words) is one line. */
  async append(runId: string, attempt: number, lines: readonly LogLine[]): Promise<void> {
    await this.database.write(async (change) => {
      const held = await holdRun(change, runId, attempt)
      const data = lines.map((line) => {
        const message = storable(line.message)
        return { runId, time: line.time, level: line.level, message, digest: createHash('md5').update(`${line.level} ${message}`).digest('hex') }
      })
      const { count } = await change.session.logLine.createMany({ data, skipDuplicates: true })
      if (count > 0) change.tell('run.log', { experimentId: held.experimentId, runId })
    })
  }

  /** Lines after `after` (a line's `seq`), oldest first; without it the newest `limit` lines. */
  async read(runId: string, query: { after?: number | undefined; limit: number }): Promise<StoredLogLine[]> {
    const isReadingOn = query.after !== undefined
    const rows = await this.database.client.logLine.findMany({
      where: { runId, ...(query.after === undefined ? {} : { seq: { gt: BigInt(query.after) } }) },
      orderBy: { seq: isReadingOn ? 'asc' : 'desc' },
      take: query.limit,
    })
    const lines = rows.map((row) => ({ seq: Number(row.seq), time: row.time, level: LogLineSchema.shape.level.parse(row.level), message: row.message }))
    return isReadingOn ? lines : lines.reverse()
  }
}
