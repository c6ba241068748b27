import { describe, expect, it } from 'vitest'
import { compareHref, experimentHref, listOf, parsePath, runHref, withQuery } from './router.js'

describe('parsePath', () => {
  it.each([
    ['/', { page: 'experiments' }],
    ['/experiments/', { page: 'experiments' }],
    ['/compare', { page: 'compare' }],
    ['/system', { page: 'system' }],
    ['/experiments/a%2Fb', { page: 'experiment', id: 'a/b' }],
    ['/runs/r1', { page: 'run', id: 'r1' }],
    ['/runs', { page: 'not-found', path: '/runs' }],
    ['/runs/a/b', { page: 'not-found', path: '/runs/a/b' }],
    ['/runs/%', { page: 'not-found', path: '/runs/%' }],
  ])('%s', (path, route) => {
    expect(parsePath(path)).toEqual(route)
  })

  it('reads back what the links write', () => {
    const id = 'odd id/100%?'
    expect(parsePath(runHref(id))).toEqual({ page: 'run', id })
    expect(parsePath(experimentHref(id))).toEqual({ page: 'experiment', id })
  })
})

describe('the query', () => {
  it('sets, replaces and removes keys and leaves the others', () => {
    expect(withQuery('?sort=name&q=a', { q: 'b c', page: '2', sort: null })).toBe('?q=b+c&page=2')
    expect(withQuery('?q=a', { q: '' })).toBe('')
    expect(withQuery('', { runs: 'a,b' })).toBe('?runs=a,b')
  })

  it('reads lists without blanks and doubles', () => {
    expect(listOf('a,,b, a')).toEqual(['a', 'b'])
    expect(listOf(null)).toEqual([])
  })

  it('links a comparison', () => {
    expect(compareHref(['a', 'b'], { metric: 'accuracy', baseline: null })).toBe('/compare?runs=a,b&metric=accuracy')
    expect(compareHref([])).toBe('/compare')
  })
})
