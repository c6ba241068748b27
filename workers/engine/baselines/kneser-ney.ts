/**
 * A byte-level n-gram language model with interpolated modified Kneser–Ney smoothing: the baseline a small neural
 * model has to beat. Chen and Goodman 1999, "An empirical study of smoothing techniques for language modeling",
 * Computer Speech & Language 13, sections 3 and 4.1; the unigrams interpolate with the uniform distribution.
 * N-grams are packed into doubles (up to 6 bytes) and counted by sorting, so 20 MB of text fit in well under 1 GB.
 */
import { EngineError } from '../engine-error.js'

const BYTES = 256
const LONGEST_ORDER = 6

/** One order of the model: its n-grams sorted, those of one context side by side. */
interface OrderTable {
  /** Sorted n-grams, first byte highest. */
  keys: Float64Array
  counts: Uint32Array
  /** Sorted contexts (n-gram without its last byte); contextStarts has one more, the end. */
  contexts: Float64Array
  contextStarts: Uint32Array
  /** Sum of the counts of each context. */
  totals: Float64Array
  /** Probability mass each context leaves to the shorter one. */
  backoff: Float64Array
  /** What is taken off counts of 1, 2, and 3 or more. */
  discounts: readonly [number, number, number]
}

export class KneserNeyModel {
  readonly order: number
  /** Index 0 is the unigrams. */
  readonly #tables: readonly OrderTable[]

  private constructor(order: number, tables: readonly OrderTable[]) {
    this.order = order
    this.#tables = tables
  }

  /** Counts n-grams of one stream of bytes. Throws `input_invalid` where the text is shorter than one n-gram. */
  static train(text: Uint8Array, order = 5): KneserNeyModel {
    if (!Number.isInteger(order) || order < 1 || order > LONGEST_ORDER) throw new EngineError('input_invalid', `order is ${order}; it must be a whole number from 1 to ${LONGEST_ORDER}`)
    if (text.length < order) throw new EngineError('input_invalid', `the text has ${text.length} bytes; a ${order}-gram model needs at least ${order}`)
    let counted = countSorted(packNgrams(text, order))
    const tables = [buildTable(counted)]
    for (let n = order - 1; n >= 1; n--) {
      // Below the highest order, an n-gram counts once for each different byte seen before it.
      const modulus = BYTES ** n
      counted = countSorted(counted.keys.map((key) => key % modulus))
      tables.unshift(buildTable(counted))
    }
    return new KneserNeyModel(order, tables)
  }

  /** p(byte | the last order − 1 bytes of context), in (0, 1). */
  probability(context: Uint8Array, byte: number): number {
    let probability = 1 / BYTES
    let contextKey = 0
    for (let n = 1; n <= this.order; n++) {
      const length = n - 1
      if (length > context.length) break
      if (length > 0) contextKey += (context[context.length - length] ?? 0) * BYTES ** (length - 1)
      const table = this.#tables[n - 1]
      if (table === undefined) break
      const row = find(table.contexts, contextKey, { from: 0, to: table.contexts.length })
      // A context never seen has no longer ones either.
      if (row === -1) break
      probability = seenProbability(table, row, contextKey * BYTES + byte) + (table.backoff[row] ?? 0) * probability
    }
    return probability
  }

  /** Mean −log₂ p per byte of the text, each byte given the bytes before it; NaN for an empty text. Lower is better. */
  bitsPerByte(text: Uint8Array): number {
    let bits = 0
    for (let place = 0; place < text.length; place++) {
      bits -= Math.log2(this.probability(text.subarray(Math.max(0, place - this.order + 1), place), text[place] ?? 0))
    }
    return bits / text.length
  }
}

function seenProbability({ keys, counts, contextStarts, totals, discounts }: OrderTable, row: number, key: number): number {
  const at = find(keys, key, { from: contextStarts[row] ?? 0, to: contextStarts[row + 1] ?? 0 })
  if (at === -1) return 0
  const count = counts[at] ?? 0
  return (count - discountOf(discounts, count)) / (totals[row] ?? 1)
}

