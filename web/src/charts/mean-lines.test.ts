import { describe, expect, it } from 'vitest'
import type { MetricBucket } from '../../../server/contracts/metric.js'
import type { ChartSeries } from './lines.js'
import { groupRuns, meanLines } from './mean-lines.js'

const line = (id: string, points: [number, number | 'NaN'][]): ChartSeries => ({
  id, label: `${id} training`, slot: 0, role: 'train',
  buckets: points.map(([step, last]): MetricBucket => ({ firstStep: step, lastStep: step, min: null, max: null, last, lastTime: 0, n: 1, nonFinite: 0 })),
})
const groups = [{ id: 'g', label: 'rank=4', slot: 0, isGrey: false, runs: ['a', 'b', 'c'] }]

describe('meanLines', () => {
  it('interpolates what was measured at other steps, and never beyond the end of a run', () => {
    const [mean] = meanLines([line('a', [[0, 1], [1, 2], [2, 3]]), line('b', [[0, 3], [2, 5]]), line('c', [[0, 5]])], groups, 'range')
    expect(mean).toMatchObject({ label: 'rank=4 training (mean of 3)', isMean: true })
    expect(mean?.buckets.map(({ last, min, max, n }) => [last, min, max, n])).toEqual([[3, 1, 5, 3], [3, 2, 4, 2], [4, 3, 5, 2]])
  })

  it('gives the 95 % t interval of the mean: 2 ± 4.303 · 1/√3 for 1, 2 and 3', () => {
    const [mean] = meanLines([line('a', [[0, 1]]), line('b', [[0, 2]]), line('c', [[0, 3]])], groups, 't')
    expect(mean?.buckets[0]?.last).toBe(2)
    expect(mean?.buckets[0]?.min).toBeCloseTo(2 - 4.302653 / Math.sqrt(3), 4)
    expect(mean?.buckets[0]?.max).toBeCloseTo(2 + 4.302653 / Math.sqrt(3), 4)
  })

  it('has no interval of one run', () => {
    expect(meanLines([line('a', [[0, 1]])], groups, 't')[0]?.buckets[0]).toMatchObject({ last: 1, min: null, max: null })
  })

  it('is NaN where a member diverged, for the survivors are not the group', () => {
    const [mean] = meanLines([line('a', [[0, 1], [1, 1]]), line('b', [[0, 1], [1, 'NaN']])], groups, 'range')
    expect(mean?.buckets.map(({ last, nonFinite }) => [last, nonFinite])).toEqual([[1, 0], ['NaN', 1]])
  })
})

it('groups by the value of an axis or by the whole cell', () => {
  const run = (id: string, cell: number, rank: number) => ({ id, name: `rank=${rank}`, cell, varied: { rank, seed: cell } })
  const runs = [run('a', 0, 4), run('b', 1, 4), run('c', 2, 8), run('d', 2, 8)]
  expect(groupRuns(runs, 'rank').map(({ label, runs: members }) => [label, members])).toEqual([['rank=4', ['a', 'b']], ['rank=8', ['c', 'd']]])
  expect(groupRuns(runs, 'cell')).toHaveLength(3)
})
