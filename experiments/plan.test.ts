import { describe, expect, it } from 'vitest'
import { PlanSchema, type Run } from '../server/contracts/index.js'
import { observedVariances, planItems, supposedVariances } from './plan.js'
import { columnsOf, type ColumnExample } from './score-columns.js'

const run = (id: string, cell: number, scores: number[], cluster: (item: number) => string | null = () => null) => ({
  run: { id, name: id, experimentId: 'e', cell, dataset: 'd' } as Run,
  columns: columnsOf(scores.map((accuracy, item): ColumnExample => ({ itemId: `i${item}`, cluster: cluster(item), status: 'scored', scores: { accuracy }, latencyMs: null, ttftMs: null, costUsd: null })), 'accuracy'),
})

describe('the plan of a comparison', () => {
  it('agrees with Miller’s example, with and without repeated answers', () => {
    const quiet = { itemVariance: 1 / 9, answerVariance: 0, accuracy: null, basis: 'x' }
    expect(planItems({ difference: 0.03 }, quiet)).toMatchObject({ items: 969, unpairedItems: null })
    const plan = planItems({ difference: 0.03 }, { ...quiet, answerVariance: 1 / 6 })
    expect(plan.byRepeats).toEqual([{ repeats: 1, items: 3876, answersPerRun: 3876 }, { repeats: 2, items: 2423, answersPerRun: 4846 }, { repeats: 4, items: 1696, answersPerRun: 6784 }, { repeats: 10, items: 1260, answersPerRun: 12600 }])
    expect(PlanSchema.parse(plan)).toEqual(plan)
  })

  it('says what pairing saves, and what many comparisons cost', () => {
    const one = planItems({ difference: 0.05 }, supposedVariances({ accuracy: 0.7, correlation: 0.5 }))
    expect(one.unpairedItems).toBeGreaterThan(1.9 * one.items)
    expect(planItems({ difference: 0.05, comparisons: 10 }, supposedVariances({})).items).toBeGreaterThan(one.items)
    expect(one.sentence).toContain('To find a true difference of 0.05 in 80 % of paired comparisons at 5 %')
    expect(one.byItems.find(({ items }) => items === 500)?.detectable).toBeCloseTo(2.8016 * Math.sqrt((2 * 0.21 * 0.5) / 500), 4)
  })

  it('refuses points that are meant as shares, and what no number of items finds', () => {
    expect(() => planItems({ difference: 3 }, supposedVariances({}))).toThrow('difference is 3, and two shares of right answers differ by less than 1; 3 points are 0.03')
    expect(() => planItems({ difference: 1e-300 }, supposedVariances({}))).toThrow('no number of items')
  })

  it('takes the variances of runs that were made, by cluster where they have some', () => {
    const a = Array.from({ length: 100 }, (_, item) => (item % 4 === 0 ? 0 : 1))
    const b = a.map((score, item) => (item % 10 === 0 ? 1 - score : score))
    const plain = observedVariances([run('A', 0, a), run('B', 1, b)])
    expect(plain.itemVariance).toBeCloseTo(0.1, 1)
    const clustered = (id: string, cell: number, scores: number[]) => run(id, cell, scores, (item) => `c${item % 10}`)
    expect(observedVariances([clustered('A', 0, a), clustered('B', 1, b)]).basis).toContain('in 10 clusters')
    expect(observedVariances([run('A', 0, a), run('B', 1, a)])).toMatchObject({ itemVariance: expect.closeTo(0.037, 3), basis: expect.stringContaining('never differed') })
    expect(() => observedVariances([run('A', 0, [1]), run('B', 1, [1])])).toThrow('two items')
  })
})
