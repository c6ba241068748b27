import { describe, expect, it } from 'vitest'
import { bestSet } from './best-set.js'
import { paretoFront, paretoStandings } from './pareto.js'
import { columnsOf, type ColumnExample } from './score-columns.js'
import { selectItems, type SidesRequest } from './sides.js'

describe('bestSet', () => {
  it('holds all that the leader does not beat at 5 % shared among the others', () => {
    const p = [0.2, null, 0.01, 0.02]
    expect(bestSet([0.7, 0.9, 0.5, 0.6], (place) => p[place] ?? null)).toEqual([1, 0, 3])
    expect(bestSet([0.5, 0.9], () => 0.04)).toEqual([1])
    expect(bestSet([null, NaN, 0.3], () => 0)).toEqual([2])
    expect(bestSet([null], () => 0)).toEqual([])
  })

  it('keeps a run that cannot be tested', () => {
    expect(bestSet([0.5, 0.9], () => null)).toEqual([1, 0])
  })
})

describe('the Pareto front', () => {
  it('keeps what nothing beats on every count', () => {
    expect(
      paretoFront([
        { quality: 0.9, latencyMs: 100, costUsd: 1 },
        { quality: 0.8, latencyMs: 50, costUsd: 1 },
        { quality: 0.8, latencyMs: 120, costUsd: 1 },
        { quality: null, latencyMs: 1, costUsd: 0 },
        { quality: 0.7, latencyMs: 200, costUsd: null },
      ]),
    ).toEqual([true, true, false, false, true])
  })

  it('compares on what is known when a cost is unknown to all', () => {
    expect(paretoFront([{ quality: 0.9, latencyMs: 10, costUsd: null }, { quality: 0.8, latencyMs: 20, costUsd: null }])).toEqual([true, false])
  })

  it('calls a run dominated only when one above it is clearly better', () => {
    const runs = [{ quality: 0.9, latencyMs: 10, costUsd: 1 }, { quality: 0.89, latencyMs: 20, costUsd: 1 }, { quality: 0.5, latencyMs: 20, costUsd: 1 }, { quality: null, latencyMs: 5, costUsd: 1 }]
    expect(paretoStandings(runs, (_, worse) => worse === 2)).toEqual(['front', 'not distinguishable', 'dominated', null])
  })
})

describe('selectItems', () => {
  const answers = (scores: (number | 'NaN' | null)[], from = 0) =>
    columnsOf(
      scores.map((score, item): ColumnExample => ({ itemId: `i${item + from}`, cluster: null, status: score === null ? 'error' : 'scored', scores: score === null ? {} : { m: score }, latencyMs: null, ttftMs: null, costUsd: null })),
      'm',
    )
  const runs = [answers([1, 0, 1, 0, null, 'NaN']), answers([1, 1, 0, 0, 0, 0, 1]), answers([1, 1, 1, 0])]
  const ids = (asked: Partial<SidesRequest>) => selectItems(runs, { show: 'all', a: 0, b: 1, higherIsBetter: true, offset: 0, limit: 100, ...asked }).itemIds.map((id) => Number(id.slice(1)))

  it('tells who was right, and never takes a missing or NaN score for a wrong answer', () => {
    expect(ids({ show: 'a-better' })).toEqual([2])
    expect(ids({ show: 'b-better' })).toEqual([1])
    expect(ids({ show: 'both-wrong' })).toEqual([3])
    expect(ids({ show: 'differ' })).toEqual([1, 2])
    expect(ids({ show: 'different' })).toEqual([1, 2, 4, 5, 6])
    expect(ids({})).toEqual([0, 1, 2, 3, 4, 5, 6])
  })

  it('takes the lower of two losses for the better', () => {
    expect(ids({ show: 'a-better', higherIsBetter: false })).toEqual([1])
  })

  it('pages, and counts all that match', () => {
    expect(selectItems(runs, { show: 'different', a: 0, b: 1, higherIsBetter: true, offset: 1, limit: 2 })).toEqual({ itemIds: ['i2', 'i4'], total: 5 })
  })
})
