import { describe, expect, it } from 'vitest'
import { createSampler } from '../workers/engine/sampling.js'
import { type Decoding, entropyBits, nextTokenChances, softmax, summarizeLogits } from './next-token.js'

const LOGITS = [4.9, 4.5, 2.5, 2.0, 1.5]
const PLAIN: Decoding = { temperature: 1, topK: 0, topP: 1, minP: 0 }
const chances = (changes: Partial<Decoding>, logits: readonly number[] = LOGITS) => nextTokenChances(logits, { ...PLAIN, ...changes })
const rounded = (changes: Partial<Decoding>) => chances(changes).map(({ probability }) => Number(probability.toFixed(2)))

describe('the next token', () => {
  it('has the probabilities that books give for these five logits', () => {
    expect(rounded({}).slice(0, 2)).toEqual([0.54, 0.36])
    expect(rounded({ temperature: 0.3 })[0]).toBe(0.79)
    expect(rounded({ topK: 2 })).toEqual([0.6, 0.4, 0, 0, 0])
    expect(rounded({ temperature: 0 })).toEqual([1, 0, 0, 0, 0])
  })

  it('keeps by top-p the fewest that reach p, the one that reaches it included', () => {
    expect(chances({ topP: 0.5 }).map(({ cutBy }) => cutBy)).toEqual([null, 'top-p', 'top-p', 'top-p', 'top-p'])
    expect(chances({ topP: 0.6 }).map(({ cutBy }) => cutBy)).toEqual([null, null, 'top-p', 'top-p', 'top-p'])
    expect(chances({ topP: 0.99, topK: 3, minP: 0.2 }).map(({ cutBy }) => cutBy)).toEqual([null, null, 'min-p', 'top-k', 'top-k'])
  })

  it('sums to 1 whatever is cut, and is worth fewer bits the colder it is', () => {
    for (const changes of [{ topP: 0.7 }, { minP: 0.5 }, { topK: 1 }, { temperature: 2, topP: 0.9 }]) expect(chances(changes).reduce((sum, { probability }) => sum + probability, 0)).toBeCloseTo(1, 12)
    expect(entropyBits([0.25, 0.25, 0.25, 0.25])).toBe(2)
    expect(entropyBits(softmax(LOGITS, 0.3))).toBeLessThan(entropyBits(softmax(LOGITS, 1)))
    expect(softmax([1000, 1000])).toEqual([0.5, 0.5])
  })

  it('is what the engine draws from', () => {
    const draws = 20_000
    for (const [seed, changes] of [{}, { temperature: 0.7, topK: 3 }, { temperature: 1.3, topP: 0.8 }, { minP: 0.12 }].entries()) {
      const sample = createSampler({ ...PLAIN, ...changes, repetitionPenalty: 1, seed })
      const counts = LOGITS.map(() => 0)
      for (let draw = 0; draw < draws; draw++) {
        const token = sample(Float32Array.from(LOGITS))
        counts[token] = (counts[token] ?? 0) + 1
      }
      for (const [place, { probability }] of chances(changes).entries()) {
        // Five standard errors; what was cut is never drawn.
        expect(Math.abs((counts[place] ?? 0) / draws - probability)).toBeLessThanOrEqual(5 * Math.sqrt((probability * (1 - probability)) / draws))
      }
    }
  })

  it('keeps the mass of a long tail in a few groups, at any temperature and under every cut', () => {
    const logits = Array.from({ length: 5_000 }, (_, id) => 4 * Math.sin(id * 12.9898) - 3 + (id < 5 ? 6 - id : 0))
    const { top, rest } = summarizeLogits(logits, 40)
    expect(top.map(({ logit }) => logit)).toEqual([...logits].sort((a, b) => b - a).slice(0, 40))
    expect(rest.reduce((sum, { count }) => sum + count, 0)).toBe(4_960)
    expect(rest.length).toBeLessThan(120)
    const short = [...top, ...rest].map(({ logit }) => logit)
    const counts = [...top.map(() => 1), ...rest.map(({ count }) => count)]
    for (const changes of [{}, { temperature: 0.5 }, { temperature: 2 }, { topP: 0.9 }, { topP: 0.2 }, { temperature: 1.5, minP: 0.05 }, { topK: 10 }, { topK: 1_000 }]) {
      const whole = chances(changes, logits)
      const grouped = nextTokenChances(short, { ...PLAIN, ...changes }, counts)
      for (const [place, { id }] of top.entries()) {
        // A cut that falls into a group falls at its edge or within it, not at the very token.
        const exact = whole[id]?.probability ?? 0
        expect(Math.abs((grouped[place]?.probability ?? 0) - exact)).toBeLessThanOrEqual(('topP' in changes || 'minP' in changes || 'topK' in changes ? 5e-3 : 1e-3) * exact)
      }
      expect(grouped.reduce((sum, { probability }) => sum + probability, 0)).toBeCloseTo(1, 10)
    }
  })
})
