import { describe, expect, it } from 'vitest'
import type { Run } from '../contracts/index.js'
import type { ScoreStore, StoredColumns } from '../store/score-store.js'
import { ColumnCache } from './column-cache.js'

/** Counts what is read; each run has as many items as its id says. */
class CountingStore {
  readonly read: string[] = []

  isJudged(runId: string): Promise<boolean> {
    return Promise.resolve(runId === '2')
  }

  columns(runId: string): Promise<StoredColumns> {
    this.read.push(runId)
    const itemIds = Array.from({ length: Number(runId) }, String)
    return Promise.resolve({ itemIds, clusters: null, scores: new Float64Array(), failed: new Uint8Array(), latencies: new Float64Array(), firstTokens: new Float64Array(), costUsd: null, costs: null, metrics: [] })
  }
}

describe('ColumnCache', () => {
  const run = (id: string, finishedAt: string | null = 'then', attempt = 1): Run => ({ id, finishedAt, attempt }) as Run
  const targets = { withTargets: false }

  it('reads a run that is over once, and anew after another attempt', async () => {
    const store = new CountingStore()
    const cache = new ColumnCache(store as unknown as ScoreStore)
    for (const one of [run('2'), run('2'), run('2', 'later', 2), run('3', null), run('3', null)]) await cache.columns(one, 'accuracy', targets)
    await cache.columns(run('2'), 'loss', targets)
    expect(store.read).toEqual(['2', '2', '3', '3', '2'])
  })

  it('reads anew what people say, whose metric may come at any time', async () => {
    const store = new CountingStore()
    const cache = new ColumnCache(store as unknown as ScoreStore)
    for (const one of [run('2'), run('2'), run('4')]) await cache.columns(one, 'human', targets)
    expect(store.read).toEqual(['2', '2', '4'])
    expect((await Promise.all([run('2'), run('4')].map((one) => cache.columns(one, 'accuracy', targets)))).map(({ metrics }) => metrics)).toEqual([['human'], []])
  })

  it('drops what was unused for longest when it holds too many items', async () => {
    const store = new CountingStore()
    const cache = new ColumnCache(store as unknown as ScoreStore)
    for (const id of ['300000', '150000', '300000', '100000', '300000', '150000']) await cache.columns(run(id), 'accuracy', targets)
    expect(store.read).toEqual(['300000', '150000', '100000', '150000'])
  })
})
