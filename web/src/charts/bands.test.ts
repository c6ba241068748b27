import { expect, it } from 'vitest'
import { outlinesOf } from './bands.js'

const same = (point: { x: number; y: number }) => point

it('goes along the highest values and back along the lowest, and leaves out gaps', () => {
  const low = [{ x: 0, y: 1 }, { x: 1, y: 2 }, { x: 2, y: NaN }, { x: 3, y: 4 }]
  const high = [{ x: 0, y: 5 }, { x: 1, y: 6 }, { x: 2, y: NaN }, { x: 3, y: 8 }]
  expect(outlinesOf({ low, high }, same)).toEqual([
    [{ x: 0, y: 5 }, { x: 1, y: 6 }, { x: 1, y: 2 }, { x: 0, y: 1 }],
    [{ x: 3, y: 8 }, { x: 3, y: 4 }],
  ])
})

it('keeps what has a highest place only', () => {
  expect(outlinesOf({ low: [{ x: 0, y: NaN }], high: [{ x: 0, y: 5 }] }, same)).toEqual([[{ x: 0, y: 5 }, { x: 0, y: 5 }]])
  expect(outlinesOf({ low: [], high: [] }, same)).toEqual([])
})
