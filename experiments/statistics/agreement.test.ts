import { describe, expect, it } from 'vitest'
import { cohenKappa, kappaInterval, kappaOfItems } from './agreement.js'

const pairs = (counts: readonly (readonly [number, number, number])[]): [number[], number[]] => {
  const rows = counts.flatMap(([left, right, n]) => Array.from({ length: n }, (): [number, number] => [left, right]))
  return [rows.map(([left]) => left), rows.map(([, right]) => right)]
}

it('kappa of drawn items is that of the same ratings written out', () => {
  const left = [1, 5, 3, 3, 2, 5, 1, 4]
  const right = [1, 4, 3, 2, 2, 5, 2, 4]
  const drawn = [0, 0, 1, 4, 4, 6, 7, 2, 5]
  for (const distance of ['nominal', 'interval'] as const) {
    const written = cohenKappa(drawn.map((item) => left[item] ?? 0), drawn.map((item) => right[item] ?? 0), distance)
    expect(kappaOfItems(left, right, distance)(Int32Array.from(drawn))).toBeCloseTo(written, 12)
  }
})

describe('the interval of kappa', () => {
  it('is near that of its large-sample error', () => {
    // Fleiss, Cohen & Everitt (1969): with these counts kappa is 0.4 and its standard error √(0.2016 / (50 · 0.25)) = 0.127.
    const [left, right] = pairs([[1, 1, 20], [1, 0, 5], [0, 1, 10], [0, 0, 15]])
    expect(cohenKappa(left, right)).toBeCloseTo(0.4, 12)
    const interval = kappaInterval(left, right)
    expect(interval?.low).toBeGreaterThan(0.4 - 1.96 * 0.127 - 0.05)
    expect(interval?.low).toBeLessThan(0.4 - 1.96 * 0.127 + 0.05)
    expect(interval?.high).toBeGreaterThan(0.4 + 1.96 * 0.127 - 0.05)
    expect(interval?.high).toBeLessThan(0.4 + 1.96 * 0.127 + 0.05)
  })

  it('counts resamples that have no kappa as none, and is not there for one item', () => {
    const [left, right] = pairs([[1, 1, 3], [0, 0, 1]])
    expect(kappaInterval(left, right)).toEqual({ low: 0, high: 1 })
    expect(kappaInterval([1], [1])).toBeNull()
  })
})
