import { describe, expect, it } from 'vitest'
import { type Demands, differences, type Option, type PairedDifference, recommend } from './recommend.js'

const demands: Demands = { errorCostUsd: 0.1, requestsPerMonth: 10_000, latencyLimitMs: null, minimumScore: null }
const option = (id: string, score: number, costPer1000: number | null, latencyMs: number | null = 100): Option => ({
  id, latencyMs,
  basis: Number.isNaN(score) ? null : { n: 100, errorRate: { mean: 1 - score, low: 1 - score - 0.04, high: 1 - score + 0.05 }, costPer1000Usd: costPer1000 === null ? null : { mean: costPer1000, low: costPer1000 - 0.3, high: costPer1000 + 0.3 }, correlation: 0 },
})
const test = (runId: string, difference: number, reach: number, costBasis: PairedDifference['costBasis'] = null): PairedDifference => ({ runId, difference, low: difference - reach, high: difference + reach, n: 200, costBasis })

describe('recommend', () => {
  const standings = (options: Option[], changes: Partial<Demands> = {}) => recommend(options, { ...demands, ...changes }).options.map(({ standing }) => standing)

  it('turns from the cheap one to the good one as errors get dearer', () => {
    const [cheap, good] = [option('cheap', 0.8, 1), option('good', 0.9, 5)]
    expect(recommend([cheap, good], { ...demands, errorCostUsd: 0.03 }).chosenId).toBe('cheap')
    expect(recommend([cheap, good], { ...demands, errorCostUsd: 0.05 }).chosenId).toBe('good')
    const judged = recommend([cheap, good], demands).options[1]
    expect(judged).toMatchObject({ runningUsd: 50, errorsUsd: { mean: expect.closeTo(100, 8) }, monthlyUsd: { mean: expect.closeTo(150, 8) } })
    // Ten thousands: the reach of the cost is 3, that of the errors 0.04 · 1,000 and 0.05 · 1,000.
    expect(judged?.monthlyUsd?.low).toBeCloseTo(150 - Math.hypot(3, 40), 8)
    expect(judged?.monthlyUsd?.high).toBeCloseTo(150 + Math.hypot(3, 50), 8)
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
    const byItem = { n: 200, errorRate: { mean: 0.3, low: 0.24, high: 0.36 }, costPer1000Usd: { mean: 0, low: -0.1, high: 0.1 }, correlation: 0 }
    const found = differences(options, recommend(options, demands), { demands, tests: [test('near', -0.01, 0.03), test('far', -0.3, 0.06, byItem)] })
    expect(found.map(({ id, isClear }) => [id, isClear])).toEqual([['near', false], ['far', true]])
    expect(found[1]?.more.mean).toBeCloseTo(300, 8)
    expect(found[1]?.more.low).toBeCloseTo(300 - Math.hypot(60, 1), 8)
    // Without costs by item both means’ reaches add up, with the widest correlation to the errors.
    expect(found[0]?.more.low).toBeCloseTo(10 - 30 - 10 * Math.hypot(0.3, 0.3), 8)
  })

  it('compares scores where no cost is known', () => {
    const options = [option('best', 0.9, null), option('other', 0.7, null)]
    expect(differences(options, recommend(options, demands), { demands, tests: [test('other', -0.2, 0.1)] })).toEqual([{ id: 'other', more: { mean: 0.2, low: expect.closeTo(0.1, 10), high: expect.closeTo(0.3, 10) }, isClear: true, n: 200 }])
  })

  it('asks for a clearer difference the more options there are', () => {
    const many = [option('best', 0.9, 1), ...Array.from({ length: 20 }, (_, index) => option(`o${index}`, 0.86, 1))]
    const basis = { n: 200, errorRate: { mean: 0.04, low: 0.005, high: 0.075 }, costPer1000Usd: { mean: 0, low: 0, high: 0 }, correlation: null }
    const clear = (options: Option[]) => differences(options, recommend(options, demands), { demands, tests: options.slice(1).map(({ id }) => test(id, -0.04, 0.035, basis)) })[0]?.isClear
    expect([clear(many.slice(0, 2)), clear(many)]).toEqual([true, false])
  })
})
