import { Inject, Injectable } from '@nestjs/common'
import type { Kind } from '../contracts/index.js'
import { Logger } from '../logger.js'
import { RUN_QUEUE, type Message, type QueueTransaction, type RunQueue, type TakeOptions } from '../queue/run-queue.js'

/** A queue that is away must not hold up an answer for longer than this. */
const PATIENCE_MS = 5_000

/**
 * The queue as services use it. A queue that is away is reported and not waited for: the rows say
 * that the runs wait, and the sweep sends their messages once it is back.
 */
@Injectable()
export class RunDelivery {
  constructor(
    @Inject(RUN_QUEUE) private readonly queue: RunQueue,
    @Inject(Logger) private readonly logger: Logger,
  ) {}

  /** Sends runs in the transaction that stores them, where the queue can; `sendStored` does the rest after the commit. */
  async sendWithin(transaction: QueueTransaction, messages: readonly Message[]): Promise<void> {
    if (this.queue.isTransactional) await this.queue.enqueueWithin(transaction, messages)
  }

  async sendStored(messages: readonly Message[]): Promise<void> {
    if (this.queue.isTransactional) this.queue.wake()
    else await this.send(messages)
  }

  /** Sends runs whose rows are stored. */
  async send(messages: readonly Message[]): Promise<void> {
    if (messages.length === 0) return
    await this.#patiently('runs wait until the queue answers again', () => this.queue.enqueue(messages))
  }

  /** Takes messages back. One left behind does no harm: its run can no longer be claimed. */
  async withdraw(messages: readonly Pick<Message, 'runId' | 'kind'>[]): Promise<void> {
    if (messages.length === 0) return
    await this.#patiently('messages of cancelled runs stay in the queue', () => this.queue.remove(messages))
  }

  take(kinds: readonly Kind[], options: TakeOptions): Promise<string | null> {
    return this.queue.take(kinds, options)
  }

  /** Sends again what of `messages` the queue does not hold; throws where the queue is away. */
  async sendMissing(messages: readonly Message[]): Promise<void> {
    await this.queue.enqueue(messages)
  }

  /** Ids of the runs whose messages the queue holds. */
  waiting(): Promise<Set<string>> {
    return this.queue.waiting()
  }

  async #patiently(consequence: string, work: () => Promise<void>): Promise<void> {
    let timer: NodeJS.Timeout | undefined
    const patience = new Promise<never>((_resolve, reject) => {
      timer = setTimeout(() => reject(new Error(`the queue did not answer within ${PATIENCE_MS} ms`)), PATIENCE_MS)
    })
    try {
      await Promise.race([work(), patience])
    } catch (error) {
      this.logger.warn(consequence, { error: String(error) })
    } finally {
      clearTimeout(timer)
    }
  }
}
