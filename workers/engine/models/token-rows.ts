/** Token sequences as rows of fixed length: how long a row is made, what it may look at, and which sequences share one. */
import { EngineError } from '../engine-error.js'
import type { LlamaConfig } from '../engine.js'

export const BLOCKED = -1e9
/** Longer inputs go through in pieces of at most this many tokens, which bounds the attention matrix. */
export const LONGEST_CHUNK = 512

/** 0 where row t sees column s, very negative elsewhere: [T, P + T]. Rows see the cache and their own segment up to themselves. */
export function attentionMask({ T, P, cached, segments }: { T: number; P: number; cached: number; segments: readonly number[] }): Float32Array {
  const width = P + T
  const mask = new Float32Array(T * width).fill(BLOCKED)
  for (let row = 0; row < T; row++) {
    mask.fill(0, row * width, row * width + cached)
    for (let other = row; other >= 0 && segments[other] === segments[row]; other--) mask[row * width + P + other] = 0
  }
  return mask
}

/** Sequences side by side in one row: their tokens, and for each token its sequence's number and its place in it. */
export function joined(sequences: readonly (readonly number[])[]): { tokens: number[]; segments: number[]; offsets: number[] } {
  return {
    tokens: sequences.flatMap((tokens) => [...tokens]),
    segments: sequences.flatMap((tokens, segment) => tokens.map(() => segment)),
    offsets: sequences.flatMap((tokens) => tokens.map((_, index) => index)),
  }
}

/** Groups, in order, whose lengths add up to no more than `room`; a longer item stands alone. */
export function grouped<T>(items: readonly T[], lengthOf: (item: T) => number, room = LONGEST_CHUNK): T[][] {
  const groups: T[][] = []
  let left = 0
  for (const item of items) {
    const group = groups.at(-1)
    if (group === undefined || lengthOf(item) > left) {
      groups.push([item])
      left = room - lengthOf(item)
    } else {
      group.push(item)
      left -= lengthOf(item)
    }
  }
  return groups
}

/** A token outside the vocabulary. */
export function unknownToken(tokens: readonly number[], { vocabSize }: LlamaConfig): number | undefined {
  return tokens.find((token) => !Number.isInteger(token) || token < 0 || token >= vocabSize)
}

export function checkTokens(tokens: readonly number[], config: LlamaConfig): void {
  if (tokens.length === 0) throw new EngineError('input_invalid', 'there are no tokens to run')
  const token = unknownToken(tokens, config)
  const { vocabSize } = config
  if (token !== undefined) throw new EngineError('input_invalid', `token ${token} is not in the model's vocabulary of ${vocabSize}`, { token, vocabSize })
}

/** 1, 8, 16, 32, then 48, 64, 96, 128, …: at most a third of a chunk is padding from 32 tokens on. */
export function chunkBucket(count: number): number {
  if (count === 1) return 1
  const power = Math.max(8, 2 ** Math.ceil(Math.log2(count)))
  return power > 32 && count <= 0.75 * power ? 0.75 * power : power
}

export function padded(values: readonly number[], length: number): BigInt64Array {
  return BigInt64Array.from({ length }, (_, index) => BigInt(values[index] ?? 0))
}
