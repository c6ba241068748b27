import { describe, expect, it } from 'vitest'
import { DEFAULT_METRICS, METRICS, metricsOf, primaryMetric } from './metrics.js'
import { quantile } from './statistics/quantiles.js'
import { type ScoredExample, summarizeCost, summarizeLatency, summarizeMetric } from './summary.js'

const scored = (scores: ScoredExample['scores'], cluster: string | null = null): ScoredExample => ({ status: 'scored', scores, cluster })

describe('summarizeMetric', () => {
  it('reports a proportion with Wilson’s interval', () => {
    const examples = Array.from({ length: 50 }, (_, item) => scored({ accuracy: item < 45 ? 1 : 0 }))
    expect(summarizeMetric('accuracy', examples)).toEqual({
      mean: 0.9,
      n: 50,
      low: expect.closeTo(0.7863976856, 9),
      high: expect.closeTo(0.9565242351, 9),
      method: 'wilson',
      higherIsBetter: true,
      unscored: 0,
      errors: 0,
    })
  })

  it('counts NaN, missing scores and failures apart, never as 0', () => {
    const examples: ScoredExample[] = [
      scored({ loss: 1 }),
      scored({ loss: 3 }),
      scored({ loss: 'NaN' }),
      scored({}),
      { status: 'unscored', scores: {}, cluster: null },
      { status: 'error', scores: {}, cluster: null },
    ]
    expect(summarizeMetric('loss', examples)).toMatchObject({ mean: 2, n: 2, unscored: 3, errors: 1, method: 'student-t', unit: 'nats/token', higherIsBetter: false })
  })

  it('has no mean without scores and no interval with an infinite one', () => {
    expect(summarizeMetric('accuracy', [])).toMatchObject({ mean: 'NaN', n: 0, low: null, high: null, method: 'none' })
    expect(summarizeMetric('loss', [scored({ loss: 1 }), scored({ loss: 'Infinity' })])).toMatchObject({ mean: 'Infinity', n: 2, low: null, method: 'none' })
  })

  it('keeps bounded means inside [0, 1] and gives perfect ones a width', () => {
    const high = summarizeMetric('ndcg', [1, 1, 1, 0.9].map((ndcg) => scored({ ndcg })))
    expect(high.high).toBe(1)
    expect(summarizeMetric('ndcg', Array.from({ length: 20 }, () => scored({ ndcg: 1 })))).toMatchObject({ mean: 1, high: 1, low: expect.closeTo(0.839, 3) })
  })

  it('clusters items that share a source', () => {
    const examples = Array.from({ length: 40 }, (_, item) => scored({ accuracy: item % 8 < 4 ? 1 : 0 }, `doc${item % 8}`))
    const clustered = summarizeMetric('accuracy', examples)
    const plain = summarizeMetric('accuracy', examples.map((example) => scored(example.scores)))
    expect(clustered.method).toBe('clustered-t')
    expect(Number(clustered.high) - Number(clustered.low)).toBeGreaterThan(2 * (Number(plain.high) - Number(plain.low)))
  })
})

describe('latency and cost', () => {
  it('interpolates quantiles as NumPy does', () => {
    expect(quantile([1, 2, 3, 4], 0.5)).toBe(2.5)
    expect(quantile([10, 20, 30, 40, 50], 0.95)).toBeCloseTo(48, 12)
    expect(quantile([7], 0.95)).toBe(7)
  })

  it('leaves out failed calls and has no figures without measurements', () => {
    const at = (latencyMs: number | null, status: 'scored' | 'error' = 'scored') => ({ status, latencyMs, ttftMs: null })
    expect(summarizeLatency([at(10), at(30), at(60_000, 'error'), at(null)])).toEqual({
      n: 2, p50Ms: 20, p95Ms: 29, p99Ms: expect.closeTo(29.8, 9), meanMs: 20, ttftP50Ms: null, ttftP95Ms: null,
      intervals: { p50: { low: null, high: null }, p95: { low: 10, high: null }, p99: { low: expect.closeTo(29.8, 9), high: null }, mean: { low: 10, high: 30 } },
    })
    expect(summarizeLatency([at(null)])).toBeNull()
  })

  it('bounds quantiles and the mean of latencies, and leaves stored replies out', () => {
    const examples = Array.from({ length: 400 }, (_, item) => ({ status: 'scored' as const, latencyMs: item + 1, ttftMs: null, cached: item >= 380 }))
    const summary = summarizeLatency(examples)
    expect(summary).toMatchObject({ n: 380, p50Ms: 190.5, intervals: { p50: { low: 171, high: 210 }, p99: { high: 380 } } })
    expect(summary?.intervals?.mean.low).toBeGreaterThan(175)
    expect(summary?.intervals?.mean.high).toBeLessThan(205)
  })

  it('takes a sum with an unknown part for unknown', () => {
    const call = (costUsd: number | null, status: 'scored' | 'error' = 'scored') => ({ status, tokensIn: 10, tokensOut: 2, costUsd })
    expect(summarizeCost([call(0.5), call(0.25)])).toEqual({ tokensIn: 20, tokensOut: 4, costUsd: 0.75, costPerAnswer: { mean: 0.375, low: 0, high: expect.closeTo(0.375 + 12.7062047 * 0.125, 6) } })
    expect(summarizeCost([call(0.5), call(null)]).costUsd).toBeNull()
    expect(summarizeCost([call(0.5), call(null, 'error')]).costUsd).toBe(0.5)
    expect(summarizeCost([])).toEqual({ tokensIn: null, tokensOut: null, costUsd: null, costPerAnswer: null })
  })
})

describe('metrics', () => {
  it('has defaults that exist for their kind', () => {
    for (const [kind, ids] of Object.entries(DEFAULT_METRICS)) for (const id of ids) expect(METRICS[id]?.kinds).toContain(kind)
  })

  it('compares by the first metric of the file, else by the one that fits the task', () => {
    expect(primaryMetric({ kind: 'prompt', metrics: ['rouge_l', 'accuracy'] })).toBe('rouge_l')
    expect(primaryMetric({ kind: 'prompt', metrics: undefined }, 'classification')).toBe('accuracy')
    expect(metricsOf({ kind: 'lora', metrics: undefined }, 'generation')).toEqual(['token_f1', 'exact_match', 'loss'])
    expect(primaryMetric({ kind: 'rag', metrics: undefined })).toBe('ndcg')
  })
})
