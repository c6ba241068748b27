import { Inject, Injectable, type OnApplicationShutdown } from '@nestjs/common'
import type { Problem, PurgeAnswer } from '../contracts/index.js'
import { errorFields, Logger } from '../logger.js'
import { SETTINGS, type Settings } from '../settings.js'
import { assertDiskSpace } from '../store/disk-space.js'
import { RaceReferee } from '../races/race-referee.js'
import { KEPT_DAYS, Shelf } from '../shelf/shelf.js'
import { Recovery } from './recovery.js'

const SILENCE_CHECK_MS = 1_000
const SWEEP_MS = 10_000
const RACE_CHECK_MS = 2_000
const PURGE_MS = 3_600_000

/** Repeats the duties of recovery, and knows which part of the server fails for the health page. */
@Injectable()
export class Watch implements OnApplicationShutdown {
  readonly #timers: NodeJS.Timeout[] = []
  readonly #faults = new Map<string, string>()
  readonly #turns = new Map<string, Promise<void>>()

  constructor(
    @Inject(Recovery) private readonly recovery: Recovery,
    @Inject(RaceReferee) private readonly referee: RaceReferee,
    @Inject(Shelf) private readonly shelf: Shelf,
    @Inject(SETTINGS) private readonly settings: Settings,
    @Inject(Logger) private readonly logger: Logger,
  ) {}

  get problems(): Problem[] {
    return [...this.#faults].map(([path, message]) => ({ path, message }))
  }

  start(): void {
    this.#repeat('database', SILENCE_CHECK_MS, async () => this.#report('workers fell silent; their runs are queued again', await this.recovery.takeBackSilent(this.settings.staleMs)))
    // Decisions are made when a run ends; this finds those that a crash, a cancel or a failure left over.
    this.#repeat('races', RACE_CHECK_MS, async () => void (await this.referee.decideDue()))
    this.#repeat('disk', SWEEP_MS, () => assertDiskSpace(this.settings.home))
    this.#repeat('purge', PURGE_MS, async () => this.#reportPurge(await this.shelf.purge(KEPT_DAYS)))
    this.#repeat('queue', SWEEP_MS, async () => this.#report('messages were lost; they are sent again', await this.recovery.sendLost()))
  }

  /** A worker is known to be dead: others get its runs. */
  async workerDied(name: string): Promise<void> {
    this.#report(`worker ${name} died; its runs are queued again`, await this.recovery.workerDied(name))
  }

  async onApplicationShutdown(): Promise<void> {
    for (const timer of this.#timers) clearInterval(timer)
    await Promise.all(this.#turns.values())
  }

  #reportPurge({ experiments, freedBytes }: PurgeAnswer): void {
    if (experiments.length > 0) this.logger.info('deleted experiments were purged', { experiments, freedBytes })
  }

  #report(message: string, runs: string[]): void {
    if (runs.length > 0) this.logger.warn(message, { runs })
  }

  /** Never two turns of a duty at once; a fault is told when it begins and when it is over. */
  #repeat(part: string, everyMs: number, duty: () => Promise<void>): void {
    const timer = setInterval(() => {
      if (this.#turns.has(part)) return
      this.#turns.set(part, this.#turn(part, duty).finally(() => this.#turns.delete(part)))
    }, everyMs)
    this.#timers.push(timer)
  }

  async #turn(part: string, duty: () => Promise<void>): Promise<void> {
    try {
      await duty()
      if (this.#faults.delete(part)) this.logger.info(`the ${part} works again`)
    } catch (error) {
      if (!this.#faults.has(part)) this.logger.error(`the ${part} fails`, errorFields(error))
      this.#faults.set(part, error instanceof Error ? error.message : String(error))
    }
  }
}
