import { Inject, Injectable, type OnApplicationBootstrap, type OnApplicationShutdown } from '@nestjs/common'
import type { ServerEvent } from '../contracts/index.js'
import { errorFields, Logger } from '../logger.js'
import { EventStore } from '../store/event-store.js'

/** Other servers on the same database cannot wake this one, so it looks for their events this often. */
const POLL_MS = 1_000
const KEEP_EVENTS = 20_000
const PRUNE_MS = 60_000
const PAGE = 1_000

export type Reader = (event: ServerEvent) => void

/**
 * Hands stored events to readers, each exactly once and in order. Everything is read from the
 * table, so a reader that comes back with the last number it saw misses nothing.
 */
@Injectable()
export class EventHub implements OnApplicationBootstrap, OnApplicationShutdown {
  readonly #readers = new Set<Reader>()
  #last = 0
  #pumping: Promise<void> | null = null
  #isStale = false
  #stop: (() => void)[] = []

  constructor(
    @Inject(EventStore) private readonly events: EventStore,
    @Inject(Logger) private readonly logger: Logger,
  ) {}

  async onApplicationBootstrap(): Promise<void> {
    this.#last = (await this.events.range()).last
    const poll = setInterval(() => this.#readers.size > 0 && this.#pump(), POLL_MS)
    const prune = setInterval(() => void this.events.prune(KEEP_EVENTS).catch((error: unknown) => this.logger.warn('old events were not removed', errorFields(error))), PRUNE_MS)
    this.#stop = [this.events.onStored(() => this.#pump()), () => clearInterval(poll), () => clearInterval(prune)]
  }

  async onApplicationShutdown(): Promise<void> {
    for (const stop of this.#stop) stop()
    await this.#pumping
  }

  /**
   * Tells `reader` every event after `since` (null: from now on), then each new one. Where events
   * after `since` are no longer kept, it hears `reset` and goes on from now. Returns how to stop.
   */
  async subscribe(since: number | null, reader: Reader): Promise<{ seq: number; stop: () => void }> {
    let seq = since ?? this.#last
    if (since !== null) {
      const { first, last } = await this.events.range()
      if (since > last || (first > 0 && since < first - 1)) {
        reader({ seq: last, type: 'reset', experimentId: null, runId: null, time: Date.now() })
        seq = last
      }
    }
    // Between the last page and joining the readers nothing may be awaited, or an event slips through.
    while (seq < this.#last) {
      const page = await this.events.after(seq, PAGE)
      for (const event of page) reader(event)
      seq = page.at(-1)?.seq ?? this.#last
    }
    const joinedAt = seq
    const join: Reader = (event) => {
      if (event.seq > joinedAt) reader(event)
    }
    this.#readers.add(join)
    return { seq: joinedAt, stop: () => this.#readers.delete(join) }
  }

  #pump(): void {
    this.#isStale = true
    this.#pumping ??= this.#drain().finally(() => (this.#pumping = null))
  }

  async #drain(): Promise<void> {
    while (this.#isStale) {
      this.#isStale = false
      try {
        const page = await this.events.after(this.#last, PAGE)
        for (const event of page) {
          this.#last = event.seq
          for (const reader of this.#readers) reader(event)
        }
        if (page.length === PAGE) this.#isStale = true
      } catch (error) {
        // The next commit or poll reads them again: the position moves only with what was told.
        this.logger.warn('events could not be read', errorFields(error))
      }
    }
  }
}
