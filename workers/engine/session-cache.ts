/**
 * Keeps recently used compiled sessions, since batch shapes come back. A session holds on to the memory of its
 * activations, so the cache may be bounded by the sum of sizes: bytes, or 1 each to count sessions.
 */
interface Entry<T> {
  value: T
  size: number
}

export class SessionCache<T> {
  readonly #entries = new Map<string, Entry<T>>()
  readonly #capacity: number
  readonly #dispose: (value: T) => Promise<void>

  constructor(capacity: number, dispose: (value: T) => Promise<void>) {
    this.#capacity = capacity
    this.#dispose = dispose
  }

  /** `plan` tells the size before `compile` is called, so that room is made first: two large sessions may not fit side by side. */
  async get(key: string, plan: () => { size: number; compile: () => Promise<T> }): Promise<T> {
    const known = this.#entries.get(key)
    if (known !== undefined) {
      this.#entries.delete(key)
      this.#entries.set(key, known)
      return known.value
    }
    const { size, compile } = plan()
    await this.#shrink(this.#capacity - size)
    const value = await compile()
    this.#entries.set(key, { value, size })
    return value
  }

  /** Drops all, unless together they are no larger than `size`. */
  async release(size: number): Promise<void> {
    if (this.#held() > size) await this.clear()
  }

  async clear(): Promise<void> {
    await this.#shrink(-Infinity)
  }

  #held(): number {
    return [...this.#entries.values()].reduce((sum, entry) => sum + entry.size, 0)
  }

  async #shrink(room: number): Promise<void> {
    let held = this.#held()
    for (const [oldest, entry] of this.#entries) {
      if (held <= room) return
      this.#entries.delete(oldest)
      held -= entry.size
      await this.#dispose(entry.value)
    }
  }
}
