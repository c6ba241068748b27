import { describe, expect, it } from 'vitest'
import type { Run } from '../server/contracts/index.js'
import { describeMetric } from './metrics.js'
import { columnsOf, type ColumnExample } from './score-columns.js'
import { commonGround, restricted, tradeoffRuns } from './tradeoff.js'

const ids = (count: number, from = 0): string[] => Array.from({ length: count }, (_, index) => `i${index + from}`)
const answers = (scores: readonly number[], costs: readonly (number | null)[] = []): ColumnExample[] =>
  scores.map((score, index) => ({ itemId: `i${index}`, cluster: null, status: 'scored', scores: { accuracy: score }, latencyMs: 10, ttftMs: null, costUsd: costs[index] ?? null, cached: false }))
const run = (id: string, cell: number, repeat = 0): Run => ({ id, experimentId: 'e', experimentName: 'E', kind: 'prompt', name: `run ${cell}${repeat ? ` (repeat ${repeat})` : ''}`, cell, repeat, dataset: 'd' }) as Run

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
  const compared = (one: Run, examples: readonly ColumnExample[], latencyMs: number) => ({ run: one, columns: restricted(columnsOf(examples, 'accuracy'), shared, { latencies: new Float64Array(40).fill(latencyMs), firstTokens: new Float64Array() }) })
  const points = (runs: ReturnType<typeof compared>[], perHourUsd: number | null = null) => tradeoffRuns({ metric, runs, perHourUsd })

  it('scores every run on the shared items alone', () => {
    const [point] = points([compared(run('a', 0), answers([...good, ...Array<number>(60).fill(0)]), 5)])
    expect(point).toMatchObject({ summary: { mean: 0.9, n: 40 }, costPer1000Usd: null, costBasis: { costPer1000Usd: null }, pareto: { cost: null, p50: 'front' } })
  })

  it('prices the shared items alone, with the interval of their mean', () => {
    const costs = [...Array.from({ length: 40 }, (_, index) => (index % 2 === 0 ? 1 : 3)), ...Array<number>(10).fill(100)]
    const [point] = points([compared(run('a', 0), answers([...good, ...Array<number>(10).fill(0)], costs), 5)])
    // Mean 2, deviation sqrt(40/39); t(39) = 2.02269.
    expect(point?.costPer1000Usd).toMatchObject({ mean: 2000, n: 40, basis: 'priced' })
    expect(point?.costPer1000Usd?.high).toBeCloseTo(2000 + (2022.69 * Math.sqrt(40 / 39)) / Math.sqrt(40), 0)
  })

  it('takes repeats of a cell as one point', () => {
    const found = points([compared(run('a', 0), answers(good, Array<number>(40).fill(1)), 1), compared(run('b', 0, 1), answers(poor, Array<number>(40).fill(3)), 1)])
    expect(found).toMatchObject([{ runIds: ['a', 'b'], name: 'run 0', summary: { n: 40, mean: 0.65 }, costPer1000Usd: { mean: 2000 }, latency: { n: 80 } }])
  })

  it('counts time at the asked price, only where no price is known, and dominates only what is clearly worse', () => {
    const found = points([compared(run('a', 0), answers(good), 3_600), compared(run('b', 1), answers(poor), 7_200), compared(run('c', 2), answers([...good.slice(1), 1], Array<number>(40).fill(0.0009)), 9_000)], 1)
    expect(found.map(({ costPer1000Usd }) => [costPer1000Usd?.mean.toFixed(6), costPer1000Usd?.basis])).toEqual([['1.000000', 'assumed'], ['2.000000', 'assumed'], ['0.900000', 'priced']])
    expect(found.map(({ pareto }) => [pareto.cost, pareto.p50])).toEqual([['not distinguishable', 'front'], ['dominated', 'dominated'], ['front', 'not distinguishable']])
    expect(found[0]?.costBasis?.costPer1000Usd?.mean).toBeCloseTo(1, 9)
  })

  it('leaves a run out of the plane of a price that is not wholly known', () => {
    const [point] = points([compared(run('a', 0), answers(good, Array<number>(39).fill(0.001)), 1)])
    expect(point).toMatchObject({ costPer1000Usd: null, pareto: { cost: null, p50: 'front', p95: 'front' } })
  })
})
