/* Who may call an endpoint now. A call passes the gate before each try and says afterwards how it went. */

export interface Outcome {
  /** throttled: asked for fewer calls (429). overloaded: 5xx. failed: any other end without an answer. */
  kind: 'answered' | 'throttled' | 'overloaded' | 'failed'
  /** No call to this endpoint before this has passed. */
  retryAfterMs: number | null
}

export interface Permit {
  leave(outcome: Outcome): void
}

export interface Gate {
  /** @param options.first a call that waited before goes ahead of those that have not. Rejects with the signal's reason. */
  enter(options?: { first?: boolean; signal?: AbortSignal }): Promise<Permit>
  close(): Promise<void>
}

interface Waiting {
  admit(): void
}

/** Admits up to `share` calls at a time; the share and a pause may be changed while calls wait. */
export class CallGate implements Gate {
  private share: number
  private pausedUntilMs = 0
  private inFlight = 0
  private waiting: Waiting[] = []
  private timer: NodeJS.Timeout | undefined

  constructor(share: number) {
    this.share = share
  }

  get callsInFlight(): number {
    return this.inFlight
  }

  get callsWaiting(): number {
    return this.waiting.length
  }

  setShare(share: number): void {
    this.share = share
    this.admit()
  }

  /** No call begins before `ms` have passed; a longer pause that stands already stays. */
  pauseFor(ms: number): void {
    this.pausedUntilMs = Math.max(this.pausedUntilMs, performance.now() + ms)
    this.admit()
  }

  enter({ first = false, signal }: { first?: boolean; signal?: AbortSignal } = {}): Promise<Permit> {
    return new Promise((resolve, reject) => {
      if (signal?.aborted === true) return reject(signal.reason as Error)
      const entry: Waiting = {
        admit: () => {
          signal?.removeEventListener('abort', giveUp)
          this.inFlight += 1
          resolve({ leave: (outcome) => this.leave(outcome) })
        },
      }
      const giveUp = (): void => {
        this.waiting = this.waiting.filter((other) => other !== entry)
        reject(signal?.reason as Error)
      }
      signal?.addEventListener('abort', giveUp, { once: true })
      if (first) this.waiting.unshift(entry)
      else this.waiting.push(entry)
      this.admit()
    })
  }

  close(): Promise<void> {
    clearTimeout(this.timer)
    return Promise.resolve()
  }

  protected leave({ retryAfterMs }: Outcome): void {
    this.inFlight -= 1
    if (retryAfterMs !== null) this.pauseFor(retryAfterMs)
    this.admit()
  }

  private admit(): void {
    clearTimeout(this.timer)
    const pauseMs = this.pausedUntilMs - performance.now()
    if (pauseMs > 0) {
      this.timer = setTimeout(() => this.admit(), Math.ceil(pauseMs))
      return
    }
    while (this.inFlight < this.share) {
      const next = this.waiting.shift()
      if (next === undefined) return
      next.admit()
    }
  }
}
