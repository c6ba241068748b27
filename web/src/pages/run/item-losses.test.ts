import { describe, expect, it } from 'vitest'
import type { LossTable } from '../../../../server/contracts/http.js'
import { againstBest, itemChanges, noiseInWords, pairedDifference } from './item-losses.js'

const table: LossTable = {
  evaluatedItems: 4,
  items: ['a', 'b', 'c', 'd'].map((id) => ({ id, tokens: 2, tokenEvaluations: 0 })),
  evaluations: [
    { step: 10, losses: [1, 1, 1, 1] },
    { step: 20, losses: [1.01, 0.98, 1.02, 1] },
    { step: 30, losses: [2, 2.1, 1.9, 2] },
    { step: 40, losses: [0.5, 3, 'NaN', null] },
  ],
}

describe('itemChanges', () => {
  it('puts the largest rise first and what is no number last', () => {
    const changes = itemChanges(table, 10, 40)
    expect(changes.map(({ id }) => id)).toEqual(['b', 'a', 'c', 'd'])
    expect(changes[0]).toMatchObject({ from: 1, to: 3, change: 2, course: [1, 0.98, 2.1, 3] })
    expect(itemChanges(table, 10, 11)).toEqual([])
  })
})

describe('against the best', () => {
  it('counts only the items measured at both', () => {
    expect(pairedDifference(table, 10, 40)).toMatchObject({ n: 2, difference: 0.75 })
    expect([...againstBest(table, 10).keys()]).toEqual([20, 30, 40])
  })

  it('says which later checkpoints are worse beyond noise, and which cannot be told apart', () => {
    expect(noiseInWords(table, 10)).toBe(
      'Paired over the 4 validation items (95 % t intervals, each by itself): 1 of 3 later checkpoints is worse beyond noise. Not distinguishable from it: step 20, 40.',
    )
    expect(noiseInWords({ ...table, evaluatedItems: 900 }, 10)).toMatch(/^Paired over a fixed sample of 4 of the 900 validation items \(/)
    expect(noiseInWords({ evaluatedItems: 0, items: [], evaluations: [] }, 10)).toBe('')
  })
})
