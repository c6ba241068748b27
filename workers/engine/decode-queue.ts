/**
 * Joins whoever wants the same of a model just now into one run: prompts that came together, and sequences that want a
 * next token. A sequence may come and go at any token, and the others do not wait for it to end (continuous batching;
 * Yu et al. 2022, Orca).
 */
import type { BatchedSequence, DecodeBatch } from './models/decode-batch.js'
import type { LlamaRunner, Prompt } from './models/llama-decode.js'

/** More rows cost as much time as they save: products are no longer bound by reading the weights. */
export const MOST_ROWS = 8

export class DecodeQueue {
  readonly #batch: DecodeBatch
  readonly #prompts: Gathering<Prompt>
  readonly #tokens: Gathering<{ sequence: BatchedSequence; token: number }>
  #held = 0
  readonly #line: (() => void)[] = []

  constructor(runner: LlamaRunner) {
    this.#batch = runner.newBatch()
    this.#prompts = new Gathering((prompts) => runner.prefill(prompts))
    this.#tokens = new Gathering((entries) => {
      const logits = runner.decode(this.#batch, entries)
      return entries.map((_, index) => logits.then((rows) => rows[index] ?? new Float32Array()))
    })
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

  /** Logits [V] behind a prompt, which goes into its empty cache. */
  first(prompt: Prompt): Promise<Float32Array> {
    return this.#prompts.ask(prompt)
  }

  /** Logits [V] after one more token. */
  next(sequence: BatchedSequence, token: number): Promise<Float32Array> {
    return this.#tokens.ask({ sequence, token })
  }
}

/** What is asked in one turn of the event loop is answered together. */
class Gathering<T> {
  readonly #answer: (asked: readonly T[]) => readonly Promise<Float32Array>[]
  #waiting: { asked: T; resolve: (logits: Promise<Float32Array>) => void }[] = []

  constructor(answer: (asked: readonly T[]) => readonly Promise<Float32Array>[]) {
    this.#answer = answer
  }

  ask(asked: T): Promise<Float32Array> {
    return new Promise((resolve) => {
      this.#waiting.push({ asked, resolve })
      // Everyone whose token just came has asked again by then.
      if (this.#waiting.length === 1) setImmediate(() => this.#run())
    })
  }

  #run(): void {
    const waiting = this.#waiting
    this.#waiting = []
    const answers = this.#answer(waiting.map(({ asked }) => asked))
    for (const [index, { resolve }] of waiting.entries()) resolve(answers[index] ?? Promise.resolve(new Float32Array()))
  }
}
