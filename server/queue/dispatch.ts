import type { Message, RunQueue } from './run-queue.js'

/** A queue that is away must not hold up an answer for longer than this. */
const PATIENCE_MS = 5_000

/**
 * Sends out runs whose rows are already stored. A queue that is away is only reported: the rows
 * say that the runs wait, and the sweep sends their messages once it is back.
 */
export async function dispatch(queue: RunQueue, messages: readonly Message[], log: { warn(message: string, fields: object): void }): Promise<void> {
  if (messages.length === 0) return
  let timer: NodeJS.Timeout | undefined
  const patience = new Promise<never>((_resolve, reject) => {
    timer = setTimeout(() => reject(new Error(`the queue did not answer within ${PATIENCE_MS} ms`)), PATIENCE_MS)
  })
  try {
    await Promise.race([queue.enqueue(messages), patience])
  } catch (error) {
    log.warn('runs wait until the queue answers again', { runs: messages.length, error: String(error) })
  } finally {
    clearTimeout(timer)
  }
}
