/** Keeps the few most recently used compiled sessions; a batch shape that comes back need not be compiled again. */
export class SessionCache<T> {
  readonly #entries = new Map<string, T>()
  readonly #capacity: number
  readonly #dispose: (entry: T) => Promise<void>

  constructor(capacity: number, dispose: (entry: T) => Promise<void>) {
    this.#capacity = capacity
    this.#dispose = dispose
  }

  async get(key: string, create: () => Promise<T>): Promise<T> {
    const known = this.#entries.get(key)
    if (known !== undefined) {
      this.#entries.delete(key)
      this.#entries.set(key, known)
      return known
    }
    // Room is made first: two large sessions side by side may not fit in memory.
    for (const [oldest, entry] of this.#entries) {
      if (this.#entries.size < this.#capacity) break
      this.#entries.delete(oldest)
      await this.#dispose(entry)
    }
    const made = await create()
    this.#entries.set(key, made)
    return made
  }

  async clear(): Promise<void> {
    const entries = [...this.#entries.values()]
    this.#entries.clear()
    for (const entry of entries) await this.#dispose(entry)
  }
}
