import { expect, it } from 'vitest'
import { argMax, createSampler, type SamplingOptions } from './sampling.js'

const logits = Float32Array.of(Math.log(0.1), Math.log(0.5), Math.log(0.3), Math.log(0.1))

function frequencies(options: Partial<SamplingOptions>, draws = 20_000): number[] {
  const sample = createSampler({ temperature: 1, topK: 0, topP: 1, seed: 3, ...options })
  const counts = [0, 0, 0, 0]
  for (let i = 0; i < draws; i++) {
    const id = sample(logits)
    counts[id] = (counts[id] ?? 0) + 1 / draws
  }
  return counts
}

it('draws tokens as often as their probabilities say', () => {
  frequencies({}).forEach((frequency, id) => expect(frequency).toBeCloseTo([0.1, 0.5, 0.3, 0.1][id] ?? NaN, 1.7))
})

it('renormalises what top-k and top-p keep', () => {
  expect(frequencies({ topK: 1 })).toEqual([0, expect.closeTo(1), 0, 0])
  const half = frequencies({ topP: 0.6 })
  expect([half[0], half[3]]).toEqual([0, 0])
  expect(half[1]).toBeCloseTo(0.625, 1.7)
  expect(frequencies({ topK: 3 })[3]).toBe(0)
})

it('sharpens at low temperature and is greedy at zero', () => {
  expect(frequencies({ temperature: 0.25 })[1]).toBeGreaterThan(0.85)
  expect(createSampler({ temperature: 0, topK: 0, topP: 1, seed: 0 })(logits)).toBe(1)
  expect(argMax(Float32Array.of(2, 5, 5))).toBe(1)
})
