import { Inject, Injectable } from '@nestjs/common'
import type { MoveRequest, Queue } from '../contracts/index.js'
import { RunDelivery } from '../delivery/run-delivery.js'
import { QueueStore } from '../store/queue-store.js'
import { RunStore } from '../store/run-store.js'
import { WorkerStore } from '../store/worker-store.js'

const MOST_WAITING = 200
const MOST_FAILED = 20

@Injectable()
export class QueueService {
  constructor(
    @Inject(QueueStore) private readonly queue: QueueStore,
    @Inject(RunStore) private readonly runs: RunStore,
    @Inject(WorkerStore) private readonly workers: WorkerStore,
    @Inject(RunDelivery) private readonly delivery: RunDelivery,
  ) {}

  async read(): Promise<Queue> {
    const [pausedAt, waiting, counts, running, failed, workers] = await Promise.all([
      this.queue.pausedAt(),
      this.queue.waiting(MOST_WAITING),
      this.runs.counts(),
      this.queue.running(),
      this.queue.failed(MOST_FAILED),
      this.workers.list(),
    ])
    return { pausedAt, waiting, waitingTotal: counts.queued, running, failed, workers }
  }

  async pause(): Promise<Queue> {
    await this.queue.pause()
    return this.read()
  }

  async resume(): Promise<Queue> {
    await this.queue.resume()
    return this.read()
  }

  /** The row says where the run stands; its message is sent anew so that it is delivered there. */
  async move(runId: string, to: MoveRequest['to']): Promise<Queue> {
    const moved = await this.queue.move(runId, to)
    await this.delivery.withdraw(moved)
    await this.delivery.send(moved)
    return this.read()
  }
}
