import { mkdtemp, readdir, rm, truncate } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { Bm25Index } from './bm25.js'
import { chunkVectors, VectorIndex } from './embedding.js'
import { fuseRankings, topK } from './ranking.js'
import { DIMENSIONS } from './sentence-encoder.js'
import { termsOf } from './terms.js'
import { VectorCache } from './vector-cache.js'

describe('termsOf', () => {
  it('folds case and accents and keeps letters and digits of any script', () => {
    expect(termsOf('Ação, no Brasil: 1889!')).toEqual(['acao', 'no', 'brasil', '1889'])
    expect(termsOf('The nation’s 2nd Ἑλλάς Straße')).toEqual(['the', 'nation', 's', '2nd', 'ελλας', 'straße'])
    expect(termsOf(' …!')).toEqual([])
  })
})

describe('Bm25Index', () => {
  const texts = ['the cat sat on the mat', 'the dog', 'cat and cat and cat', 'nothing here']

  it('scores as the formula says', () => {
    const index = new Bm25Index(texts, { k1: 1.2, b: 0.75 })
    const idf = Math.log(1 + (4 - 2 + 0.5) / (2 + 0.5))
    const average = (6 + 2 + 5 + 2) / 4
    const score = (frequency: number, length: number): number => (idf * frequency) / (frequency + 1.2 * (0.25 + (0.75 * length) / average))
    expect(index.search('Cat?', 5)).toEqual([
      { index: 2, score: expect.closeTo(score(3, 5), 12) },
      { index: 0, score: expect.closeTo(score(1, 6), 12) },
    ])
  })

  it('agrees with a plain computation over random texts, for any k1 and b', () => {
    const words = 'war peace union law trade west gold navy'.split(' ')
    const documents = Array.from({ length: 60 }, (_, d) => Array.from({ length: 3 + ((d * 7) % 11) }, (__, i) => words[(d * d + i * i * 3 + d * i) % words.length]).join(' '))
    for (const [k1, b] of [[1.2, 0.75], [0, 0.5], [2, 0], [0.9, 1]] as const) {
      const split = documents.map((text) => text.split(' '))
      const average = split.reduce((sum, terms) => sum + terms.length, 0) / split.length
      const plain = split.map((terms) =>
        ['gold', 'navy', 'gold'].reduce((sum, term) => {
          const df = split.filter((other) => other.includes(term)).length
          const tf = terms.filter((other) => other === term).length
          return tf === 0 ? sum : sum + (Math.log(1 + (split.length - df + 0.5) / (df + 0.5)) * tf) / (tf + k1 * (1 - b + (b * terms.length) / average))
        }, 0),
      )
      const found = new Bm25Index(documents, { k1, b }).search('gold navy gold', 60)
      expect(found).toHaveLength(plain.filter((score) => score > 0).length)
      for (const { index, score } of found) expect(score).toBeCloseTo(plain[index] ?? NaN, 10)
    }
  })

  it('finds nothing for words that nobody wrote, and nothing in nothing', () => {
    expect(new Bm25Index(texts, { k1: 1.2, b: 0.75 }).search('zebra', 3)).toEqual([])
    expect(new Bm25Index([], { k1: 1.2, b: 0.75 }).search('cat', 3)).toEqual([])
  })
})

describe('ranking', () => {
  it('takes the best k in order, equals by their index', () => {
    expect(topK([1, 5, 3, 5, 2, 4], 4).map(({ index }) => index)).toEqual([1, 3, 5, 2])
    expect(topK([1, 1, 1, 1], 2).map(({ index }) => index)).toEqual([0, 1])
    expect(topK([0, NaN, 2], 3, 0)).toEqual([{ index: 2, score: 2 }])
    const scores = Array.from({ length: 500 }, (_, i) => (i * 7919) % 101)
    const sorted = scores.map((score, index) => ({ index, score })).sort((a, b) => b.score - a.score || a.index - b.index)
    expect(topK(scores, 37)).toEqual(sorted.slice(0, 37))
  })

  it('fuses by reciprocal ranks', () => {
    const ranked = (...order: number[]) => order.map((index) => ({ index, score: 0 }))
    const fused = fuseRankings([ranked(1, 2, 3), ranked(3, 1)], 3)
    expect(fused).toEqual([
      { index: 1, score: expect.closeTo(1 / 61 + 1 / 62, 12) },
      { index: 3, score: expect.closeTo(1 / 63 + 1 / 61, 12) },
      { index: 2, score: expect.closeTo(1 / 62, 12) },
    ])
  })
})

describe('dense retrieval', () => {
  const axis = (d: number): Float32Array => new Float32Array(DIMENSIONS).fill(1, d, d + 1)

  it('weighs sentences by the characters that lie in the chunk', () => {
    const vectors = new Float32Array(3 * DIMENSIONS)
    for (const d of [0, 1, 2]) vectors.set(axis(d), d * DIMENSIONS)
    const sentences = [{ start: 0, end: 40 }, { start: 40, end: 70 }, { start: 70, end: 100 }]
    const chunks = chunkVectors({ sentences, vectors }, [{ start: 0, end: 40 }, { start: 20, end: 70 }, { start: 60, end: 100 }])
    const scale = Math.hypot(20, 30)
    expect([...chunks.subarray(0, 3)]).toEqual([1, 0, 0])
    expect([...chunks.subarray(DIMENSIONS, DIMENSIONS + 3)]).toEqual([expect.closeTo(20 / scale, 6), expect.closeTo(30 / scale, 6), 0])
    expect([...chunks.subarray(2 * DIMENSIONS, 2 * DIMENSIONS + 3)]).toEqual([0, expect.closeTo(10 / Math.hypot(10, 30), 6), expect.closeTo(30 / Math.hypot(10, 30), 6)])
  })

  it('searches exactly by cosine', () => {
    const vectors = new Float32Array(3 * DIMENSIONS)
    for (const d of [0, 1, 2]) vectors.set(axis(d), d * DIMENSIONS)
    const query = new Float32Array(DIMENSIONS)
    query.set([0.6, 0, 0.8])
    expect(new VectorIndex(vectors).search(query, 2)).toEqual([{ index: 2, score: expect.closeTo(0.8, 6) }, { index: 0, score: expect.closeTo(0.6, 6) }])
  })
})

describe('VectorCache', () => {
  it('gives back what was written, and nothing for other or broken files', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'vectors-'))
    const cache = new VectorCache(join(folder, 'new'), 'model')
    const vectors = Float32Array.from({ length: 2 * DIMENSIONS }, (_, i) => i / 7)
    expect(await cache.read(['a', 'b'])).toBeNull()
    await cache.write(['a', 'b'], vectors)
    expect(await cache.read(['a', 'b'])).toEqual(vectors)
    expect(await cache.read(['ab', ''])).toBeNull()
    expect(await new VectorCache(join(folder, 'new'), 'other').read(['a', 'b'])).toBeNull()
    const [file = ''] = await readdir(join(folder, 'new'))
    await truncate(join(folder, 'new', file), 100)
    expect(await cache.read(['a', 'b'])).toBeNull()
    await rm(folder, { recursive: true })
  })
})
