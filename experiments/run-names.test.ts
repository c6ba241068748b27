import { describe, expect, it } from 'vitest'
import { bestSentence } from './finding.js'
import { describeMetric } from './metrics.js'
import { differing, quoted, sharedParts, toldApart } from './run-names.js'
import { ENGLISH } from './wording.js'

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
  })

  it('hold together in a sentence, and end', () => {
    expect([quoted('a=1'), quoted('a=1, b=2')]).toEqual(['a=1', '“a=1, b=2”'])
    expect(quoted('x'.repeat(100))).toBe(`“${'x'.repeat(89)}…”`)
    expect(toldApart(['a=1, b=2, c=3', 'a=2, b=3, c=3'])).toEqual(['“a=1, b=2”', '“a=2, b=3”'])
  })

  it('let a list say once what all in it share', () => {
    const telling = { metric: describeMetric('ndcg', []), wording: ENGLISH }
    expect(bestSentence(['chunkSize=400, overlap=0, k=3', 'chunkSize=800, overlap=0, k=3', 'chunkSize=800, overlap=9, k=3'], 32, telling)).toBe(
      '“chunkSize=400, overlap=0”, “chunkSize=800, overlap=0” and “chunkSize=800, overlap=9” (all with k=3) are statistically tied for the best on nDCG@k: none of them is beaten by the one with the highest score, “chunkSize=400, overlap=0, k=3”.',
    )
    expect(bestSentence(['shots=0', 'shots=8'], 3, telling)).toContain('shots=0 and shots=8 are statistically tied')
  })
})
