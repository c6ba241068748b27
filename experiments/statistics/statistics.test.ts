import { describe, expect, it } from 'vitest'
import { binomialCdf, criticalT95, normalCdf, normalQuantile, studentTCdf, studentTQuantile } from './distributions.js'
import { clusteredError, clusterIndex, meanInterval, proportionInterval, squaredError, wilson } from './intervals.js'
import { holm } from './multiplicity.js'
import { mcnemarExact, pairedProportionAbove, pairedProportionInterval } from './mcnemar.js'
import { comparePaired } from './paired.js'
import { discordanceNeeded, itemsNeeded, minimumDetectable } from './power.js'
import { randomWords } from './random.js'
import { signFlipTest } from './sign-flip.js'
import { wilcoxonTest } from './wilcoxon.js'

const bits = (ones: number, zeros: number): number[] => [...Array.from({ length: ones }, () => 1), ...Array.from({ length: zeros }, () => 0)]

// Reference values: exact rational arithmetic for the binomial, Simpson's rule with 200,000
// panels for Student's t, the C library's erfc for the normal (all computed in Python 3).
describe('distributions', () => {
  it('agree with exact arithmetic', () => {
    expect(binomialCdf(3, 20, 0.25)).toBeCloseTo(0.22515604766431352, 12)
    expect(binomialCdf(450, 1000, 0.5)).toBeCloseTo(0.0008652680424881588, 12)
    expect(studentTCdf(1, 1)).toBeCloseTo(0.75, 12)
    expect(studentTCdf(2, 5)).toBeCloseTo(0.9490302605850673, 10)
    expect(studentTCdf(-2.5, 10)).toBeCloseTo(1 - 0.9842765778816955, 10)
    expect(studentTCdf(1.96, 300)).toBeCloseTo(0.9745393738377748, 10)
    expect(normalCdf(0.5)).toBeCloseTo(0.6914624612740131, 14)
    expect(normalCdf(-6) / 9.865876450377012e-10).toBeCloseTo(1, 10)
  })

  it('invert themselves', () => {
    expect(normalQuantile(0.975)).toBeCloseTo(1.9599639845400536, 12)
    expect(normalQuantile(1e-6)).toBeCloseTo(-4.753424308822899, 10)
    for (const df of [1, 2, 7, 40, 1000]) expect(studentTCdf(studentTQuantile(0.975, df), df)).toBeCloseTo(0.975, 12)
    expect(criticalT95(10)).toBeCloseTo(2.228138852, 8)
    expect(() => normalQuantile(0)).toThrow(RangeError)
  })
})

describe('intervals', () => {
  it('give Wilson’s limits where Wald’s fail', () => {
    expect(wilson(45, 50)).toEqual({ low: expect.closeTo(0.7863976856, 9), high: expect.closeTo(0.9565242351, 9) })
    expect(wilson(50, 50)).toEqual({ low: expect.closeTo(0.9286524009, 9), high: 1 })
    expect(wilson(0, 30)).toEqual({ low: 0, high: expect.closeTo(0.1135133932, 9) })
    expect(wilson(7, 13)).toEqual({ low: expect.closeTo(0.291437957, 9), high: expect.closeTo(0.7679393219, 9) })
  })

  it('use Student’s t for means', () => {
    const { mean, low, high, method } = meanInterval({ values: [1, 2, 3, 4, 5] })
    // sd = sqrt(2.5), SE = sqrt(0.5), t(4) = 2.776445
    expect([mean, low, high, method]).toEqual([3, expect.closeTo(3 - 1.963243, 5), expect.closeTo(3 + 1.963243, 5), 'student-t'])
    expect(meanInterval({ values: [7] })).toEqual({ mean: 7, low: null, high: null, method: 'none' })
  })

  it('widen by clusters only where items share one', () => {
    const values = [1, 1, 1, 0, 0, 0, 1, 0]
    const alone = values.map((_, index) => `c${index}`)
    expect(proportionInterval({ values, clusters: alone }).method).toBe('wilson')
    const pairs = ['a', 'a', 'a', 'b', 'b', 'b', null, null]
    const interval = proportionInterval({ values, clusters: pairs })
    expect(interval.method).toBe('clustered-t')
    // residual sums by cluster: 1.5, -1.5, 0.5, -0.5; sqrt(5 · 4/3) / 8
    expect(clusteredError(values, clusterIndex(pairs) ?? { index: new Int32Array(), count: 0 })).toBeCloseTo(Math.sqrt((5 * 4) / 3) / 8, 12)
  })

  it('equal the plain error when every cluster has one item', () => {
    const values = [0.1, 0.5, 0.9, 0.3]
    const index = { index: Int32Array.from([0, 1, 2, 3]), count: 4 }
    expect(clusteredError(values, index)).toBeCloseTo(Math.sqrt(squaredError(values)), 12)
  })

  it('never shrink to a point when all clustered answers are right', () => {
    const interval = proportionInterval({ values: bits(20, 0), clusters: Array.from({ length: 20 }, (_, item) => `c${item % 10}`) })
    expect(interval).toEqual({ mean: 1, ...wilson(10, 10), method: 'wilson' })
  })

  it('never shrink to a point when every cluster has as many right answers as the others', () => {
    const interval = proportionInterval({ values: Array.from({ length: 20 }, (_, item) => item % 2), clusters: Array.from({ length: 20 }, (_, item) => `c${Math.floor(item / 2)}`) })
    expect(interval).toEqual({ mean: 0.5, ...wilson(5, 10), method: 'wilson' })
  })
})

