import { Inject, Injectable, type OnApplicationShutdown } from '@nestjs/common'
import type { Problem } from '../contracts/index.js'
import { errorFields, Logger } from '../logger.js'
import { dispatch } from '../queue/dispatch.js'
import { RUN_QUEUE, type RunQueue } from '../queue/run-queue.js'
import { SETTINGS, type Settings } from '../settings.js'
import { ClaimStore } from '../store/claim-store.js'
import { RunStore } from '../store/run-store.js'
import { WorkerStore } from '../store/worker-store.js'

const STALE_CHECK_MS = 1_000
const SWEEP_MS = 10_000

/**
 * Mends what faults leave behind: runs whose worker fell silent go back to the queue, and waiting
 * runs whose message was lost are sent again.
 */
@Injectable()
export class Recovery implements OnApplicationShutdown {
  readonly #timers: NodeJS.Timeout[] = []
  readonly #faults = new Map<string, string>()
  #working: Promise<void> = Promise.resolve()

  constructor(
    @Inject(ClaimStore) private readonly claims: ClaimStore,
    @Inject(RunStore) private readonly runs: RunStore,
    @Inject(WorkerStore) private readonly workers: WorkerStore,
    @Inject(RUN_QUEUE) private readonly queue: RunQueue,
    @Inject(SETTINGS) private readonly settings: Settings,
    @Inject(Logger) private readonly logger: Logger,
  ) {}

  /** What keeps failing, for the health page. */
  get problems(): Problem[] {
    return [...this.#faults].map(([path, message]) => ({ path, message }))
  }

  start(): void {
    this.#repeat('database', STALE_CHECK_MS, () => this.#recoverStale())
    this.#repeat('queue', SWEEP_MS, () => this.sweep())
  }

  async onApplicationShutdown(): Promise<void> {
    for (const timer of this.#timers) clearInterval(timer)
    await this.#working
  }

  /** Gives back at once what a worker held that is known to be dead. */
  async workerDied(name: string): Promise<void> {
    const waiting = await this.claims.recoverWorker(name)
    await this.workers.leave(name)
    if (waiting.length > 0) this.logger.warn('a worker died; its runs are queued again', { worker: name, runs: waiting.map((run) => run.runId) })
    await dispatch(this.queue, waiting, this.logger)
  }

  /** Sends the messages of waiting runs that have none. */
  async sweep(): Promise<void> {
    const waiting = await this.runs.waiting()
    if (waiting.length === 0) return
    const sent = await this.queue.waiting()
    const missing = waiting.filter((run) => !sent.has(run.runId))
    if (missing.length === 0) return
    // A run on its way from the queue to its claim has no message either; only who stays so lost it.
    await new Promise((resolve) => setTimeout(resolve, 500))
    const stillWaiting = new Set((await this.runs.waiting()).map((run) => run.runId))
    const lost = missing.filter((run) => stillWaiting.has(run.runId))
    if (lost.length > 0) await this.queue.enqueue(lost)
  }

  async #recoverStale(): Promise<void> {
    const waiting = await this.claims.recoverStale(this.settings.staleMs)
    if (waiting.length > 0) this.logger.warn('workers fell silent; their runs are queued again', { runs: waiting.map((run) => run.runId) })
    await dispatch(this.queue, waiting, this.logger)
  }

  /** Repeats a duty, never twice at once; a fault is told once, and again when it is over. */
  #repeat(part: string, everyMs: number, duty: () => Promise<void>): void {
    let isBusy = false
    const timer = setInterval(() => {
      if (isBusy) return
      isBusy = true
      const turn = duty()
        .then(() => {
          if (this.#faults.delete(part)) this.logger.info(`the ${part} works again`)
        })
        .catch((error: unknown) => {
          if (!this.#faults.has(part)) this.logger.error(`the ${part} fails`, errorFields(error))
          this.#faults.set(part, error instanceof Error ? error.message : String(error))
        })
        .finally(() => (isBusy = false))
      this.#working = Promise.all([this.#working, turn]).then(() => undefined)
    }, everyMs)
    this.#timers.push(timer)
  }
}
