import { expect, it } from 'vitest'
import { rowWindow } from './row-window.js'

it('draws short tables whole', () => {
  expect(rowWindow(200, { top: 5000, height: 600 })).toEqual({ first: 0, end: 200, before: 0, after: 0 })
})

it('draws what is in view of long ones, and the heights always add up', () => {
  expect(rowWindow(5000, { top: 0, height: 700 })).toEqual({ first: 0, end: 40, before: 0, after: 4960 * 35 })
  for (const top of [0, 1, 34_999, 35_000, 100_000, 175_000, 1e9]) {
    const { first, end, before, after } = rowWindow(5000, { top, height: 700 })
    expect(before + (end - first) * 35 + after).toBe(5000 * 35)
    expect(first).toBeLessThanOrEqual(Math.min(4999, Math.floor(top / 35)))
    expect(end).toBeGreaterThanOrEqual(Math.min(5000, Math.ceil((top + 700) / 35)))
  }
})
