import { describe, expect, it } from 'vitest'
import { gapCurve, lastingDivergence, lossDifference } from './generalization.js'

const evaluations = (...losses: number[]) => losses.map((loss, index) => ({ step: 10 * index, loss }))
const training = (...losses: number[]) => losses.flatMap((loss, index) => [{ step: 10 * index + 5, loss: loss - 0.1 }, { step: 10 * index + 10, loss: loss + 0.1 }])

describe('gapCurve', () => {
  it('takes the mean of the training losses since the evaluation before', () => {
    const gaps = gapCurve(evaluations(3, 2, 2.5), training(1.9, 1.5))
    expect(gaps.map(({ step, n }) => [step, n])).toEqual([[10, 2], [20, 2]])
    expect(gaps.map(({ gap }) => gap)).toEqual([expect.closeTo(0.1, 12), expect.closeTo(1, 12)])
  })

  it('is NaN where a loss is', () => {
    expect(gapCurve(evaluations(3, NaN), training(1))[0]?.gap).toBeNaN()
  })
})

describe('lastingDivergence', () => {
  it('finds where the gap opens for good, not where it opens once', () => {
    const losses = evaluations(3, 2, 2, 2, 2, 2)
    expect(lastingDivergence(losses, training(1.9, 1.5, 1.9, 1.7, 1.5))).toBe(40)
    expect(lastingDivergence(losses, training(1.9, 1.9, 1.9, 1.9, 1.9))).toBeNull()
  })

  it('does not judge by the last evaluation alone, nor by less than 1 % of the lowest loss', () => {
    expect(lastingDivergence(evaluations(3, 2, 2, 2), training(1.9, 1.9, 1.5))).toBeNull()
    expect(lastingDivergence(evaluations(3, 2, 2, 2), training(1.9, 1.885, 1.885))).toBeNull()
    expect(lastingDivergence(evaluations(NaN, NaN), training(1))).toBeNull()
  })
})

describe('lossDifference', () => {
  it('is the paired t interval where all items have the same length: changes 1, 2 and 3 give 2 ± 4.303 · 1/√3', () => {
    const { difference, low, high, n } = lossDifference({ step: 1, losses: [1, 1, 1] }, { step: 2, losses: [2, 3, 4] }, [5, 5, 5])
    expect([difference, n]).toEqual([2, 3])
    expect(low).toBeCloseTo(2 - 4.302653 / Math.sqrt(3), 4)
    expect(high).toBeCloseTo(2 + 4.302653 / Math.sqrt(3), 4)
  })

  it('weighs items by their tokens and leaves out what is not finite', () => {
    const { difference, n } = lossDifference({ step: 1, losses: [1, 1, NaN] }, { step: 2, losses: [2, 4, 1] }, [3, 1, 9])
    expect([difference, n]).toEqual([1.5, 2])
    expect(lossDifference({ step: 1, losses: [1] }, { step: 2, losses: [2] }, [3])).toEqual({ difference: 1, low: null, high: null, n: 1 })
  })
})
