import { describe, expect, it } from 'vitest'
import { differing, quoted, sharedParts } from './run-names.js'

describe('names of runs', () => {
  it('say beside each other only what differs', () => {
    const names = ['retriever=bm25, chunkSize=200, k=3', 'retriever=bm25, chunkSize=800, k=3']
    expect(differing(names)).toEqual(['chunkSize=200', 'chunkSize=800'])
    expect(sharedParts(names)).toEqual(['retriever=bm25', 'k=3'])
    expect(sharedParts(['a=1, b=2'])).toEqual([])
  })

  it('stay whole where nothing or everything is shared', () => {
    expect(differing(['a=1, b=2', 'a=2, b=1'])).toEqual(['a=1, b=2', 'a=2, b=1'])
    expect(differing(['a=1', 'a=1, b=2'])).toEqual(['a=1', 'a=1, b=2'])
    expect(differing(['a=1, b=2', 'a=1, b=2'])).toEqual(['a=1, b=2', 'a=1, b=2'])
    expect([quoted('a=1'), quoted('a=1, b=2')]).toEqual(['a=1', '“a=1, b=2”'])
  })
})
