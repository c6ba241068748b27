import { Inject, Injectable } from '@nestjs/common'
import { RunDelivery } from '../delivery/run-delivery.js'
import { ClaimStore } from '../store/claim-store.js'
import { RunStore } from '../store/run-store.js'
import { WorkerStore } from '../store/worker-store.js'

/** A run on its way from the queue to its claim has no message either; one without for this long lost it. */
const ON_THE_WAY_MS = 500

/**
 * Mends what faults leave behind: runs whose worker fell silent or died go back to the queue, and
 * waiting runs whose message was lost are sent again. Each answers the ids of the runs it moved.
 */
@Injectable()
export class Recovery {
  constructor(
    @Inject(ClaimStore) private readonly claims: ClaimStore,
    @Inject(RunStore) private readonly runs: RunStore,
    @Inject(WorkerStore) private readonly workers: WorkerStore,
    @Inject(RunDelivery) private readonly delivery: RunDelivery,
  ) {}

  /** Takes back at once what a worker held that is known to be dead. */
  async workerDied(name: string): Promise<string[]> {
    const waiting = await this.claims.recoverWorker(name)
    await this.workers.leave(name)
    await this.delivery.send(waiting)
    return waiting.map((run) => run.runId)
  }

  async takeBackSilent(staleMs: number): Promise<string[]> {
    const waiting = await this.claims.recoverStale(staleMs)
    await this.delivery.send(waiting)
    return waiting.map((run) => run.runId)
  }

  async sendLost(): Promise<string[]> {
    const waiting = await this.runs.waiting()
    if (waiting.length === 0) return []
    const sent = await this.delivery.waiting()
    const missing = waiting.filter((run) => !sent.has(run.runId))
    if (missing.length === 0) return []
    await new Promise((resolve) => setTimeout(resolve, ON_THE_WAY_MS))
    const stillWaiting = new Set((await this.runs.waiting()).map((run) => run.runId))
    const lost = missing.filter((run) => stillWaiting.has(run.runId))
    if (lost.length > 0) await this.delivery.sendMissing(lost)
    return lost.map((run) => run.runId)
  }
}
