// The statistics against scipy, statsmodels and exact fractions; statistics.py made the file.
import { readFileSync } from 'node:fs'
import { describe, expect, it } from 'vitest'
import { z } from 'zod'
import { bootstrapInterval, bootstrapMean } from '../../experiments/statistics/bootstrap.js'
import { binomialCdf, normalCdf, studentTCdf, studentTQuantile } from '../../experiments/statistics/distributions.js'
import { clusteredError, clusterIndex, meanInterval, meanOf, wilson } from '../../experiments/statistics/intervals.js'
import { mcnemarExact, mcnemarMidP, pairedProportionInterval } from '../../experiments/statistics/mcnemar.js'
import { benjaminiHochberg, holm } from '../../experiments/statistics/multiplicity.js'
import { comparePaired, correlationOf } from '../../experiments/statistics/paired.js'
import { itemsNeeded, minimumDetectable, proportionVariance } from '../../experiments/statistics/power.js'
import { quantile, quantileInterval } from '../../experiments/statistics/quantiles.js'
import { sequentialBoundaries, type Spending } from '../../experiments/statistics/sequential.js'
import { signFlipTest } from '../../experiments/statistics/sign-flip.js'
import { wilcoxonTest } from '../../experiments/statistics/wilcoxon.js'

const numbers = z.array(z.number())
const pair = z.tuple([z.number(), z.number()])
const clusteredResult = z.object({ error: z.number(), low: z.number(), high: z.number() })
const golden = z
  .object({
    data: z.object({ skewed: numbers, clusters: z.array(z.string()), scoresA: numbers, scoresB: numbers, tiedA: numbers, tiedB: numbers, few: numbers, latencies: numbers }),
    distributions: z.object({
      studentQuantile975: z.record(z.string(), z.number()),
      studentCdf: z.array(z.tuple([z.number(), z.number(), z.number()])),
      normalCdf: z.array(pair),
      binomialCdf: z.array(z.tuple([z.number(), z.number(), z.number(), z.number()])),
    }),
    wilson: z.array(z.tuple([z.number(), z.number(), z.number(), z.number()])),
    studentT: pair,
    clustered: clusteredResult,
    bootstrap: z.object({ meanPercentile: pair, meanBca: pair, variationBca: pair, clusteredMeanPercentile: pair }),
    quantiles: z.record(z.string(), z.object({ value: z.number(), interval: z.tuple([z.number().nullable(), z.number().nullable()]) })),
    mcnemar: z.array(z.object({ wins: z.number(), losses: z.number(), exact: z.number(), fraction: z.number(), midP: z.number() })),
    newcombe: z.array(z.object({ table: z.tuple([z.number(), z.number(), z.number(), z.number()]), interval: pair })),
    pairedT: z.object({ p: z.number(), interval: pair }),
    clusteredDifference: clusteredResult,
    correlation: z.number(),
    wilcoxon: z.object({ exact: z.number(), tiesExact: z.number(), approximate: z.number() }),
    signFlip: z.object({ few: z.number(), sixteen: z.number() }),
    multiplicity: z.object({ p: numbers, holm: numbers, benjaminiHochberg: numbers }),
    sequential: z.object({ shares: numbers, power2: numbers, pocock: numbers, obrienFleming: numbers }),
    unpairedDetectable: z.array(pair),
  })
  .parse(JSON.parse(readFileSync(new URL('statistics.json', import.meta.url), 'utf8')))

const { data } = golden
const minus = (a: readonly number[], b: readonly number[]): number[] => a.map((value, item) => value - (b[item] ?? NaN))
const close = (value: number | null, expected: number | null, digits = 9): void => {
  if (value === null || expected === null) expect(value).toBe(expected)
  else expect(value).toBeCloseTo(expected, digits)
}
/** Both draw the same resamples, so only rounding may differ; where it moves a rank by one the ends still lie this near. */
const near = ({ low, high }: { low: number; high: number }, [a, b]: readonly [number, number]): void => {
  expect(Math.abs(low - a)).toBeLessThan(1e-6 * Math.abs(a))
  expect(Math.abs(high - b)).toBeLessThan(1e-6 * Math.abs(b))
}

