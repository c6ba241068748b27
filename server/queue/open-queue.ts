import type { PGliteLike } from 'pg-boss'
import type { RunQueue } from './run-queue.js'

export interface QueuePlace {
  redisUrl: string | undefined
  database: { place: { embedded: PGliteLike } | { url: string } } | null
}

/** Redis where one is named, else the database that holds the runs. */
export async function openQueue(place: QueuePlace, onError: (error: Error) => void): Promise<RunQueue> {
  // Each library is loaded only where it is used: a start without Redis need not wait for BullMQ.
  if (place.redisUrl !== undefined) return (await import('./bullmq-queue.js')).BullMqQueue.open(place.redisUrl, onError)
  const { PgBossQueue } = await import('./pg-boss-queue.js')
  if (place.database === null) throw new TypeError('a queue needs Redis or a database')
  return PgBossQueue.open(place.database.place, onError)
}
