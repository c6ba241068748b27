/**
 * Sequences that are continued together, a token each at a time: every weight is read once for all of them. Their keys
 * and values lie side by side in buffers that a run reads in place, so no token copies a cache.
 */
import type { LlamaConfig } from '../engine.js'
import { floats, type Data } from '../executors/executor.js'
import { KeyValueCache, SMALLEST_CAPACITY } from './kv-cache.js'

/** A place in the batch; it moves when another sequence leaves. */
export interface BatchedSequence {
  place: number
  /** Positions filled. */
  length: number
}

export class DecodeBatch {
  /** Positions there is room for in each sequence. */
  capacity = 0
  readonly #config: LlamaConfig
  readonly #sequences: BatchedSequence[] = []
  /** Per layer keys, then values: [places, K, capacity, d]. */
  #buffers: Float32Array[] = []
  #places = 0

  constructor(config: LlamaConfig) {
    this.#config = config
  }

  /** Rows of the next run: a power of two, since each number of rows is compiled. */
  get rows(): number {
    return 2 ** Math.ceil(Math.log2(Math.max(1, this.#sequences.length)))
  }

  /** Takes over what a cache holds; the cache may be forgotten. */
  join(cache: KeyValueCache): BatchedSequence {
    const sequence = { place: this.#sequences.length, length: cache.length }
    this.#sequences.push(sequence)
    this.#fit(this.rows, cache.length + 1)
    const { kvHeads, headDim } = this.#config
    cache.buffers.forEach((source, index) => {
      for (let head = 0; head < kvHeads; head++) {
        const from = head * cache.capacity * headDim
        this.#buffers[index]?.set(source.subarray(from, from + cache.length * headDim), (sequence.place * kvHeads + head) * this.capacity * headDim)
      }
    })
    return sequence
  }

  /** The last sequence takes the place that becomes free, so that the rows stay without a gap. */
  leave(sequence: BatchedSequence): void {
    const last = this.#sequences.pop()
    if (this.#sequences.length === 0) this.#forget()
    if (last === undefined || last === sequence) return
    const size = this.#config.kvHeads * this.capacity * this.#config.headDim
    for (const buffer of this.#buffers) buffer.copyWithin(sequence.place * size, last.place * size, (last.place + 1) * size)
    last.place = sequence.place
    this.#sequences[last.place] = last
  }

  /** Positions filled, of each row of the next run. */
  get lengths(): number[] {
    return Array.from({ length: this.rows }, (_, row) => this.#sequences[row]?.length ?? 0)
  }

  /** Makes room for one more position in each sequence. */
  reserve(): void {
    this.#fit(this.rows, Math.max(...this.lengths) + 1)
  }

  /** The caches, as a run reads them. */
  addFeeds(feeds: Map<string, Data>): void {
    const size = this.rows * this.#config.kvHeads * this.capacity * this.#config.headDim
    this.#buffers.forEach((buffer, index) => feeds.set(`${index % 2 === 0 ? 'pastKeys' : 'pastValues'}.${index >> 1}`, buffer.subarray(0, size)))
  }

  /** Keeps the keys and values a run returned, [rows,K,1,d], for those sequences whose token was real; `row` is where a sequence stood in that run. */
  append(outputs: ReadonlyMap<string, Data>, stepped: Iterable<{ sequence: BatchedSequence; row: number }>): void {
    const { kvHeads, headDim } = this.#config
    for (const { sequence, row } of stepped) {
      this.#buffers.forEach((buffer, index) => {
        const fresh = floats(outputs, `${index % 2 === 0 ? 'keys' : 'values'}.${index >> 1}`)
        for (let head = 0; head < kvHeads; head++) {
          const from = (row * kvHeads + head) * headDim
          buffer.set(fresh.subarray(from, from + headDim), ((sequence.place * kvHeads + head) * this.capacity + sequence.length) * headDim)
        }
      })
      sequence.length++
    }
  }

  #forget(): void {
    this.#buffers = []
    this.#places = 0
    this.capacity = 0
  }

  #fit(rows: number, positions: number): void {
    const { kvHeads, headDim, layers } = this.#config
    const [places, capacity] = [Math.max(this.#places, rows), Math.max(this.capacity, SMALLEST_CAPACITY, 2 ** Math.ceil(Math.log2(positions)))]
    if (places === this.#places && capacity === this.capacity) return
    const old = this.capacity
    const blocks = this.#places * kvHeads
    this.#buffers = Array.from({ length: 2 * layers }, (_, index) => {
      const grown = new Float32Array(places * kvHeads * capacity * headDim)
      const before = this.#buffers[index]
      if (before === undefined) return grown
      for (let block = 0; block < blocks; block++) {
        grown.set(before.subarray(block * old * headDim, (block + 1) * old * headDim), block * capacity * headDim)
      }
      return grown
    })
    this.#places = places
    this.capacity = capacity
  }
}
