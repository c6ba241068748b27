import { describe, expect, it } from 'vitest'
import { epochOrder, makeBatch, packRows, paddedLength, singleRows, type Row } from './batches.js'
import type { TrainingExample } from './engine.js'
import { Random } from './random.js'

const example = (id: string, length: number, labels?: number[]): TrainingExample => {
  const tokens = Array.from({ length }, (_, index) => index + 1)
  return { id, tokens, labels: labels ?? tokens }
}

describe('packRows', () => {
  it('fits best, longest first, and never overfills a row', () => {
    const rows = packRows([3, 8, 5, 2, 4, 6, 1].map((length, index) => example(String(index), length)), 8)
    expect(rows.map((row) => row.examples.map(({ tokens }) => tokens.length))).toEqual([[8], [6, 2], [5, 3], [4, 1]])
    expect(rows.every((row) => row.length === row.examples.reduce((sum, { tokens }) => sum + tokens.length, 0))).toBe(true)
  })
})

describe('makeBatch', () => {
  it('shifts labels by one, pads, and restarts positions per packed example', () => {
    const rows = packRows([example('a', 3), example('b', 2, [-100, 7])], 8)
    const batch = makeBatch(rows, 8)
    expect([...batch.tokens]).toEqual([1n, 2n, 3n, 1n, 2n, 0n, 0n, 0n])
    expect([...batch.positions]).toEqual([0n, 1n, 2n, 0n, 1n, 0n, 0n, 0n])
    expect([...batch.segments]).toEqual([0, 0, 0, 1, 1, 2, 2, 2])
    expect({ R: batch.R, headRows: [...batch.headRows], labels: [...batch.labels], counted: [...batch.counted] })
      .toEqual({ R: 4, headRows: [0n, 1n, 3n, 0n], labels: [2n, 3n, 7n, 0n], counted: [1, 1, 1, 0] })
    expect(batch.tokenCount).toBe(5)
    expect(batch.supervisedCount).toBe(3)
  })

  it('fills the head to an eighth of the batch with places that do not count', () => {
    const labels = Array.from({ length: 32 }, (_, index) => (index < 30 ? -100 : 5))
    const batch = makeBatch(singleRows([example('a', 32, labels)]))
    expect(batch.R).toBe(4)
    expect([...batch.counted]).toEqual([1, 1, 0, 0])
    expect([...batch.headRows]).toEqual([29n, 30n, 0n, 0n])
  })

  it('keeps hidden states in place when every row is supervised', () => {
    const batch = makeBatch(singleRows([example('a', 32), example('b', 32)]))
    expect(batch.R).toBe(64)
    expect([...batch.headRows]).toEqual(Array.from({ length: 64 }, (_, index) => BigInt(index)))
    expect([batch.counted[30], batch.counted[31], batch.counted[32]]).toEqual([1, 0, 1])
    expect(batch.labels[32]).toBe(2n)
  })
})

it.each([[1, 32], [32, 32], [33, 64], [65, 96], [97, 128], [129, 192], [257, 384], [512, 512], [513, 768], [1025, 1536]])('pads %i tokens to %i', (length, padded) => {
  expect(paddedLength(length)).toBe(padded)
})

it('orders each epoch anew, repeatably, without loss', () => {
  const first = epochOrder(50, { seed: 1, epoch: 0 })
  expect([...first].sort((a, b) => a - b)).toEqual(Array.from({ length: 50 }, (_, index) => index))
  expect(epochOrder(50, { seed: 1, epoch: 0 })).toEqual(first)
  expect(epochOrder(50, { seed: 1, epoch: 1 })).not.toEqual(first)
  expect(epochOrder(50, { seed: 2, epoch: 0 })).not.toEqual(first)
})

describe('packing, whatever the lengths', () => {
  /** Every prediction that a batch asks for: document, position, token read and token wanted. Ids are told from the first token, which is unique. */
  function predictions(rows: Row[]): string[] {
    const { tokens, positions, segments, headRows, labels, counted } = makeBatch(rows, 64)
    return [...counted.entries()].filter(([, counts]) => counts === 1).map(([index]) => {
      const place = Number(headRows[index])
      const start = place - Number(positions[place])
      expect(segments[place], 'a token is read in its own document').toBe(segments[start])
      expect(positions[place + 1], 'the first token of a document is never wanted').toBe((positions[place] ?? 0n) + 1n)
      return `${tokens[start]} ${positions[place]}: ${tokens[place]} → ${labels[index]}`
    })
  }

  it.each([1, 2, 3, 4, 5])('asks for the predictions of single rows, no more and no less (draw %i)', (draw) => {
    const random = new Random(draw)
    const examples = Array.from({ length: 30 }, (_, document): TrainingExample => {
      const tokens = [1000 + document, ...Array.from({ length: 1 + (random.uint32() % 40) }, () => random.uint32() % 900)]
      return { id: String(document), tokens, labels: tokens.map((token) => (random.uint32() % 3 === 0 ? -100 : token)) }
    })
    const packed = packRows(examples, 64)
    expect(packed.length).toBeLessThan(examples.length)
    expect(packed.flatMap((row) => row.examples.map(({ id }) => id)).sort()).toEqual(examples.map(({ id }) => id).sort())
    for (const row of packed) {
      const { positions, segments } = makeBatch([row], 64)
      expect([...positions].slice(0, row.length).map(Number)).toEqual(row.examples.flatMap(({ tokens }) => [...tokens.keys()]))
      expect(new Set(segments.slice(row.length)).size, 'padding is a document of its own').toBeLessThanOrEqual(1)
    }
    expect(predictions(packed).sort()).toEqual(predictions(singleRows(examples)).sort())
  })
})
