import { expect, it } from 'vitest'
import { argMax, createSampler, GREEDY, type SamplingOptions } from './sampling.js'

const logits = Float32Array.of(Math.log(0.1), Math.log(0.5), Math.log(0.3), Math.log(0.1))

function frequencies(options: Partial<SamplingOptions>, draws = 20_000): number[] {
  const sample = createSampler({ ...GREEDY, temperature: 1, seed: 3, ...options })
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
  expect(createSampler(GREEDY)(logits)).toBe(1)
  expect(argMax(Float32Array.of(2, 5, 5))).toBe(1)
})

it('keeps what min-p allows beside the most probable token', () => {
  const kept = frequencies({ minP: 0.5 })
  expect([kept[0], kept[3]]).toEqual([0, 0])
  expect(kept[1]).toBeCloseTo(0.625, 1.7)
  expect(frequencies({ minP: 0.5, topK: 3, topP: 0.95 })[0]).toBe(0)
})

it('holds back what was said before, in the prompt and in the answer', () => {
  const sample = createSampler({ ...GREEDY, repetitionPenalty: 2 }, [3])
  // 4 is halved to 2 and −1 doubled to −2, as in Hugging Face's RepetitionPenaltyLogitsProcessor; the most probable of the rest is next.
  const same = Float32Array.of(4, 3, -1, 4.5)
  expect([sample(same), sample(same), sample(same)]).toEqual([0, 1, 3])
  expect([...same]).toEqual([4, 3, -1, 4.5])
})
