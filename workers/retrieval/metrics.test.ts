import { describe, expect, it } from 'vitest'
import { coverage, newCoverage, scoreRetrieval } from './metrics.js'

const gold = { document: 'd', start: 100, end: 200 }
const chunk = (start: number, end: number, document = 'd') => ({ document, start, end })

describe('scoreRetrieval', () => {
  it('gives full marks to the whole passage at rank 1', () => {
    expect(scoreRetrieval([chunk(50, 250), chunk(250, 400)], gold)).toEqual({ ndcg: 1, hit: 1, mrr: 1, recall: 1, context_chars: 350 })
  })

  it('discounts by rank', () => {
    const scores = scoreRetrieval([chunk(0, 50), chunk(90, 250, 'other'), chunk(100, 200)], gold)
    expect(scores).toEqual({ ndcg: 0.5, hit: 1, mrr: 1 / 3, recall: 1, context_chars: 310 })
  })

  it('adds up the parts of a passage that is cut in two', () => {
    const scores = scoreRetrieval([chunk(0, 140), chunk(140, 300)], gold)
    expect(scores).toMatchObject({ recall: 1, hit: 1, mrr: 0.5 })
    expect(scores.ndcg).toBeCloseTo(0.4 + 0.6 / Math.log2(3), 12)
  })

  it('rewards a character once, however often chunks repeat it', () => {
    expect(newCoverage([chunk(100, 160), chunk(120, 180), chunk(100, 180)], gold)).toEqual([0.6, 0.2, 0])
    expect(scoreRetrieval([chunk(100, 180), chunk(100, 180)], gold).recall).toBeCloseTo(0.8, 12)
  })

  it('finds with half of the passage, not with less', () => {
    expect(coverage(chunk(150, 400), gold)).toBe(0.5)
    expect(scoreRetrieval([chunk(150, 400)], gold).hit).toBe(1)
    expect(scoreRetrieval([chunk(151, 400)], gold)).toMatchObject({ hit: 0, mrr: 0, recall: 0.49 })
  })

  it('gives nothing for nothing', () => {
    expect(scoreRetrieval([], gold)).toEqual({ ndcg: 0, hit: 0, mrr: 0, recall: 0, context_chars: 0 })
    expect(scoreRetrieval([chunk(0, 100), chunk(200, 300)], gold)).toMatchObject({ ndcg: 0, recall: 0 })
  })
})
