import { describe, expect, it } from 'vitest'
import { chartSeries, keyGroups } from './key-groups.js'

const run = { id: 'r', name: 'rank=4', colorSlot: 1 }
const buckets = [{ firstStep: 1, lastStep: 1, min: 1, max: 1, last: 1, lastTime: 0, n: 1, nonFinite: 0 }]

describe('keyGroups', () => {
  it('puts loss first, then the primary metric', () => {
    const groups = keyGroups(['train/loss', 'train/grad_norm', 'eval/accuracy', 'eval/loss', 'train/loss'], 'accuracy')
    expect(groups).toEqual([
      { name: 'loss', keys: ['eval/loss', 'train/loss'] },
      { name: 'accuracy', keys: ['eval/accuracy'] },
      { name: 'grad_norm', keys: ['train/grad_norm'] },
    ])
  })
})

describe('chartSeries', () => {
  it('dashes validation beside training and names both', () => {
    const byRun = new Map([['r', ['train/loss', 'eval/loss', 'train/grad_norm'].map((key) => ({ key, points: 1, buckets }))]])
    const series = chartSeries([run], { name: 'loss', keys: ['eval/loss', 'train/loss'] }, { byRun })
    expect(series.map(({ label, role, slot }) => [label, role, slot])).toEqual([
      ['rank=4 training', 'train', 1],
      ['rank=4 validation', 'eval', 1],
    ])
  })

  it('draws a lone series solid under the name of its run', () => {
    const byRun = new Map([['r', [{ key: 'eval/ndcg', points: 1, buckets }]]])
    expect(chartSeries([run], { name: 'ndcg', keys: ['eval/ndcg'] }, { byRun })).toMatchObject([{ label: 'rank=4', role: 'train' }])
  })

  it('turns grey where an earlier run has the colour', () => {
    const runs = [0, 1, 0].map((colorSlot, index) => ({ id: String(index), name: String(index), colorSlot }))
    const byRun = new Map(runs.map(({ id }) => [id, [{ key: 'train/loss', points: 1, buckets }]]))
    expect(chartSeries(runs, { name: 'loss', keys: ['train/loss'] }, { byRun }).map(({ isGrey }) => isGrey)).toEqual([false, false, true])
  })
})
