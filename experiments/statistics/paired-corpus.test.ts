import { describe, expect, it } from 'vitest'
import type { CorpusRows } from './corpus.js'
import { compareCorpora, corpusZ, type PairedCorpora } from './paired-corpus.js'
import { randomWords } from './random.js'

/** Edits and reference words of each item: the figure is their ratio. */
function ter(edits: readonly number[], words: readonly number[]): CorpusRows {
  return { of: 'ter', width: 2, rows: Float64Array.from(edits.flatMap((value, item) => [value, words[item] ?? 0])) }
}

function pairs(run: readonly number[], baseline: readonly number[], words: readonly number[], clusters?: readonly (string | null)[]): PairedCorpora {
  return { corpus: { run: ter(run, words), baseline: ter(baseline, words) }, run, baseline, clusters }
}

const RUN = [3, 0, 2, 5, 1, 4, 2, 6]
const BASELINE = [5, 1, 2, 9, 0, 7, 4, 5]
const WORDS = [10, 4, 7, 20, 5, 12, 8, 15]

/** All 2^8 ways to change sides, one by one. */
function exactP(): number {
  const words = WORDS.reduce((sum, value) => sum + value, 0)
  const observed = Math.abs(RUN.reduce((sum, value, item) => sum + value - (BASELINE[item] ?? 0), 0)) / words
  let extreme = 0
  for (let pattern = 0; pattern < 256; pattern++) {
    const difference = RUN.reduce((sum, value, item) => sum + (value - (BASELINE[item] ?? 0)) * ((pattern >> item) & 1 ? 1 : -1), 0)
    if (Math.abs(difference) / words >= observed - 1e-12) extreme++
  }
  return extreme / 256
}

describe('compareCorpora', () => {
  it('tells the difference of the corpora, not the mean difference of items', () => {
    const result = compareCorpora(pairs(RUN, BASELINE, WORDS))
    expect(result).toMatchObject({ n: 8, difference: expect.closeTo((100 * (23 - 33)) / 81, 10) as number, wins: 2, losses: 5, ties: 1, method: 'approximate-randomization', pNonInferior: null })
    expect(result.low ?? NaN).toBeLessThan(result.difference)
    expect(result.high ?? NaN).toBeGreaterThan(result.difference)
    expect(Math.sign(corpusZ(pairs(RUN, BASELINE, WORDS)))).toBe(-1)
  })

  it('shuffles to the p-value that all ways of changing sides give', () => {
    const wanted = exactP()
    expect(Math.abs((compareCorpora(pairs(RUN, BASELINE, WORDS)).p ?? NaN) - wanted)).toBeLessThan(4 * Math.sqrt((wanted * (1 - wanted)) / 9_999))
  })

  it('draws and shuffles clusters whole: items twice over say no more than once', () => {
    const twice = <T>(values: readonly T[]): T[] => values.flatMap((value) => [value, value])
    const clustered = compareCorpora(pairs(twice(RUN), twice(BASELINE), twice(WORDS), twice(RUN.map((_, item) => `c${item}`))))
    const once = compareCorpora(pairs(RUN, BASELINE, WORDS))
    expect(clustered).toMatchObject({ n: 16, p: once.p, low: expect.closeTo(once.low ?? NaN, 10) as number, high: expect.closeTo(once.high ?? NaN, 10) as number })
  })

  it('finds a difference where there is none in about one of twenty comparisons', () => {
    const next = randomWords(11)
    const draw = (below: number): number => next() % below
    let found = 0
    for (let trial = 0; trial < 60; trial++) {
      const words = Array.from({ length: 20 }, () => 3 + draw(20))
      const edits = (): number[] => words.map((count) => draw(count))
      const { p } = compareCorpora(pairs(edits(), edits(), words))
      if ((p ?? 1) < 0.05) found++
    }
    // Binomial(60, 0.05) exceeds 11 once in ten thousand; the seed is fixed.
    expect(found).toBeLessThan(12)
    expect(found).toBeGreaterThan(0)
  })

  it('answers the question of a margin from the same resamples', () => {
    const far = compareCorpora(pairs(RUN, BASELINE, WORDS), { margin: 50, higherIsBetter: false })
    expect(far.pNonInferior).toBeLessThan(0.001)
    expect(compareCorpora(pairs(BASELINE, RUN, WORDS), { margin: 0.1, higherIsBetter: false }).pNonInferior).toBeGreaterThan(0.5)
  })

  it('has neither p nor interval for one item, and refuses tests of items', () => {
    expect(compareCorpora(pairs([1], [2], [4]))).toMatchObject({ difference: -25, low: null, high: null, p: null, minimumDetectable: null })
    expect(compareCorpora(pairs(RUN, RUN, WORDS))).toMatchObject({ difference: 0, p: 1, minimumDetectable: null })
    expect(() => compareCorpora(pairs(RUN, BASELINE, WORDS), { test: 'wilcoxon' })).toThrow('the test wilcoxon is for scores of items, and this is a figure of the whole corpus; approximate-randomization and paired-bootstrap are for those')
  })
})
