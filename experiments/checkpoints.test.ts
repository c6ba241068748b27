import { describe, expect, it } from 'vitest'
import { bestMetricOf, earlyStop, evaluationOf, firstOverfitStep, generalizationGap, recommendCheckpoint } from './checkpoints.js'

const curve = (...losses: number[]) => losses.map((loss, index) => ({ step: 40 * (index + 1), loss }))

describe('recommendCheckpoint', () => {
  it('takes the lowest loss and says how much worse the later ones are', () => {
    expect(recommendCheckpoint(curve(0.9, 0.5, 0.412, 0.452, 0.622))).toEqual({ step: 120, value: 0.412, reason: 'step 120: lowest eval loss 0.412; later checkpoints are worse by 0.040 to 0.210' })
    expect(recommendCheckpoint(curve(0.9, 0.5))?.reason).toBe('step 80: lowest eval loss 0.500; it is the last one, so more steps may still lower it')
  })

  it('passes over losses that are not finite and mentions them', () => {
    expect(recommendCheckpoint(curve(0.9, 0.5, NaN, Infinity))).toEqual({ step: 80, value: 0.5, reason: 'step 80: lowest eval loss 0.500; 2 later ones have no finite loss' })
    expect(recommendCheckpoint(curve(NaN, NaN))).toBeNull()
    expect(recommendCheckpoint([])).toBeNull()
  })

  it('takes the earliest of equals, in whatever order they come', () => {
    expect(recommendCheckpoint(curve(0.9, 0.5, 0.5).toReversed())?.step).toBe(80)
  })
})

describe('choosing by an accuracy', () => {
  const evaluations = [0.5, 0.8, 0.9, 0.9, NaN].map((accuracy, index) => ({ step: 40 * (index + 1), loss: 1 + index, accuracy }))

  it('takes the highest, the earliest of equals', () => {
    expect(recommendCheckpoint(evaluations, 'accuracy')).toEqual({ step: 120, value: 0.9, reason: 'step 120: highest eval accuracy 0.900; later checkpoints are no better; 1 later one has no finite value' })
    expect(recommendCheckpoint(evaluations.slice(0, 2), 'accuracy')?.reason).toBe('step 80: highest eval accuracy 0.800; it is the last one, so more steps may still raise it')
    expect(recommendCheckpoint(evaluations, 'token_accuracy')).toBeNull()
  })

  it('reads the metrics of a checkpoint and the parameters of a run', () => {
    expect(evaluationOf(3, { 'eval/loss': 'NaN', 'eval/accuracy': 0.5, 'eval/other': 1 })).toEqual({ step: 3, loss: NaN, accuracy: 0.5 })
    expect(evaluationOf(3, { 'eval/accuracy': 0.5 })).toBeNull()
    expect([bestMetricOf({}), bestMetricOf({ bestMetric: 'accuracy' }), bestMetricOf({ bestMetric: 'eval' })]).toEqual(['loss', 'accuracy', 'loss'])
  })
})

describe('earlyStop', () => {
  const patient = { by: 'loss', patience: 2, minDelta: 0 } as const

  it('waits for so many evaluations in a row without an improvement', () => {
    expect(earlyStop(curve(0.9, 0.5, 0.6, 0.4, 0.5), patient)).toBeNull()
    expect(earlyStop(curve(0.9, 0.5, 0.6, 0.5, 0.1), patient)).toEqual({ step: 160, best: { step: 80, value: 0.5 }, reason: 'stopped early at step 160: 2 evaluations in a row did not improve eval loss; its best is 0.500 at step 80' })
  })

  it('counts a small improvement as none, and yet as the best so far', () => {
    const small = { ...patient, minDelta: 0.05 }
    expect(earlyStop(curve(0.9, 0.88, 0.86), small)?.reason).toBe('stopped early at step 120: 2 evaluations in a row did not improve eval loss by more than 0.05; its best is 0.860 at step 120')
    expect(earlyStop(curve(0.9, 0.88, 0.82, 0.8), small)).toBeNull()
  })

  it('follows an accuracy upwards, and takes NaN for no improvement', () => {
    const rising = [0.5, 0.6, NaN, 0.7].map((accuracy, index) => ({ step: index, loss: 1, accuracy }))
    expect(earlyStop(rising, { ...patient, by: 'accuracy' })).toBeNull()
    expect(earlyStop(curve(NaN, NaN), patient)?.reason).toBe('stopped early at step 80: 2 evaluations in a row gave no finite eval loss')
    expect(earlyStop(curve(NaN, 0.5, 0.6), patient)).toBeNull()
  })
})

describe('firstOverfitStep', () => {
  it('is where the loss rises for good', () => {
    expect(firstOverfitStep(curve(0.9, 0.5, 0.6, 0.7))).toBe(120)
    expect(firstOverfitStep(curve(0.9, 0.5, 0.6, 0.502, 0.6))).toBe(200)
    expect(firstOverfitStep(curve(0.9, 0.5, NaN))).toBe(120)
  })

  it('is nowhere while the loss falls or only trembles', () => {
    expect(firstOverfitStep(curve(0.9, 0.7, 0.5))).toBeNull()
    expect(firstOverfitStep(curve(0.9, 0.5, 0.504))).toBeNull()
    expect(firstOverfitStep([])).toBeNull()
  })
})

describe('generalizationGap', () => {
  it('compares the last evaluation with the training since the one before', () => {
    const training = [10, 20, 30, 40, 50, 60, 70, 80].map((step) => ({ step, loss: step <= 40 ? 1 : 0.3 }))
    expect(generalizationGap(curve(0.9, 0.5), training)).toBeCloseTo(0.2, 12)
    expect(generalizationGap(curve(0.9), training)).toBeCloseTo(-0.1, 12)
    expect(generalizationGap(curve(0.9, NaN), training)).toBeNaN()
    expect(generalizationGap([], training)).toBeNull()
    expect(generalizationGap(curve(0.9), [])).toBeNull()
  })
})
