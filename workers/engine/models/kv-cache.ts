/** Keys and values of the positions seen so far, in buffers that double as they fill: a new size means a new session. */
import type { LlamaConfig } from '../engine.js'
import { floats, type Data } from '../executors/executor.js'

export const SMALLEST_CAPACITY = 64

export class KeyValueCache {
  /** Positions filled. */
  length = 0
  /** Positions there is room for; 0 before the first reserve. */
  capacity = 0
  readonly #config: LlamaConfig
  /** Per layer keys, then values: [K, capacity, d], zero where not filled. */
  #buffers: Float32Array[] = []

  constructor(config: LlamaConfig) {
    this.#config = config
  }

  /** Makes room for more positions, keeping what is there. */
  reserve(count: number): void {
    const wanted = this.length + count
    if (wanted <= this.capacity) return
    const { kvHeads, headDim, layers } = this.#config
    const old = this.capacity
    this.capacity = Math.max(SMALLEST_CAPACITY, 2 ** Math.ceil(Math.log2(wanted)))
    this.#buffers = Array.from({ length: 2 * layers }, (_, index) => {
      const grown = new Float32Array(kvHeads * this.capacity * headDim)
      const before = this.#buffers[index]
      if (before === undefined) return grown
      for (let head = 0; head < kvHeads; head++) {
        grown.set(before.subarray(head * old * headDim, (head * old + this.length) * headDim), head * this.capacity * headDim)
      }
      return grown
    })
  }

  /** Per layer keys, then values: [K, capacity, d]. */
  get buffers(): readonly Float32Array[] {
    return this.#buffers
  }

  addFeeds(feeds: Map<string, Data>): void {
    this.#buffers.forEach((buffer, index) => feeds.set(`${index % 2 === 0 ? 'pastKeys' : 'pastValues'}.${index >> 1}`, buffer))
  }

  /** Takes `count` of the `stride` new positions a run returned as keys.N and values.N, [1,K,stride,d], from place `from` on. */
  append(outputs: ReadonlyMap<string, Data>, { count, stride, from = 0 }: { count: number; stride: number; from?: number }): void {
    const { kvHeads, headDim } = this.#config
    this.#buffers.forEach((buffer, index) => {
      const fresh = floats(outputs, `${index % 2 === 0 ? 'keys' : 'values'}.${index >> 1}`)
      for (let head = 0; head < kvHeads; head++) {
        const begin = (head * stride + from) * headDim
        buffer.set(fresh.subarray(begin, begin + count * headDim), (head * this.capacity + this.length) * headDim)
      }
    })
    this.length += count
  }
}
