import { describe, expect, it } from 'vitest'
import { smooth } from './smoothing.js'

describe('smooth', () => {
  it('keeps the values at weight 0', () => {
    expect(smooth([3, 1, 2], 0)).toEqual([3, 1, 2])
  })

  it('does not start near zero: a constant stays that constant', () => {
    for (const value of smooth([5, 5, 5, 5], 0.9)) expect(value).toBeCloseTo(5, 12)
  })

  it('is the weighted mean of what came before', () => {
    const [first, second] = smooth([1, 3], 0.5)
    expect(first).toBeCloseTo(1, 12)
    expect(second).toBeCloseTo((0.25 * 1 + 0.5 * 3) / 0.75, 12)
  })

  it('lets NaN through as NaN without spoiling what follows', () => {
    const [, nan, after] = smooth([2, Number.NaN, 2], 0.8)
    expect(nan).toBeNaN()
    expect(after).toBeCloseTo(2, 12)
  })

  it('refuses a weight of 1', () => {
    expect(() => smooth([1], 1)).toThrow(/less than 1/)
  })
})
