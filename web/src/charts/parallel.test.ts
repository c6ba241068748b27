import { describe, expect, it } from 'vitest'
import { nearestLine, parallelAxis, passes, readBrushes, writeBrushes } from './parallel.js'

const named = (isMetric = false) => ({ id: 'rank', label: 'rank', isMetric, format: String })

describe('parallelAxis', () => {
  it('is logarithmic where values span much, and says each of a few values', () => {
    const axis = parallelAxis(named(), [1, 10, 100, 10])
    expect([axis.isLog, axis.place(10), axis.ticks.map(({ text }) => text)]).toEqual([true, expect.closeTo(0.5, 12), ['1', '10', '100']])
    expect(parallelAxis(named(), [1, 2, 3]).isLog).toBe(false)
  })

  it('places categories in their order and nothing that is missing or NaN', () => {
    const axis = parallelAxis(named(), ['linear', 'cosine', null, 'constant'])
    expect(['linear', 'cosine', 'constant', 'other', null].map(axis.place)).toEqual([0, 0.5, 1, null, null])
    expect(parallelAxis(named(true), [0.2, Number.NaN, 0.4]).place(Number.NaN)).toBeNull()
    expect(parallelAxis(named(true), [0.2]).place(0.2)).toBe(0.5)
  })
})

it('passes a line that lies within every brush', () => {
  const axes = [parallelAxis(named(), [1, 2, 3])]
  expect([[0.5], [0.9], [null]].map((places) => passes(places, axes, new Map([['rank', [0.4, 0.6]]])))).toEqual([true, false, false])
})

it('finds the line under the pointer, and none that is far', () => {
  const lines = [[0, 1, 0], [1, 0, null]]
  expect(nearestLine(lines, { x: 0.25, y: 0.3, within: 0.1 })).toBe(0)
  expect(nearestLine(lines, { x: 0.25, y: 0.7, within: 0.1 })).toBe(1)
  expect(nearestLine(lines, { x: 0.25, y: 0.5, within: 0.1 })).toBe(-1)
  expect(nearestLine(lines, { x: 1.9, y: 0.05, within: 0.2 })).toBe(0)
})

it('keeps brushes in the address, and passes over what is none', () => {
  const brushes = new Map([['rank', [0.25, 0.5]], ['metric:loss', [0, 1]]] as const)
  expect(readBrushes(writeBrushes(brushes))).toEqual(brushes)
  expect(readBrushes('rank,x:0.9:0.1')).toEqual(new Map())
  expect(writeBrushes(new Map())).toBeNull()
})