interface Counted {
  keys: Float64Array
  counts: Uint32Array
}

function packNgrams(text: Uint8Array, order: number): Float64Array {
  const packed = new Float64Array(text.length - order + 1)
  // The oldest byte goes before the new one comes, so that a key never needs more than 48 bits.
  const modulus = BYTES ** (order - 1)
  let key = 0
  for (let place = 0; place < text.length; place++) {
    key = (key % modulus) * BYTES + (text[place] ?? 0)
    if (place >= order - 1) packed[place - order + 1] = key
  }
  return packed
}

/** Distinct values in ascending order, with how often each occurs. Sorts in place. */
function countSorted(values: Float64Array): Counted {
  values.sort()
  let distinct = 0
  for (let i = 0; i < values.length; i++) if (i === 0 || values[i] !== values[i - 1]) distinct++
  const keys = new Float64Array(distinct)
  const counts = new Uint32Array(distinct)
  let at = -1
  for (let i = 0; i < values.length; i++) {
    const value = values[i] ?? 0
    if (at < 0 || keys[at] !== value) keys[++at] = value
    counts[at] = (counts[at] ?? 0) + 1
  }
  return { keys, counts }
}

function buildTable({ keys, counts }: Counted): OrderTable {
  const discounts = estimateDiscounts(counts)
  const starts: number[] = []
  keys.forEach((key, index) => {
    if (index === 0 || Math.floor(key / BYTES) !== Math.floor((keys[index - 1] ?? 0) / BYTES)) starts.push(index)
  })
  const contexts = Float64Array.from(starts, (start) => Math.floor((keys[start] ?? 0) / BYTES))
  starts.push(keys.length)
  const contextStarts = Uint32Array.from(starts)
  const totals = new Float64Array(contexts.length)
  const backoff = new Float64Array(contexts.length)
  for (let row = 0; row < contexts.length; row++) {
    let [total, discounted] = [0, 0]
    for (let i = contextStarts[row] ?? 0; i < (contextStarts[row + 1] ?? 0); i++) {
      const count = counts[i] ?? 0
      total += count
      discounted += discountOf(discounts, count)
    }
    totals[row] = total
    backoff[row] = discounted / total
  }
  return { keys, counts, contexts, contextStarts, totals, backoff, discounts }
}

/**
 * D₁, D₂, D₃₊ from the counts of counts (equation 26). A table so small or so full that one of them is missing
 * gives no estimate; then ½, 1 and 1½ are taken off, as KenLM falls back.
 */
export function estimateDiscounts(counts: Uint32Array): readonly [number, number, number] {
  const occurring = [0, 0, 0, 0, 0]
  for (const count of counts) if (count <= 4) occurring[count] = (occurring[count] ?? 0) + 1
  const [, n1 = 0, n2 = 0, n3 = 0, n4 = 0] = occurring
  const y = n1 / (n1 + 2 * n2)
  const estimates = [1 - (2 * y * n2) / n1, 2 - (3 * y * n3) / n2, 3 - (4 * y * n4) / n3] as const
  const isUsable = estimates.every((discount, index) => discount > 0 && discount <= index + 1)
  return isUsable && n4 > 0 ? estimates : [0.5, 1, 1.5]
}

function discountOf([one, two, more]: readonly [number, number, number], count: number): number {
  return count === 1 ? one : count === 2 ? two : more
}

/** Index of the value in the ascending part [from, to), or −1. */
function find(sorted: Float64Array, value: number, { from, to }: { from: number; to: number }): number {
  let [low, high] = [from, to]
  while (low < high) {
    const middle = (low + high) >>> 1
    if ((sorted[middle] ?? 0) < value) low = middle + 1
    else high = middle
  }
  return low < to && sorted[low] === value ? low : -1
}
