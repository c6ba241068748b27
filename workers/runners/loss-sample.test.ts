import { describe, expect, it } from 'vitest'
import { sampledItems } from './loss-sample.js'

const items = Array.from({ length: 1_000 }, (_, index) => ({ itemId: `item-${index}` }))

describe('sampledItems', () => {
  it('keeps all where they are few, the very ones and in their order', () => {
    expect(sampledItems(items, 1_000)).toBe(items)
    expect(sampledItems([], 5)).toEqual([])
  })

  it('draws the same items whatever the order and whichever others are missing, in the order of the data', () => {
    const drawn = sampledItems(items, 100)
    expect(drawn).toHaveLength(100)
    expect(drawn).toEqual(items.filter((item) => drawn.includes(item)))
    expect(new Set(sampledItems(items.toReversed(), 100))).toEqual(new Set(drawn))
    const without = items.filter((item) => item !== drawn[0])
    expect(new Set(sampledItems(without, 99))).toEqual(new Set(drawn.slice(1)))
  })

  it('draws from the whole split: each half has its share', () => {
    // Hypergeometric: 50 expected, standard deviation 4.7; the draw is fixed, so this never changes.
    const firstHalf = sampledItems(items, 100).filter((item) => items.indexOf(item) < 500).length
    expect(firstHalf).toBeGreaterThan(35)
    expect(firstHalf).toBeLessThan(65)
  })
})
