import { describe, expect, it } from 'vitest'
import { type Demands, differences, expectedCostPer1000, type Option, recommend } from './recommend.js'
import { weightedSum } from './weighted-sum.js'

const demands: Demands = { errorCostUsd: 0.1, requestsPerMonth: 10_000, latencyLimitMs: null, minimumScore: null }
const option = (id: string, mean: number, costPer1000: number | null, latencyMs: number | null = 100): Option => ({
  id, score: { mean, low: mean - 0.05, high: mean + 0.04 }, latencyMs, costPer1000Usd: costPer1000 === null ? null : { mean: costPer1000, low: costPer1000 - 0.3, high: costPer1000 + 0.3 },
})

describe('expected cost', () => {
  it('adds what errors cost to what running costs', () => {
    // 1,000 requests at $2, of which 10 % are wrong at $0.10 each: 2 + 10; ends 0.3 and 0.04·100 or 0.05·100 away.
    const { mean, low, high } = expectedCostPer1000({ mean: 0.9, low: 0.85, high: 0.94 }, { mean: 2, low: 1.7, high: 2.3 }, 0.1)
    expect(mean).toBeCloseTo(12, 10)
    expect(low).toBeCloseTo(12 - Math.hypot(0.3, 4), 10)
    expect(high).toBeCloseTo(12 + Math.hypot(0.3, 5), 10)
  })
  it('has no end where a part has none, and none below 0', () => {
    expect(weightedSum({ mean: 1, low: null, high: 2 }, 1, { mean: 1, low: 0, high: 2 }, 1)).toEqual({ mean: 2, low: null, high: 2 + Math.SQRT2 })
    expect(expectedCostPer1000({ mean: 0.99, low: 0.9, high: 1 }, { mean: 0, low: -5, high: 5 }, 0.01).low).toBe(0)
  })
})

describe('recommend', () => {
  const standings = (options: Option[], changes: Partial<Demands> = {}) => recommend(options, { ...demands, ...changes }).options.map(({ standing }) => standing)

  it('turns from the cheap one to the good one as errors get dearer', () => {
    const [cheap, good] = [option('cheap', 0.8, 1), option('good', 0.9, 5)]
    expect(recommend([cheap, good], { ...demands, errorCostUsd: 0.03 }).chosenId).toBe('cheap')
    expect(recommend([cheap, good], { ...demands, errorCostUsd: 0.05 }).chosenId).toBe('good')
    expect(recommend([cheap, good], demands).options[1]).toMatchObject({ runningUsd: { mean: 50 }, errorsUsd: { mean: expect.closeTo(100, 8) }, monthlyUsd: { mean: expect.closeTo(150, 8) } })
  })

  it('leaves out what breaks a limit, and says which', () => {
    const options = [option('slow', 0.95, 1, 900), option('poor', 0.5, 1), option('silent', 0.9, 1, null), option('fine', 0.85, 1), option('unscored', NaN, 1)]
    expect(standings(options, { latencyLimitMs: 500, minimumScore: 0.8 })).toEqual(['too slow', 'not good enough', 'latency unknown', 'chosen', 'no score'])
    expect(recommend(options, { ...demands, minimumScore: 0.99 }).chosenId).toBeNull()
  })

  it('never takes an unknown cost for none', () => {
    expect(standings([option('unknown', 0.99, null), option('known', 0.6, 50)])).toEqual(['cost unknown', 'chosen'])
    const unpriced = recommend([option('a', 0.7, null), option('b', 0.8, null)], demands)
    expect([unpriced.basis, unpriced.chosenId, unpriced.options[1]?.monthlyUsd, unpriced.options[1]?.errorsUsd?.mean]).toEqual(['score', 'b', null, expect.closeTo(200, 8)])
  })

  it('calls tied what the paired interval does not tell from the choice', () => {
    const options = [option('best', 0.9, 1), option('near', 0.89, 1), option('far', 0.6, 1)]
    const tests = [{ runId: 'near', difference: -0.01, low: -0.04, high: 0.02, n: 200 }, { runId: 'far', difference: -0.3, low: -0.36, high: -0.24, n: 200 }]
    const found = differences(options, recommend(options, demands), { demands, tests })
    expect(found.map(({ id, isClear }) => [id, isClear])).toEqual([['near', false], ['far', true]])
    expect(found[1]?.more.mean).toBeCloseTo(300, 8)
    expect(found[1]?.more.low).toBeCloseTo(300 - Math.hypot(60, 10 * Math.hypot(0.3, 0.3)), 8)
  })

  it('asks for a clearer difference the more options there are', () => {
    const many = [option('best', 0.9, 1), ...Array.from({ length: 20 }, (_, index) => option(`o${index}`, 0.86, 1))]
    const test = { difference: -0.04, low: -0.075, high: -0.005, n: 200 }
    const clear = (options: Option[]) => differences(options, recommend(options, demands), { demands, tests: options.slice(1).map(({ id }) => ({ ...test, runId: id })) })[0]?.isClear
    expect([clear(many.slice(0, 2)), clear(many)]).toEqual([true, false])
  })
})
