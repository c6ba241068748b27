import { createHash } from 'node:crypto'
import { fromPglite, fromPrisma, PgBoss, type ConstructorOptions, type PGliteLike } from 'pg-boss'
import { KINDS, type Kind } from '../contracts/index.js'
import type { Message, QueueTransaction, RunQueue, TakeOptions } from './run-queue.js'
import { takeWhenThere, WaitingLine } from './waiting-line.js'

/** Other servers on the same PostgreSQL cannot wake our takers, so these look again this often. */
const POLL_MS = 500
/** Rarely needed: kept only so that a message taken by a server that died at once is not blocked for long. */
const EXPIRE_SECONDS = 30

export type PgBossPlace = { embedded: PGliteLike } | { url: string }

/** The queue in the database of the runs: messages are stored in the same transaction as the rows. */
export class PgBossQueue implements RunQueue {
  readonly name = 'pg-boss'
  readonly isTransactional = true
  readonly #line = new WaitingLine()

  private constructor(private readonly boss: PgBoss) {}

  static async open(place: PgBossPlace, onError: (error: Error) => void): Promise<PgBossQueue> {
    const where: ConstructorOptions = 'embedded' in place ? { db: fromPglite(place.embedded), backend: 'pglite' } : { connectionString: place.url, max: 4 }
    const boss = new PgBoss({ ...where, schedule: false, reindex: false, monitorVacuum: false, registerInstance: false })
    boss.on('error', onError)
    await boss.start()
    // Also warms the cache of queues: `enqueueWithin` must not ask the database outside its transaction.
    for (const kind of KINDS) {
      if ((await boss.getQueue(queueOf(kind))) === null) await boss.createQueue(queueOf(kind), { retryLimit: 0, expireInSeconds: EXPIRE_SECONDS, deleteAfterSeconds: 60 })
      await boss.deleteJob(queueOf(kind), jobIdOf('none'))
    }
    return new PgBossQueue(boss)
  }

  async enqueue(messages: readonly Message[]): Promise<void> {
    const waiting = await this.waiting()
    const missing = messages.filter((message) => !waiting.has(message.runId))
    // A message that was taken but whose taker died still holds its id.
    await this.remove(missing)
    await this.#insert(missing)
    this.wake()
  }

  async enqueueWithin(transaction: QueueTransaction, messages: readonly Message[]): Promise<void> {
    await this.#insert(messages, transaction)
  }

  wake(): void {
    this.#line.wake()
  }

  async take(kinds: readonly Kind[], options: TakeOptions): Promise<string | null> {
    return takeWhenThere(() => this.#next(kinds), { line: this.#line, pollMs: POLL_MS, ...options })
  }

  async remove(messages: readonly Pick<Message, 'runId' | 'kind'>[]): Promise<void> {
    for (const [kind, group] of Map.groupBy(messages, (message) => message.kind)) {
      await this.boss.deleteJob(queueOf(kind), group.map((message) => jobIdOf(message.runId)))
    }
  }

  async waiting(): Promise<Set<string>> {
    const { rows } = await this.boss.getDb().executeSql(`SELECT data->>'runId' AS run_id FROM pgboss.job WHERE name = ANY($1::text[]) AND state < 'active'`, [KINDS.map(queueOf)])
    return new Set(rows.map((row: { run_id: string }) => row.run_id))
  }

  async close(): Promise<void> {
    this.wake()
    await this.boss.stop({ graceful: false, close: true })
  }

  async #insert(messages: readonly Message[], transaction?: QueueTransaction): Promise<void> {
    const options = transaction === undefined ? {} : { db: fromPrisma(transaction) }
    for (const [kind, group] of Map.groupBy(messages, (message) => message.kind)) {
      const jobs = group.map((message) => ({ id: jobIdOf(message.runId), data: { runId: message.runId }, priority: -message.order }))
      await this.boss.insert(queueOf(kind), jobs, options)
    }
  }

  async #next(kinds: readonly Kind[]): Promise<string | null> {
    for (const kind of kinds) {
      const [job] = await this.boss.fetch<{ runId: string }>(queueOf(kind))
      if (job === undefined) continue
      await this.boss.deleteJob(queueOf(kind), job.id)
      return job.data.runId
    }
    return null
  }
}

function queueOf(kind: Kind): string {
  return `runs-${kind}`
}

/** One message per run: the id of its job is a digest of the id of the run, in the shape of a UUID. */
function jobIdOf(runId: string): string {
  const hex = createHash('sha256').update(runId).digest('hex')
  return `${hex.slice(0, 8)}-${hex.slice(8, 12)}-8${hex.slice(13, 16)}-8${hex.slice(17, 20)}-${hex.slice(20, 32)}`
}
