/** From examples to rows to the padded arrays one step is fed with. */
import { EngineError } from './engine-error.js'
import type { TrainingExample } from './engine.js'
import { Random, streams } from './random.js'

const MASKED_LABEL = -100

/** One line of a batch: one example, or several short ones when packing. */
export interface Row {
  examples: TrainingExample[]
  length: number
}

export interface Batch {
  rows: Row[]
  /** Rows, and positions per row after padding. */
  B: number
  T: number
  /** Places of the loss head; equal to B·T when no row of the head is skipped. */
  R: number
  /** [B,T]; padding is token 0. */
  tokens: BigInt64Array
  /** [B,T]; starts again at 0 with each packed example. */
  positions: BigInt64Array
  /** [B,T]; number of the example within its row, padding has one of its own. */
  segments: Float32Array
  /** [R]: flat position b·T + t whose next token is predicted. */
  headRows: BigInt64Array
  /** [R]: that next token. */
  labels: BigInt64Array
  /** [R]: 1 where the loss counts, 0 for filling. */
  counted: Float32Array
  tokenCount: number
  supervisedCount: number
}

/** Refuses what the model cannot read, by example id, and cuts examples to maxLength. */
export function checkExamples(examples: readonly TrainingExample[], { vocabSize, maxLength }: { vocabSize: number; maxLength: number }): TrainingExample[] {
  return examples.map((example) => {
    const { id, tokens, labels } = example
    if (tokens.length !== labels.length) throw new EngineError('input_invalid', `example "${id}" has ${tokens.length} tokens but ${labels.length} labels; they must be aligned`, { id })
    for (const [index, token] of tokens.entries()) {
      if (!Number.isInteger(token) || token < 0 || token >= vocabSize) throw new EngineError('input_invalid', `example "${id}": tokens[${index}] is ${token}; the model's vocabulary has ${vocabSize} entries`, { id })
    }
    for (const [index, label] of labels.entries()) {
      if (label !== MASKED_LABEL && (!Number.isInteger(label) || label < 0 || label >= vocabSize)) throw new EngineError('input_invalid', `example "${id}": labels[${index}] is ${label}; it must be ${MASKED_LABEL} or a token below ${vocabSize}`, { id })
    }
    return tokens.length <= maxLength ? example : { id, tokens: tokens.slice(0, maxLength), labels: labels.slice(0, maxLength) }
  })
}

/** Labels that are learned: the first token of an example has no context to be predicted from. */
export function supervisedTokens({ labels }: TrainingExample): number {
  let count = 0
  for (let index = 1; index < labels.length; index++) if (labels[index] !== MASKED_LABEL) count++
  return count
}

export function singleRows(examples: readonly TrainingExample[]): Row[] {
  return examples.map((example) => ({ examples: [example], length: example.tokens.length }))
}

/** Best-fit-decreasing bin packing into rows of at most maxLength; ties keep the order of the examples. */
export function packRows(examples: readonly TrainingExample[], maxLength: number): Row[] {
  const rows: Row[] = []
  /** Open rows by the space left in them. */
  const byRoom = Array.from({ length: maxLength + 1 }, (): Row[] => [])
  for (const example of examples.toSorted((a, b) => b.tokens.length - a.tokens.length)) {
    const size = example.tokens.length
    let room = size
    while (room <= maxLength && byRoom[room]?.length === 0) room++
    let row = byRoom[room]?.shift()
    if (row === undefined) {
      row = { examples: [], length: 0 }
      rows.push(row)
    }
    row.examples.push(example)
    row.length += size
    byRoom[maxLength - row.length]?.push(row)
  }
  return rows
}

/** The order of rows in one epoch; any epoch can be drawn without the ones before. */
export function epochOrder(rows: number, { seed, epoch }: { seed: number; epoch: number }): Int32Array {
  return new Random(seed, streams.order, epoch).permutation(rows)
}

/**
 * Padded lengths 32, 64, 96, 128, 192, 256, 384, 512, 768, … : each compiles a graph of its own, so they are few;
 * neighbours are at most a factor of 1.5 apart from 64 on, so padding stays small.
 */
export function paddedLength(length: number): number {
  let size = 32
  while (size < length) size = Math.log2(size) % 1 === 0 && size > 32 ? size * 1.5 : size === 32 ? 64 : (size * 4) / 3
  return size
}

export function makeBatch(rows: Row[], T = paddedLength(Math.max(...rows.map((row) => row.length)))): Batch {
  const B = rows.length
  const tokens = new BigInt64Array(B * T)
  const positions = new BigInt64Array(B * T)
  const segments = new Float32Array(B * T)
  const head: { row: number; label: number }[] = []
  let tokenCount = 0
  for (const [b, row] of rows.entries()) {
    let offset = b * T
    for (const [segment, example] of row.examples.entries()) {
      const { tokens: source, labels } = example
      for (let t = 0; t < source.length; t++) {
        tokens[offset + t] = BigInt(source[t] ?? 0)
        positions[offset + t] = BigInt(t)
        segments[offset + t] = segment
        const label = labels[t + 1]
        if (label !== undefined && label !== MASKED_LABEL) head.push({ row: offset + t, label })
      }
      offset += source.length
      tokenCount += source.length
    }
    segments.fill(row.examples.length, offset, (b + 1) * T)
  }
  return { rows, B, T, tokens, positions, segments, ...headArrays(head, B * T), tokenCount, supervisedCount: head.length }
}

/** Head rows filled up to an eighth, a quarter, half or all of the batch, so that a completion-only loss skips most of the vocabulary product. */
function headArrays(head: readonly { row: number; label: number }[], N: number): Pick<Batch, 'R' | 'headRows' | 'labels' | 'counted'> {
  let R = N / 8
  while (R < head.length) R *= 2
  const headRows = new BigInt64Array(R)
  const labels = new BigInt64Array(R)
  const counted = new Float32Array(R)
  const place = (index: number, { row, label }: { row: number; label: number }): void => {
    headRows[index] = BigInt(row)
    labels[index] = BigInt(label)
    counted[index] = 1
  }
  // With every row kept, hidden states are used where they lie and need no gather.
  for (const [index, entry] of head.entries()) place(R === N ? entry.row : index, entry)
  if (R === N) for (let row = 0; row < N; row++) headRows[row] = BigInt(row)
  return { R, headRows, labels, counted }
}
