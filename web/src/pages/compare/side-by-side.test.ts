import { describe, expect, it } from 'vitest'
import { conditionsOf, marginOf, namesOf, placeOf, scoreOf, selectionOf, sideFilters } from './side-by-side.js'

const NONE = { text: null, target: null, cluster: null, minLength: null, maxLength: null, annotated: null, tag: null }

describe('what the address asks for', () => {
  it('is a page of items, by A and B of the runs that are there', () => {
    expect(selectionOf(new URLSearchParams('show=a-better&a=x&b=gone&page=3'), ['x', 'y'])).toEqual({ show: 'a-better', a: 'x', b: null, ...NONE, offset: 50, limit: 25 })
    expect(selectionOf(new URLSearchParams('show=odd&page=-4'), ['x'])).toEqual({ show: 'all', a: null, b: null, ...NONE, offset: 0, limit: 25 })
  })

  it('is the page on which the opened item stands', () => {
    expect(selectionOf(new URLSearchParams('page=1&at=26'), ['x']).offset).toBe(25)
    expect(['25', '0', '-1', 'x', ''].map((at) => placeOf(new URLSearchParams({ at })))).toEqual([25, null, null, null, null])
  })

  it('narrows the items by what it names, and by nothing that makes no sense', () => {
    expect(conditionsOf(new URLSearchParams('q=cash&target=spam&min=10&max=-3&annotated=odd&tag=rude'))).toEqual({ ...NONE, text: 'cash', target: 'spam', minLength: 10, tag: 'rude' })
  })

  it('is a margin above 0, or none', () => {
    expect(['0.02', '0', '-1', 'x', '', 'Infinity', null].map(marginOf)).toEqual([0.02, null, null, null, null, null, null])
  })
})

describe('names of runs', () => {
  it('have that of the experiment in front where two are alike', () => {
    const run = (id: string, name: string) => ({ id, name, experimentName: `E${id}` })
    expect([...namesOf([run('1', 'x'), run('2', 'x'), run('3', 'y')]).values()]).toEqual(['E1: x', 'E2: x', 'y'])
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
