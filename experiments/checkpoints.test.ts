import { describe, expect, it } from 'vitest'
import { firstOverfitStep, generalizationGap, recommendCheckpoint } from './checkpoints.js'

const curve = (...losses: number[]) => losses.map((loss, index) => ({ step: 40 * (index + 1), loss }))

describe('recommendCheckpoint', () => {
  it('takes the lowest loss and says how much worse the later ones are', () => {
    expect(recommendCheckpoint(curve(0.9, 0.5, 0.412, 0.452, 0.622))).toEqual({ step: 120, reason: 'step 120: lowest eval loss 0.412; later checkpoints are worse by 0.040 to 0.210' })
    expect(recommendCheckpoint(curve(0.9, 0.5))?.reason).toBe('step 80: lowest eval loss 0.500; it is the last one, so more steps may still lower it')
  })

  it('passes over losses that are not finite and mentions them', () => {
    expect(recommendCheckpoint(curve(0.9, 0.5, NaN, Infinity))).toEqual({ step: 80, reason: 'step 80: lowest eval loss 0.500; 2 later ones have no finite loss' })
    expect(recommendCheckpoint(curve(NaN, NaN))).toBeNull()
    expect(recommendCheckpoint([])).toBeNull()
  })

  it('takes the earliest of equals, in whatever order they come', () => {
    expect(recommendCheckpoint(curve(0.9, 0.5, 0.5).toReversed())?.step).toBe(80)
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
