import { describe, expect, it } from 'vitest'
import type { Run } from '../../../../server/contracts/run.js'
import { bestCell, bestRun, cellKey, crossings, progressText, timeLeftMs, tradeoff } from './run-facts.js'

function run(id: string, mean: number | 'NaN', more: Partial<Run> = {}): Run {
  const summary = {
    metrics: { accuracy: { mean, n: 10, low: null, high: null, method: 'wilson', higherIsBetter: true } },
    primaryMetric: 'accuracy',
    latency: { n: 10, p50Ms: 10, p95Ms: 20, meanMs: 12, ttftP50Ms: null, ttftP95Ms: null },
    tokensIn: null, tokensOut: null, costUsd: null, durationMs: 1,
  }
  return {
    id, experimentId: 'e', experimentName: 'e', kind: 'prompt', name: id, cell: 0, repeat: 0, seed: 1, params: {}, varied: {}, dataset: 'd', status: 'succeeded', attempt: 1,
    progress: null, summary, error: null, environment: null, pickedStep: null, colorSlot: 0, worker: null, latest: {}, createdAt: '', startedAt: null, finishedAt: null, ...more,
  }
}

describe('bestRun', () => {
  it('takes the best finished one and passes over NaN', () => {
    const runs = [run('a', 'NaN'), run('b', 0.7), run('c', 0.9), run('d', 0.99, { status: 'failed' })]
    expect(bestRun(runs, 'accuracy', true)?.id).toBe('c')
    expect(bestRun(runs, 'accuracy', false)?.id).toBe('b')
    expect(bestRun(runs, 'loss', true)).toBeNull()
  })
})

describe('bestCell', () => {
  it('averages repeats and chooses between cells only', () => {
    const runs = [run('a', 1, { cell: 0 }), run('b', 0, { cell: 0, repeat: 1 }), run('c', 0.6, { cell: 1 }), run('d', 'NaN', { cell: 1, repeat: 1 })]
    expect(bestCell(runs, 'accuracy', true)).toMatchObject({ mean: 0.6, runs: [{ id: 'c' }] })
    expect(bestCell(runs, 'accuracy', false)).toMatchObject({ mean: 0.5, runs: [{ id: 'a' }, { id: 'b' }] })
    expect(bestCell([], 'accuracy', true)).toBeNull()
  })
})

describe('time left', () => {
  const running = run('a', 0, { status: 'running', startedAt: new Date(0).toISOString(), progress: { done: 25, total: 100, unit: 'steps' } })
  it('goes on as it did', () => {
    expect(timeLeftMs(running, 10_000)).toBe(30_000)
    expect(progressText(running, 10_000).replaceAll('\u202f', ' ')).toBe('25 %, 30.0 s left')
  })
  it('is not known before the first step', () => {
    expect(timeLeftMs({ ...running, progress: { done: 0, total: 100, unit: 'steps' } }, 10_000)).toBeNull()
  })
})

it('gathers the runs of each crossing', () => {
  const runs = [run('a', 1, { varied: { k: 3, size: 200 } }), run('b', 1, { varied: { k: 3, size: 400 } }), run('c', 1, { varied: { k: 3, size: 200 }, repeat: 1 })]
  const cells = crossings(runs, 'k', 'size')
  expect(cells.get(cellKey(3, 200))?.map(({ id }) => id)).toEqual(['a', 'c'])
  expect(crossings(runs, null, 'k').get(cellKey(null, 3))).toHaveLength(3)
})

it('finds the front in either direction of the metric', () => {
  const at = (id: string, mean: number, p50Ms: number): Run => {
    const made = run(id, mean)
    return { ...made, summary: made.summary && { ...made.summary, latency: { n: 1, p50Ms, p95Ms: p50Ms, meanMs: p50Ms, ttftP50Ms: null, ttftP95Ms: null } } }
  }
  const runs = [at('fast', 0.6, 5), at('slow', 0.9, 50), at('worse', 0.5, 60)]
  const front = (higherIsBetter: boolean): string[] => tradeoff(runs, 'accuracy', { axis: 'latency', higherIsBetter }).filter(({ isFront }) => isFront).map((point) => point.run.id)
  expect(front(true)).toEqual(['fast', 'slow'])
  expect(front(false)).toEqual(['fast', 'worse'])
  expect(tradeoff(runs, 'accuracy', { axis: 'cost', higherIsBetter: true })).toEqual([])
})
