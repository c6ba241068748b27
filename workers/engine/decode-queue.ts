/**
 * Joins whoever wants a next token just now into one run: a sequence may come and go at any token, and the others do
 * not wait for it to end (continuous batching; Yu et al. 2022, Orca).
 */
import type { BatchedSequence, DecodeBatch } from './models/decode-batch.js'
import type { LlamaRunner } from './models/llama-decode.js'

/** More rows cost as much time as they save: products are no longer bound by reading the weights. */
export const MOST_ROWS = 8

interface Waiting {
  sequence: BatchedSequence
  token: number
  resolve: (logits: Float32Array) => void
  reject: (reason: unknown) => void
}

export class DecodeQueue {
  readonly #runner: LlamaRunner
  readonly #batch: DecodeBatch
  #waiting: Waiting[] = []
  #isScheduled = false
  #held = 0
  readonly #line: (() => void)[] = []

  constructor(runner: LlamaRunner) {
    this.#runner = runner
    this.#batch = runner.newBatch()
  }

  /** Holds one of the places until `work` is done; waits while all are taken. */
  async withPlace<T>(work: () => Promise<T>): Promise<T> {
    if (this.#held === MOST_ROWS) await new Promise<void>((resolve) => this.#line.push(resolve))
    else this.#held++
    try {
      return await work()
    } finally {
      const next = this.#line.shift()
      if (next === undefined) this.#held--
      else next()
    }
  }

  get batch(): DecodeBatch {
    return this.#batch
  }

  /** Logits [V] after one more token. */
  next(sequence: BatchedSequence, token: number): Promise<Float32Array> {
    return new Promise((resolve, reject) => {
      this.#waiting.push({ sequence, token, resolve, reject })
      if (this.#isScheduled) return
      this.#isScheduled = true
      // Everyone whose token just came has asked again by then.
      setImmediate(() => void this.#step())
    })
  }

  async #step(): Promise<void> {
    const asked = this.#waiting
    this.#waiting = []
    this.#isScheduled = false
    try {
      const logits = await this.#runner.decode(this.#batch, asked)
      asked.forEach(({ resolve }, index) => resolve(logits[index] ?? new Float32Array()))
    } catch (error) {
      for (const { reject } of asked) reject(error)
    }
  }
}
