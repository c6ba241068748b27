import { randomUUID } from 'node:crypto'
import { Queue, Worker } from 'bullmq'
import { Redis } from 'ioredis'
import { AppError, KINDS, type Kind } from '../contracts/index.js'
import type { Message, RunQueue, TakeOptions } from './run-queue.js'
import { takeWhenThere, WaitingLine } from './waiting-line.js'

/** Other servers on the same Redis cannot wake our takers, so these look again this often. */
const POLL_MS = 250
const CONNECT_MS = 5_000
/** A message taken by a server that died at once is locked this long, then it may be sent again. */
const LOCK_MS = 10_000

interface Line {
  queue: Queue
  /** Never runs by itself: workers of ours come by HTTP, and messages are handed out one by one. */
  taker: Worker
}

/** The queue on Redis, for teams that have one: the same door, other machinery. */
export class BullMqQueue implements RunQueue {
  readonly name = 'bullmq'
  readonly isTransactional = false
  readonly #waitingLine = new WaitingLine()
  readonly #token = randomUUID()

  private constructor(
    private readonly lines: ReadonlyMap<Kind, Line>,
    private readonly connections: readonly Redis[],
  ) {}

  static async open(url: string, onError: (error: Error) => void): Promise<BullMqQueue> {
    await assertReachable(url)
    // Senders must fail soon when Redis is away; takers may wait for its return.
    const sending = new Redis(url, { maxRetriesPerRequest: 1 })
    const taking = new Redis(url, { maxRetriesPerRequest: null })
    for (const connection of [sending, taking]) connection.on('error', onError)
    const lines = new Map<Kind, Line>()
    for (const kind of KINDS) {
      const queue = new Queue(`runs-${kind}`, { connection: sending, prefix: 'bancada' })
      const taker = new Worker(`runs-${kind}`, null, { connection: taking, prefix: 'bancada', autorun: false, lockDuration: LOCK_MS })
      queue.on('error', onError)
      taker.on('error', onError)
      await Promise.all([queue.waitUntilReady(), taker.waitUntilReady()])
      lines.set(kind, { queue, taker })
    }
    return new BullMqQueue(lines, [sending, taking])
  }

  async enqueue(messages: readonly Message[]): Promise<void> {
    const waiting = await this.waiting()
    const missing = messages.filter((message) => !waiting.has(message.runId))
    await this.remove(missing)
    const sorted = [...missing].sort((a, b) => a.order - b.order)
    for (const [kind, group] of Map.groupBy(sorted, (message) => message.kind)) {
      await this.#line(kind).queue.addBulk(group.map((message) => ({ name: 'run', data: { runId: message.runId }, opts: optionsOf(message) })))
    }
    this.wake()
  }

  async enqueueWithin(): Promise<void> {
    throw new TypeError('Redis takes no part in a transaction of the database; use enqueue after the commit')
  }

  wake(): void {
    this.#waitingLine.wake()
  }

  async take(kinds: readonly Kind[], options: TakeOptions): Promise<string | null> {
    return takeWhenThere(() => this.#next(kinds), { line: this.#waitingLine, pollMs: POLL_MS, ...options })
  }

  async remove(messages: readonly Pick<Message, 'runId' | 'kind'>[]): Promise<void> {
    for (const message of messages) await this.#line(message.kind).queue.remove(jobIdOf(message.runId))
  }

  async waiting(): Promise<Set<string>> {
    const ids = new Set<string>()
    for (const { queue } of this.lines.values()) {
      for (const job of await queue.getJobs(['waiting', 'prioritized', 'delayed'])) ids.add(String(job.data.runId))
    }
    return ids
  }

  async close(): Promise<void> {
    this.wake()
    for (const { queue, taker } of this.lines.values()) {
      await taker.close(true)
      await queue.close()
    }
    for (const connection of this.connections) connection.disconnect()
  }

  #line(kind: Kind): Line {
    const line = this.lines.get(kind)
    if (line === undefined) throw new RangeError(`there is no line for runs of kind ${kind}`)
    return line
  }

  async #next(kinds: readonly Kind[]): Promise<string | null> {
    for (const kind of kinds) {
      const job = await this.#line(kind).taker.getNextJob(this.#token, { block: false })
      if (job === undefined) continue
      await job.moveToCompleted(null, this.#token, false)
      return String(job.data.runId)
    }
    return null
  }
}

/** The largest priority that BullMQ has; lower goes first. */
const LAST_PRIORITY = 2 ** 21
/** Priorities begin at 1, and orders may fall below 0: a run that is put first stands before the first. */
const MIDDLE_PRIORITY = 2 ** 20

function optionsOf(message: Message): { jobId: string; priority: number; removeOnComplete: boolean } {
  // Beyond a million runs the order among the newest is that of arrival.
  return { jobId: jobIdOf(message.runId), priority: Math.min(Math.max(1, message.order + MIDDLE_PRIORITY), LAST_PRIORITY), removeOnComplete: true }
}

/** BullMQ refuses ids that look like numbers or hold a colon. */
function jobIdOf(runId: string): string {
  return `run-${runId.replaceAll(':', '_')}`
}

async function assertReachable(url: string): Promise<void> {
  const probe = new Redis(url, { lazyConnect: true, connectTimeout: CONNECT_MS, maxRetriesPerRequest: 0, retryStrategy: () => null })
  let reason = ''
  probe.on('error', (error: Error) => (reason = error.message))
  try {
    await probe.connect()
    await probe.ping()
  } catch (error) {
    const why = reason || (error instanceof Error ? error.message : String(error))
    throw new AppError('unavailable', `Redis at REDIS_URL cannot be reached: ${why}. Start it, or correct REDIS_URL, or unset it to use the queue in the database.`, { cause: error })
  } finally {
    probe.disconnect()
  }
}
