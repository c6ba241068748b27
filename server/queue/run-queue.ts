/*
 * The one door of delivery. A queue carries ids of runs, one line per kind, and nothing else: the
 * database row owns the truth, so a message may be lost (a sweep sends it again) or doubled (a
 * claim happens once).
 */
import type { Kind } from '../contracts/index.js'

export interface Message {
  runId: string
  kind: Kind
  /** Lower is older; a run that comes back keeps its number and so goes before younger ones. */
  order: number
}

/** A transaction of the database that holds the runs; only a queue in that database can use it. */
export interface QueueTransaction {
  $queryRawUnsafe<T = unknown>(query: string, ...values: unknown[]): Promise<T>
}

export interface TakeOptions {
  waitMs: number
  signal?: AbortSignal | undefined
}

export interface RunQueue {
  readonly name: 'pg-boss' | 'bullmq'
  /** Whether `enqueueWithin` may be used: messages are then stored with the rows, or not at all. */
  readonly isTransactional: boolean
  /** Sends runs out; a run that already waits keeps its place. */
  enqueue(messages: readonly Message[]): Promise<void>
  enqueueWithin(transaction: QueueTransaction, messages: readonly Message[]): Promise<void>
  /** Wakes those who wait in `take`, after messages were stored by `enqueueWithin`. */
  wake(): void
  /** The next run of the first kind that has one, or null when none came within `waitMs`. */
  take(kinds: readonly Kind[], options: TakeOptions): Promise<string | null>
  /** Takes back messages of runs that shall not be delivered. */
  remove(messages: readonly Pick<Message, 'runId' | 'kind'>[]): Promise<void>
  /** Ids of the runs that wait for delivery. */
  waiting(): Promise<Set<string>>
  close(): Promise<void>
}

export const RUN_QUEUE = Symbol('RunQueue')
