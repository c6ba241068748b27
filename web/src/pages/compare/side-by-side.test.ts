import { describe, expect, it } from 'vitest'
import { marginOf, scoreOf, sideFilters, sidesOf } from './side-by-side.js'

describe('what the address asks for', () => {
  it('is a page of items, by A and B of the runs that are there', () => {
    expect(sidesOf(new URLSearchParams('show=a-better&a=x&b=gone&page=3'), ['x', 'y'])).toEqual({ show: 'a-better', a: 'x', b: null, offset: 50, limit: 25 })
    expect(sidesOf(new URLSearchParams('show=odd&page=-4'), ['x'])).toEqual({ show: 'all', a: null, b: null, offset: 0, limit: 25 })
  })

  it('is a margin above 0, or none', () => {
    expect(['0.02', '0', '-1', 'x', '', 'Infinity', null].map(marginOf)).toEqual([0.02, null, null, null, null, null, null])
  })
})

describe('scores side by side', () => {
  it('are never made up', () => {
    const cells = { a: { output: '', score: 'NaN' as const, status: 'scored' }, b: { output: '', score: null, status: 'error' } }
    const example = { itemId: 'i', input: '', target: null, cells }
    expect([scoreOf(example, 'a'), scoreOf(example, 'b'), scoreOf(example, 'c')]).toEqual([NaN, null, null])
  })

  it('speak of right and wrong only where scores are shares', () => {
    expect(sideFilters(true).map(({ id }) => id)).toContain('both-wrong')
    expect(sideFilters(false).map(({ word }) => word)).toEqual(['All items', 'A and B differ', 'A better than B', 'B better than A'])
  })
})