describe('statistics against scipy and statsmodels', () => {
  it('distributions', () => {
    for (const [df, value] of Object.entries(golden.distributions.studentQuantile975)) close(studentTQuantile(0.975, Number(df)), value, 8)
    for (const [t, df, value] of golden.distributions.studentCdf) close(studentTCdf(t, df), value, 11)
    for (const [x, value] of golden.distributions.normalCdf) close(normalCdf(x) / value, 1, 10)
    for (const [k, n, p, value] of golden.distributions.binomialCdf) close(binomialCdf(k, n, p), value, 11)
  })

  it('intervals of means and proportions, plain and by cluster', () => {
    for (const [k, n, low, high] of golden.wilson) expect(wilson(k, n)).toEqual({ low: expect.closeTo(low, 11), high: expect.closeTo(high, 11) })
    const plain = meanInterval({ values: data.skewed })
    expect([plain.low, plain.high]).toEqual(golden.studentT.map((end) => expect.closeTo(end, 8)))
    const index = clusterIndex(data.clusters) ?? { index: new Int32Array(), count: 0 }
    close(clusteredError(data.skewed, index), golden.clustered.error)
    expect(meanInterval({ values: data.skewed, clusters: data.clusters })).toMatchObject({ low: expect.closeTo(golden.clustered.low, 7), high: expect.closeTo(golden.clustered.high, 7), method: 'clustered-t' })
  })

  it('bootstrap intervals over the same resamples', () => {
    const options = { resamples: 500, seed: 7 }
    const at = (items: Int32Array): number[] => Array.from(items, (item) => data.skewed[item] ?? NaN)
    const variation = (items: Int32Array): number => {
      const drawn = at(items)
      const mean = meanOf(drawn)
      return Math.sqrt(meanOf(drawn.map((value) => (value - mean) ** 2))) / mean
    }
    near(bootstrapMean({ values: data.skewed }, { ...options, method: 'percentile' }), golden.bootstrap.meanPercentile)
    near(bootstrapMean({ values: data.skewed }, options), golden.bootstrap.meanBca)
    near(bootstrapInterval(data.skewed.length, (items) => meanOf(at(items)), options), golden.bootstrap.meanBca)
    near(bootstrapInterval(data.skewed.length, variation, options), golden.bootstrap.variationBca)
    const clustered = { ...options, method: 'percentile' as const }
    near(bootstrapMean({ values: data.skewed, clusters: data.clusters }, clustered), golden.bootstrap.clusteredMeanPercentile)
    near(bootstrapInterval(data.skewed.length, (items) => meanOf(at(items)), { ...clustered, clusters: data.clusters }), golden.bootstrap.clusteredMeanPercentile)
  })

  it('quantiles of latency between order statistics', () => {
    const sorted = Float64Array.from(data.latencies).sort()
    for (const [q, { value, interval }] of Object.entries(golden.quantiles)) {
      close(quantile(sorted, Number(q)), value)
      expect(quantileInterval(sorted, Number(q))).toEqual({ low: interval[0], high: interval[1] })
    }
  })

  it('McNemar’s test and the interval of paired proportions', () => {
    for (const { wins, losses, exact, fraction, midP } of golden.mcnemar) {
      close(mcnemarExact(wins, losses), fraction, 12)
      close(mcnemarExact(wins, losses), exact, 11)
      close(mcnemarMidP(wins, losses), midP, 11)
    }
    for (const { table, interval } of golden.newcombe) {
      const [both, run, baseline, neither] = table
      expect(pairedProportionInterval({ both, run, baseline, neither })).toEqual({ low: expect.closeTo(interval[0], 11), high: expect.closeTo(interval[1], 11) })
    }
  })

  it('paired tests of scores that are not 0 or 1', () => {
    const scores = { run: data.scoresA, baseline: data.scoresB, binary: false }
    const t = comparePaired(scores, { test: 'paired-t' })
    expect(t).toMatchObject({ p: expect.closeTo(golden.pairedT.p, 10), low: expect.closeTo(golden.pairedT.interval[0], 9), high: expect.closeTo(golden.pairedT.interval[1], 9) })
    close(t.correlation, golden.correlation, 12)
    close(correlationOf(data.scoresA, data.scoresB), golden.correlation, 12)
    const differences = minus(data.scoresA, data.scoresB)
    close(wilcoxonTest(differences.slice(0, 30)), golden.wilcoxon.exact)
    const tied = minus(data.tiedA, data.tiedB)
    close(wilcoxonTest(tied.slice(0, 16)), golden.wilcoxon.tiesExact)
    close(wilcoxonTest(tied), golden.wilcoxon.approximate)
    close(signFlipTest(data.few), golden.signFlip.few, 12)
    close(signFlipTest(differences.slice(0, 16)), golden.signFlip.sixteen, 12)
    const clustered = comparePaired({ run: data.scoresA.slice(0, 40), baseline: data.scoresB.slice(0, 40), clusters: data.clusters, binary: false })
    expect([clustered.low, clustered.high]).toEqual([expect.closeTo(golden.clusteredDifference.low, 9), expect.closeTo(golden.clusteredDifference.high, 9)])
  })

  it('corrections for many tests, and what a sample can find', () => {
    const { p, holm: byHolm, benjaminiHochberg: byRate } = golden.multiplicity
    expect(holm(p)).toEqual(byHolm.map((value) => expect.closeTo(value, 12)))
    expect(benjaminiHochberg(p)).toEqual(byRate.map((value) => expect.closeTo(value, 12)))
    for (const [n, points] of golden.unpairedDetectable) {
      close(minimumDetectable(Math.sqrt(proportionVariance(0.5, 0) / n)), points)
      expect(itemsNeeded(points * (1 + 1e-9), { itemVariance: proportionVariance(0.5, 0) })).toBe(n)
    }
  })

  it('group-sequential boundaries from the joint law of all looks', () => {
    const { shares, power2, pocock, obrienFleming } = golden.sequential
    const near = (spending: Spending, expected: readonly number[]): void => expect(sequentialBoundaries(shares, 0.05, spending)).toEqual(expected.map((z) => expect.closeTo(z, 4)))
    near({ kind: 'power', rho: 2 }, power2)
    near({ kind: 'pocock' }, pocock)
    near({ kind: 'obrien-fleming' }, obrienFleming)
  })

  it('group-sequential boundaries as Lan and DeMets’ program prints them for five even looks', () => {
    const even = [0.2, 0.4, 0.6, 0.8, 1]
    expect(sequentialBoundaries(even, 0.05, { kind: 'obrien-fleming' })).toEqual([4.8769, 3.3569, 2.6803, 2.2898, 2.031].map((z) => expect.closeTo(z, 3)))
    expect(sequentialBoundaries(even, 0.05, { kind: 'pocock' })).toEqual([2.438, 2.4268, 2.4101, 2.3966, 2.3859].map((z) => expect.closeTo(z, 3)))
    expect(() => sequentialBoundaries([0.5, 0.5], 0.05, { kind: 'pocock' })).toThrow('must ascend')
  })
})