describe('paired comparison', () => {
  it('tests 0/1 scores by exact McNemar', () => {
    expect(mcnemarExact(10, 25)).toBeCloseTo(0.01667384780012071, 12)
    expect(mcnemarExact(3, 9)).toBeCloseTo(0.14599609375, 12)
    expect(mcnemarExact(400, 500)).toBeCloseTo(0.0009564441369189461, 12)
    expect(mcnemarExact(5, 5)).toBe(1)
    expect(mcnemarExact(0, 0)).toBe(1)
  })

  it('counts all sign patterns of few differences', () => {
    // 10 of 128 patterns by exact rational arithmetic.
    expect(signFlipTest([0.3, -0.1, 0.2, 0.5, 0.4, -0.05, 0.15])).toBeCloseTo(10 / 128, 12)
    expect(signFlipTest([0, 0, 0])).toBe(1)
    expect(signFlipTest([0.1, 0.1, 0.1, 0.1])).toBeCloseTo(2 / 16, 12)
  })

  it('agrees between exact, sampled and normal forms', () => {
    const next = randomWords(5)
    const some = Array.from({ length: 16 }, () => next() / 2 ** 32 - 0.35)
    const exact = signFlipTest(some)
    // One more difference too small to matter moves the test from counting to sampling.
    expect(Math.abs(signFlipTest([...some, 1e-12]) - exact)).toBeLessThan(0.02)
    const many = Array.from({ length: 2_000 }, () => next() / 2 ** 32 - 0.482)
    expect(Math.abs(signFlipTest(many) - signFlipTest([...many, 1e-12]))).toBeLessThan(0.02)
    expect(signFlipTest(many.slice(0, 50), 7)).toBe(signFlipTest(many.slice(0, 50), 7))
  })

  it('gives the difference, its interval and the test', () => {
    const run = [...bits(60, 0), ...bits(25, 0), ...bits(0, 10), ...bits(0, 5)]
    const baseline = [...bits(60, 0), ...bits(0, 25), ...bits(10, 0), ...bits(0, 5)]
    const result = comparePaired({ run, baseline, binary: true })
    expect(result).toMatchObject({ n: 100, wins: 25, losses: 10, ties: 65, method: 'mcnemar-exact' })
    expect(result.difference).toBeCloseTo(0.15, 12)
    expect(result.p).toBeCloseTo(0.01667384780012071, 12)
    expect(result.low).toBeGreaterThan(0)
    expect(result.high).toBeLessThan(0.28)
    // sd of the differences: sqrt((35 − 100·0.15²)/99); SE·2.801585
    expect(result.minimumDetectable).toBeCloseTo(2.801585 * Math.sqrt((35 - 2.25) / 99 / 100), 5)
  })

  it('covers the true difference in about 95 of 100 samples', () => {
    const next = randomWords(11)
    const chance = (): number => next() / 2 ** 32
    let covered = 0
    for (let sample = 0; sample < 2_000; sample++) {
      const table = { both: 0, run: 0, baseline: 0, neither: 0 }
      for (let item = 0; item < 60; item++) {
        const draw = chance()
        table[draw < 0.6 ? 'both' : draw < 0.75 ? 'run' : draw < 0.8 ? 'baseline' : 'neither']++
      }
      const { low, high } = pairedProportionInterval(table)
      if (low <= 0.1 && high >= 0.1) covered++
    }
    expect(covered / 2_000).toBeGreaterThan(0.93)
    expect(covered / 2_000).toBeLessThan(0.985)
  })

  it('keeps a width when the runs never differ', () => {
    const same = comparePaired({ run: bits(30, 20), baseline: bits(30, 20), binary: true })
    expect(same).toMatchObject({ difference: 0, p: 1, wins: 0, losses: 0, ties: 50, minimumDetectable: expect.closeTo(discordanceNeeded(50), 12) })
    expect(same.high).toBeGreaterThan(0)
    expect(same.low).toBeCloseTo(-(same.high ?? 0), 12)
  })

  it('flips clusters as wholes: copies of an item add no evidence', () => {
    const once = [0.2, 0.1, 0.3, -0.1, 0.25, 0.15, 0.2, 0.05]
    const run = once.flatMap((value) => [value, value, value])
    const clusters = once.flatMap((_, index) => Array.from({ length: 3 }, () => `c${index}`))
    const zero = run.map(() => 0)
    const clustered = comparePaired({ run, baseline: zero, clusters, binary: false })
    const plain = comparePaired({ run: once, baseline: once.map(() => 0), binary: false })
    expect(clustered.p).toBeCloseTo(plain.p ?? NaN, 12)
    expect(clustered.low).toBeCloseTo(plain.low ?? NaN, 12)
    expect(comparePaired({ run, baseline: zero, binary: false }).p ?? 1).toBeLessThan(clustered.p ?? 0)
  })

  it('turns Newcombe’s interval round into a p-value', () => {
    const table = { both: 60, run: 25, baseline: 10, neither: 5 }
    const { low } = pairedProportionInterval(table)
    expect(pairedProportionAbove(table, low)).toBeCloseTo(0.025, 8)
    expect(pairedProportionAbove(table, 0)).toBeLessThan(0.025)
    expect(pairedProportionAbove(table, 0.15)).toBe(0.5)
    expect(pairedProportionAbove(table, pairedProportionInterval(table).high)).toBeCloseTo(0.975, 8)
  })

  it('asks whether a run is worse by less than a margin, in either direction of better', () => {
    const run = [...bits(60, 0), ...bits(25, 0), ...bits(0, 10), ...bits(0, 5)]
    const baseline = [...bits(60, 0), ...bits(0, 25), ...bits(10, 0), ...bits(0, 5)]
    const p = (margin: number, higherIsBetter: boolean) => comparePaired({ run, baseline, binary: true }, { margin, higherIsBetter }).pNonInferior
    expect(p(0.02, true)).toBeLessThan(0.025)
    expect(p(0.02, false)).toBeGreaterThan(0.95)
    const loss = [1.1, 0.9, 1.2, 1.0, 0.8, 1.15, 0.95, 1.05]
    const slightlyMore = loss.map((value, item) => value + 0.01 + (item % 2) / 100)
    const ofLoss = (margin: number) => comparePaired({ run: slightlyMore, baseline: loss, binary: false }, { margin, higherIsBetter: false }).pNonInferior
    expect(ofLoss(0.05)).toBeLessThan(0.001)
    expect(ofLoss(0.01)).toBeGreaterThan(0.9)
    expect(comparePaired({ run: loss, baseline: loss, binary: false }, { margin: 0.01, higherIsBetter: false }).pNonInferior).toBe(0)
  })

  it('makes the test that was asked for, and refuses one that does not fit', () => {
    const scores = { run: bits(12, 3), baseline: [...bits(6, 0), ...bits(0, 9)], binary: true }
    expect(comparePaired(scores, { test: 'mcnemar-mid-p' })).toMatchObject({ method: 'mcnemar-mid-p', p: expect.closeTo(0.015625, 12) })
    expect(comparePaired(scores, { test: 'wilcoxon' }).p).toBeCloseTo(comparePaired(scores).p ?? NaN, 12)
    const clusters = scores.run.map((_, item) => `c${item % 5}`)
    expect(() => comparePaired({ ...scores, clusters }, { test: 'wilcoxon' })).toThrow('share clusters')
    expect(() => comparePaired({ run: [0.5, 1], baseline: [0, 1], binary: false }, { test: 'mcnemar-exact' })).toThrow('0 and 1')
    expect(comparePaired({ run: [1, 2], baseline: [1, 2], binary: false }, { test: 'paired-t' }).p).toBe(1)
  })

  it('ranks ties by their mean rank and leaves zeros out', () => {
    expect(wilcoxonTest([0, 0])).toBe(1)
    // Mean ranks 1.5, 1.5, 3: of 8 sign patterns 2 have all ranks on one side.
    expect(wilcoxonTest([2, 0, 2, 5])).toBeCloseTo(2 / 8, 12)
  })

  it('tests nothing on one item', () => {
    expect(comparePaired({ run: [1], baseline: [0], binary: true })).toMatchObject({ n: 1, difference: 1, low: null, high: null, p: null })
  })
})

