import { describe, expect, it } from 'vitest'
import type { Run } from '../server/contracts/index.js'
import { describeMetric } from './metrics.js'
import { columnsOf, type ColumnExample } from './score-columns.js'
import { commonGround, restricted, type Served, tradeoffRuns } from './tradeoff.js'

const ids = (count: number, from = 0): string[] => Array.from({ length: count }, (_, index) => `i${index + from}`)
const answers = (scores: readonly number[]): ColumnExample[] => scores.map((score, index) => ({ itemId: `i${index}`, cluster: null, status: 'scored', scores: { accuracy: score }, latencyMs: 10, ttftMs: null, costUsd: null, cached: false }))
const run = (id: string, cell: number, repeat = 0): Run => ({ id, experimentId: 'e', experimentName: 'E', kind: 'prompt', name: `run ${cell}${repeat ? ` (repeat ${repeat})` : ''}`, cell, repeat, dataset: 'd' }) as Run
const took = (costs: readonly number[], latencies: readonly number[]): Served => {
  const mean = costs.reduce((sum, cost) => sum + cost, 0) / costs.length
  const deviation = Math.sqrt(costs.reduce((sum, cost) => sum + (cost - mean) ** 2, 0) / (costs.length - 1))
  return { answered: latencies.length, priced: costs.length, costMeanUsd: costs.length === 0 ? null : mean, costDeviationUsd: costs.length === 0 ? null : deviation, latencies: Float64Array.from(latencies), firstTokens: new Float64Array() }
}

describe('common ground', () => {
  it('is the set that most answers stand on', () => {
    const groups = [{ itemIds: ids(150), runs: 10 }, { itemIds: ids(120), runs: 4 }, { itemIds: ids(10), runs: 1 }, { itemIds: ids(120, 1000), runs: 3 }]
    expect(commonGround(groups)).toMatchObject({ ground: 1, holders: [0, 1] })
    expect(commonGround([])).toBeNull()
  })
})

describe('tradeoff', () => {
  const metric = describeMetric('accuracy', [])
  const good = Array.from({ length: 40 }, (_, index) => (index < 36 ? 1 : 0))
  const poor = Array.from({ length: 40 }, (_, index) => (index < 16 ? 1 : 0))
  const shared = ids(40)
  const compared = (one: Run, scores: readonly number[], served: Served) => ({ run: one, columns: restricted(columnsOf(answers(scores), 'accuracy'), shared, served) })

  it('scores every run on the shared items alone', () => {
    const served = took([], Array(40).fill(5))
    const [point] = tradeoffRuns({ metric, runs: [compared(run('a', 0), [...good, ...Array(60).fill(0)], served)], served: new Map([['a', served]]), perHourUsd: null })
    expect(point).toMatchObject({ summary: { mean: 0.9, n: 40 }, costPer1000Usd: null, pareto: { cost: null, p50: 'front' } })
  })

  it('takes repeats of a cell as one point, with the interval of all its answers’ costs', () => {
    const [first, second] = [took([1, 2, 3], [1, 1, 1]), took([3, 4, 5], [1, 1, 1])]
    const points = tradeoffRuns({ metric, runs: [compared(run('a', 0), good, first), compared(run('b', 0, 1), good, second)], served: new Map([['a', first], ['b', second]]), perHourUsd: null })
    expect(points).toHaveLength(1)
    // Six costs 1 2 3 3 4 5: mean 3, deviation sqrt(2); t(5) = 2.5706.
    expect(points[0]).toMatchObject({ runIds: ['a', 'b'], name: 'run 0', costPer1000Usd: { mean: 3000, n: 6, basis: 'priced' } })
    expect(points[0]?.costPer1000Usd?.high).toBeCloseTo(3000 + (2570.58 * Math.SQRT2) / Math.sqrt(6), 1)
  })

  it('counts time at the asked price, only where no price is known, and dominates only what is clearly worse', () => {
    const served = new Map([['a', took([], Array(40).fill(3_600))], ['b', took([], Array(40).fill(7_200))], ['c', took(Array(40).fill(0.0009), Array(40).fill(9_000))]])
    const runs = [['a', good], ['b', poor], ['c', [...good.slice(1), 1]]] as const
    const points = tradeoffRuns({ metric, runs: runs.map(([id, scores], cell) => compared(run(id, cell), scores, served.get(id) ?? took([], []))), served, perHourUsd: 1 })
    expect(points.map(({ costPer1000Usd }) => [costPer1000Usd?.mean.toFixed(6), costPer1000Usd?.basis])).toEqual([['1.000000', 'assumed'], ['2.000000', 'assumed'], ['0.900000', 'priced']])
    expect(points.map(({ pareto }) => [pareto.cost, pareto.p50])).toEqual([['not distinguishable', 'front'], ['dominated', 'dominated'], ['front', 'not distinguishable']])
  })

  it('leaves a run out of the plane of a price that is not wholly known', () => {
    const partly = { ...took(Array(39).fill(0.001), Array(40).fill(1)), answered: 40 }
    const [point] = tradeoffRuns({ metric, runs: [compared(run('a', 0), good, partly)], served: new Map([['a', partly]]), perHourUsd: null })
    expect(point).toMatchObject({ costPer1000Usd: null, pareto: { cost: null, p50: 'front', p95: 'front' } })
  })
})
