import { describe, expect, it } from 'vitest'
import { bootstrapInterval, bootstrapMean } from './bootstrap.js'
import { meanOf } from './intervals.js'
import { quantileInterval } from './quantiles.js'
import { randomWords } from './random.js'

const uniform = (seed: number): (() => number) => {
  const next = randomWords(seed)
  return () => (next() + 0.5) / 2 ** 32
}
/** Exponential: mean 1, as skewed as latencies are. */
const skewed = (n: number, chance: () => number): number[] => Array.from({ length: n }, () => -Math.log(chance()))

describe('bootstrap', () => {
  it('is the same for the same seed and data, and moves with either', () => {
    const values = skewed(30, uniform(1))
    expect(bootstrapMean({ values })).toEqual(bootstrapMean({ values }))
    expect(bootstrapMean({ values }, { seed: 2 })).not.toEqual(bootstrapMean({ values }))
  })

  it('agrees between the short form for means and the general one', () => {
    const values = skewed(25, uniform(2))
    const clusters = values.map((_, item) => `c${item % 7}`)
    const general = (method: 'bca' | 'percentile') => bootstrapInterval(values.length, (items) => meanOf(Array.from(items, (item) => values[item] ?? NaN)), { clusters, method })
    for (const method of ['bca', 'percentile'] as const) {
      const short = bootstrapMean({ values, clusters }, { method })
      expect(short).toEqual({ low: expect.closeTo(general(method).low, 10), high: expect.closeTo(general(method).high, 10), method })
    }
  })

  it('covers a skewed mean in nearly 95 of 100 samples', () => {
    const chance = uniform(3)
    let covered = 0
    for (let sample = 0; sample < 300; sample++) {
      const { low, high } = bootstrapMean({ values: skewed(40, chance) }, { resamples: 400, seed: sample })
      if (low <= 1 && high >= 1) covered++
    }
    expect(covered / 300).toBeGreaterThan(0.89)
    expect(covered / 300).toBeLessThan(0.98)
  })

  it('names the percentile interval where BCa does not exist, and refuses a single item', () => {
    expect(bootstrapInterval(30, (items) => new Set(items).size)).toMatchObject({ method: 'percentile' })
    expect(bootstrapMean({ values: [2, 2, 2] })).toEqual({ low: 2, high: 2, method: 'bca' })
    expect(() => bootstrapMean({ values: [1] })).toThrow('at least two')
    expect(() => bootstrapMean({ values: [1, 2], clusters: ['a', 'a'] })).toThrow('at least two')
  })
})

describe('quantileInterval', () => {
  it('covers the quantile in at least 95 of 100 samples', () => {
    const chance = uniform(4)
    let covered = 0
    for (let sample = 0; sample < 1_000; sample++) {
      const { low, high } = quantileInterval(Float64Array.from({ length: 60 }, chance).sort(), 0.5)
      if (low !== null && high !== null && low <= 0.5 && high >= 0.5) covered++
    }
    expect(covered / 1_000).toBeGreaterThan(0.94)
  })

  it('leaves an end open that the sample cannot bound', () => {
    const values = Float64Array.from({ length: 400 }, (_, item) => item)
    expect(quantileInterval(values.slice(0, 367), 0.99).high).toBeNull()
    expect(quantileInterval(values.slice(0, 368), 0.99).high).toBe(367)
    expect(quantileInterval([5], 0.5)).toEqual({ low: null, high: null })
    expect(quantileInterval([], 0.5)).toEqual({ low: null, high: null })
  })
})
