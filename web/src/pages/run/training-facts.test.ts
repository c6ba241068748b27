import { describe, expect, it } from 'vitest'
import type { Run } from '../../../../server/contracts/run.js'
import { evaluationsOf, factsInWords, marksOf, trainingFacts } from './training-facts.js'

const live = { summary: null, pickedStep: null, status: 'running', params: {} } as Run
const losses = [[0, 3], [20, 1], [40, 1.2], [60, 1.5]].map(([step = 0, loss = 0]) => ({ step, loss }))

describe('trainingFacts', () => {
  it('finds the best and the overfitting point while the run goes on', () => {
    const facts = trainingFacts(live, losses, [])
    expect(facts).toMatchObject({ best: { step: 20, value: 1, later: { count: 2 } }, overfitStep: 40, isFinal: false })
    expect(marksOf({ ...live, pickedStep: 60 }, facts).map(({ x, kind }) => [x, kind])).toEqual([[20, 'good'], [40, 'bad'], [60, 'plain']])
    expect(factsInWords(facts)).toBe(
      'Best checkpoint so far: step 20: lowest validation loss 1.000; later checkpoints are worse by 0.200 to 0.500. Overfitting from step 40: from there on every validation loss is more than 1 % above the best.',
    )
  })

  it('calls a loss that is no number diverged, not overfitted', () => {
    const facts = trainingFacts({ ...live, status: 'failed' }, [...losses.slice(0, 2), { step: 40, loss: Number.NaN }], [])
    expect(factsInWords(facts)).toContain('Diverged: from step 40')
    expect(marksOf(live, facts).map(({ label }) => label)).toEqual(['best 20', 'diverged at 40'])
  })

  it('chooses by the metric the run names, and says why it stopped', () => {
    const byAccuracy = { ...live, params: { bestMetric: 'accuracy' } } as unknown as Run
    const evaluations = losses.map((evaluation, index) => ({ ...evaluation, accuracy: index / 10 }))
    expect(trainingFacts(byAccuracy, evaluations, [])).toMatchObject({ best: { step: 60, by: 'accuracy' }, overfitStep: 40 })
    const summary = { bestStep: 20, bestReason: 'step 20: lowest', stopReason: 'stopped early at step 60: no better' } as Run['summary']
    expect(factsInWords(trainingFacts({ ...live, status: 'succeeded', summary }, losses, []))).toContain('Stopped early at step 60: no better.')
  })

  it('says how wide the gap to the training loss is, and from where it stays open', () => {
    const training = [[10, 2.9], [20, 0.9], [40, 0.6], [60, 0.3]].map(([step = 0, loss = 0]) => ({ step, loss }))
    const facts = trainingFacts(live, losses, training)
    expect(facts).toMatchObject({ partedStep: 40, gaps: [{ step: 20, n: 2 }, { step: 40, n: 1 }, { step: 60, n: 1 }] })
    expect(factsInWords(facts)).toContain('Generalization gap at the end: 1.200 nats per token, open for good from step 40.')
  })

  it('says nothing before the first evaluation', () => {
    const facts = trainingFacts(live, [], [])
    expect([facts.best, marksOf(live, facts), factsInWords(facts)]).toEqual([null, [], ''])
  })

  it('reads losses from checkpoints and from the series, NaN included', () => {
    const bucket = { firstStep: 20, lastStep: 20, min: null, max: null, last: 'NaN' as const, lastTime: 0, n: 1, nonFinite: 1 }
    const checkpoint = { runId: 'r', step: 0, metrics: { 'eval/loss': 2 }, sizeBytes: 0, files: [], picked: false, best: false, createdAt: '' }
    expect(evaluationsOf([{ key: 'eval/loss', points: 1, buckets: [bucket] }], [checkpoint])).toEqual([{ step: 0, loss: 2 }, { step: 20, loss: Number.NaN }])
  })
})
