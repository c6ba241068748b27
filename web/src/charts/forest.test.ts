import { describe, expect, it } from 'vitest'
import { across, forestDomain } from './forest.js'

describe('forestDomain', () => {
  it('holds every interval and zero', () => {
    const { low, high } = forestDomain([{ difference: 0.2, low: 0.1, high: 0.3 }, { difference: 0.15, low: null, high: null }])
    expect(low).toBeCloseTo(-0.015)
    expect(high).toBeCloseTo(0.315)
  })

  it('has some width where nothing differs', () => {
    expect(forestDomain([{ difference: 0, low: 0, high: 0 }])).toEqual({ low: -1, high: 1 })
  })

  it('places values', () => {
    expect(across(0, { low: -1, high: 1 })).toBe('50%')
  })
})
