import { describe, expect, it } from 'vitest'
import { nextSort, parseSort, sortRows, writeSort } from './table-sort.js'

describe('sortRows', () => {
  const identity = (value: number | string | null): number | string | null => value

  it('puts what has no value last in both directions', () => {
    expect(sortRows([null, 3, Number.NaN, 1, 2], identity, false)).toEqual([1, 2, 3, null, Number.NaN])
    expect(sortRows([null, 3, Number.NaN, 1, 2], identity, true)).toEqual([3, 2, 1, null, Number.NaN])
  })

  it('sorts names by their numbers', () => {
    expect(sortRows(['rank=16', 'rank=4', 'rank=64'], identity, false)).toEqual(['rank=4', 'rank=16', 'rank=64'])
  })

  it('keeps the order of equal rows', () => {
    const rows = [{ id: 'a', v: 1 }, { id: 'b', v: 1 }, { id: 'c', v: 0 }]
    expect(sortRows(rows, (row) => row.v, true).map((row) => row.id)).toEqual(['a', 'b', 'c'])
  })
})

describe('the sort of an address', () => {
  const fallback = { column: 'created', isDescending: true }

  it('is read and written', () => {
    expect(parseSort(null, fallback)).toBe(fallback)
    expect(parseSort('-', fallback)).toBe(fallback)
    for (const text of ['name', '-metric:accuracy']) expect(writeSort(parseSort(text, fallback))).toBe(text)
  })

  it('turns round on the second click', () => {
    const once = nextSort(fallback, 'accuracy', true)
    expect(once).toEqual({ column: 'accuracy', isDescending: true })
    expect(nextSort(once, 'accuracy', true)).toEqual({ column: 'accuracy', isDescending: false })
  })
})
