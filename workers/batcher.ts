/*
 * Puts single requests together: what is asked while a batch is under way goes with the next one, so
 * that batches grow with the load and a lone request waits for little.
 */
import { setTimeout as sleep } from 'node:timers/promises'

export interface BatcherOptions<In, Out> {
  /** Answers in the order of the inputs. */
  run(inputs: In[]): Promise<Out[]>
  /** Inputs per batch at most. */
  most: number
  /** Sum of weights per batch at most; one input alone may be heavier. */
  mostWeight?: number
  weigh?(input: In): number
  /** How long the first input waits for company … */
  lingerMs: number
  /** … unless so many are there already. */
  enough: number
}

interface Entry<In, Out> {
  input: In
  done: PromiseWithResolvers<Out>
}

export class Batcher<In, Out> {
  private waiting: Entry<In, Out>[] = []
  private isRunning = false
  private hasEnough = new AbortController()

  constructor(private readonly options: BatcherOptions<In, Out>) {}

  /** Rejects as the batch does that the input went with. */
  add(input: In): Promise<Out> {
    const done = Promise.withResolvers<Out>()
    this.waiting.push({ input, done })
    if (this.waiting.length === this.options.enough) this.hasEnough.abort()
    if (!this.isRunning) void this.drain()
    return done.promise
  }

  private async drain(): Promise<void> {
    this.isRunning = true
    while (this.waiting.length > 0) {
      if (this.waiting.length < this.options.enough) await sleep(this.options.lingerMs, undefined, { signal: this.hasEnough.signal }).catch(() => undefined)
      this.hasEnough = new AbortController()
      const batch = this.takeBatch()
      try {
        const answers = await this.options.run(batch.map(({ input }) => input))
        batch.forEach(({ done }, index) => done.resolve(answers[index] as Out))
      } catch (error) {
        for (const { done } of batch) done.reject(error)
      }
    }
    this.isRunning = false
  }

  private takeBatch(): Entry<In, Out>[] {
    const { most, mostWeight = Infinity, weigh = () => 0 } = this.options
    let [count, weight] = [0, 0]
    for (const { input } of this.waiting) {
      weight += weigh(input)
      if (count > 0 && (count === most || weight > mostWeight)) break
      count += 1
    }
    return this.waiting.splice(0, count)
  }
}
