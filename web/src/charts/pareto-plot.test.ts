import { describe, expect, it } from 'vitest'
import { along, linearTicks, placeLabels, priceScale, scoreScale, stairs } from './pareto-plot.js'

describe('the plane of score and price', () => {
  it('begins at 0, and takes logarithms only where prices differ a lot', () => {
    expect(priceScale([2, 10], 6)).toMatchObject({ isLog: false, low: 0, ticks: [0, 2, 4, 6, 8, 10] })
    const wide = priceScale([0.01, 3], 5)
    expect(wide.isLog).toBe(true)
    expect(along(0.01, wide)).toBeGreaterThan(0)
    expect(along(3, wide)).toBeLessThan(1)
    // A free run has no logarithm.
    expect(priceScale([0, 3], 5).isLog).toBe(false)
    expect(priceScale([], 5)).toMatchObject({ low: 0, high: 1 })
  })

  it('reaches no further than scores can', () => {
    expect(scoreScale([0.5, 0.99], 1, 5)).toMatchObject({ high: 1 })
    expect(scoreScale([0.001], 1, 5).low).toBeGreaterThanOrEqual(0)
    expect(scoreScale([-2, 3], null, 5).low).toBeLessThan(-2)
  })

  it('ticks at round numbers without drift', () => {
    expect(linearTicks(0.52, 0.91, 4)).toEqual([0.6, 0.7, 0.8, 0.9])
    expect(linearTicks(0, 1, 5)).toEqual([0, 0.2, 0.4, 0.6, 0.8, 1])
  })

  it('draws the front from the cheapest on', () => {
    expect(stairs([{ x: 20, y: 5 }, { x: 10, y: 9 }])).toBe('M10,9H20V5')
  })

  it('leaves out a name that would cover another', () => {
    const box = { left: 0, right: 300, top: 0, bottom: 200 }
    const points = Array.from({ length: 12 }, (_, index) => ({ id: String(index), text: 'a rather long name', x: 150, y: 100 + index }))
    const placed = placeLabels(points, box)
    expect(placed[0]?.id).toBe('0')
    expect(placed.length).toBeLessThan(12)
    for (const [index, one] of placed.entries()) for (const other of placed.slice(index + 1)) expect(Math.abs(one.y - other.y) >= 13 || Math.abs(one.x - other.x) >= 18 * 6.4).toBe(true)
  })
})