describe('multiplicity and power', () => {
  it('corrects by Holm, in the order given and monotone', () => {
    expect(holm([0.01, null, 0.04, 0.03, 0.005])).toEqual([expect.closeTo(0.03, 12), null, expect.closeTo(0.06, 12), expect.closeTo(0.06, 12), expect.closeTo(0.02, 12)])
    expect(holm([0.9, 0.8])).toEqual([1, 1])
  })

  it('plans the items that a difference of 3 points needs (Miller’s example)', () => {
    expect(itemsNeeded(0.03, { itemVariance: 1 / 9 })).toBe(969)
    const noisy = { itemVariance: 1 / 9, answerVarianceA: 1 / 6, answerVarianceB: 1 / 6 }
    expect(itemsNeeded(0.03, noisy)).toBe(3876)
    expect(itemsNeeded(0.03, { ...noisy, repeatsA: 2, repeatsB: 2 })).toBe(2423)
    expect(itemsNeeded(0.03, { ...noisy, repeatsA: 10, repeatsB: 10 })).toBe(1260)
    expect(() => itemsNeeded(0, noisy)).toThrow('above 0')
  })

  it('shares the 5 % among comparisons', () => {
    const design = { itemVariance: 1 / 9 }
    expect(itemsNeeded(0.03, design, { comparisons: 5 })).toBeGreaterThan(itemsNeeded(0.03, design))
    expect(itemsNeeded(0.03, design, { alpha: 0.01 })).toBe(itemsNeeded(0.03, design, { comparisons: 5 }))
    expect(minimumDetectable(0.01, { comparisons: 3 })).toBeGreaterThan(minimumDetectable(0.01))
  })

  it('knows what few discordant items can show', () => {
    // 2·2^−6 = 0.031 is the first below 0.05; P(X ≥ 6) = 0.8 at 7.9 items of 1,000.
    expect(discordanceNeeded(1_000)).toBeCloseTo(0.0079, 4)
    expect(discordanceNeeded(5)).toBe(1)
    expect(discordanceNeeded(1_000, { comparisons: 10 })).toBeGreaterThan(discordanceNeeded(1_000))
  })

  it('tells what a standard error can detect', () => {
    expect(minimumDetectable(Math.sqrt((2 * 0.25) / 50))).toBeCloseTo(0.28, 2)
    expect(minimumDetectable(Math.sqrt((2 * 0.25) / 1000))).toBeCloseTo(0.063, 3)
  })
})
