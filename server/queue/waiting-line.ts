/** Where takers wait between two looks at the queue; a local sender wakes all of them at once. */
export class WaitingLine {
  readonly #wakers = new Set<() => void>()
  #wakes = 0

  /** Grows with each wake: who looked before it must look again instead of going to sleep. */
  get wakes(): number {
    return this.#wakes
  }

  wake(): void {
    this.#wakes += 1
    for (const waker of this.#wakers) waker()
  }

  /** Resolves when woken, after `ms`, or when `signal` aborts, whichever comes first. */
  async wait(ms: number, signal?: AbortSignal): Promise<void> {
    if (signal?.aborted === true) return
    await new Promise<void>((resolve) => {
      const done = (): void => {
        clearTimeout(timer)
        this.#wakers.delete(done)
        signal?.removeEventListener('abort', done)
        resolve()
      }
      const timer = setTimeout(done, ms)
      this.#wakers.add(done)
      signal?.addEventListener('abort', done)
    })
  }
}

/** Asks `look` until it answers, woken by the line or after `pollMs`, for at most `waitMs`. */
export async function takeWhenThere(
  look: () => Promise<string | null>,
  options: { line: WaitingLine; pollMs: number; waitMs: number; signal?: AbortSignal | undefined },
): Promise<string | null> {
  const deadline = Date.now() + options.waitMs
  for (;;) {
    if (options.signal?.aborted === true) return null
    const { wakes } = options.line
    const runId = await look()
    if (runId !== null) return runId
    const left = deadline - Date.now()
    if (left <= 0) return null
    if (options.line.wakes === wakes) await options.line.wait(Math.min(left, options.pollMs), options.signal)
  }
}
