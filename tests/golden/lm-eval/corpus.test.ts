/* Figures of whole corpora against sacreBLEU, which is what lm-evaluation-harness calls (corpus.py). */
import { describe, expect, it } from 'vitest'
import { corpusRowsOf } from '../../../experiments/score-columns.js'
import { CORPUS_FIGURE, sumRows } from '../../../experiments/statistics/corpus.js'
import { compareCorpora, type PairedCorpora } from '../../../experiments/statistics/paired-corpus.js'
import { CORPUS_FIGURES, type CorpusFigure } from '../../../server/contracts/index.js'
import { TEXT_FIGURES, textFigure, type CorpusScore, type TextFigure } from '../../../experiments/text-figures/text-figure.js'
import golden from './corpus.json' with { type: 'json' }

function rowsOf(scores: readonly CorpusScore[]): NonNullable<ReturnType<typeof corpusRowsOf>> {
  const rows = corpusRowsOf(scores.map(({ part }) => part))
  if (rows === undefined) throw new TypeError('there are no items')
  return rows
}

const figureOf = (scores: readonly CorpusScore[]): number => {
  const rows = rowsOf(scores)
  return CORPUS_FIGURE[rows.of].figure(sumRows(rows))
}

describe.each(Object.entries(golden.corpora))('the corpus "%s"', (_, { items, figures }) => {
  it.each(TEXT_FIGURES)('has the %s of sacreBLEU, from the same counts', (of) => {
    const scores = items.map(({ answer, references }) => textFigure(of, answer, references))
    expect(scores.map(({ part }) => part.sums)).toEqual(figures[of].statistics)
    expect(figureOf(scores)).toBeCloseTo(figures[of].score, 10)
  })
})

describe('two systems on one corpus', () => {
  const { references, first, second, tests } = golden.paired
  const pairsOf = (of: TextFigure): PairedCorpora => {
    const [run, baseline] = [second, first].map((answers) => answers.map((answer, item) => textFigure(of, answer, [references[item] ?? ''])))
    if (run === undefined || baseline === undefined) throw new TypeError('two sides are wanted')
    return { corpus: { run: rowsOf(run), baseline: rowsOf(baseline) }, run: run.map(({ value }) => value), baseline: baseline.map(({ value }) => value) }
  }

  it.each([['bleu', 'bleu'], ['chrf', 'chrf2'], ['ter', 'ter']] as const)('differ in %s as in sacreBLEU’s paired tests', (of, name) => {
    const byShuffling = compareCorpora(pairsOf(of))
    const byBootstrap = compareCorpora(pairsOf(of), { test: 'paired-bootstrap' })
    expect(byShuffling.difference).toBeCloseTo(tests.ar[name].difference, 10)
    // Both are Monte Carlo: within four standard errors of the rarer side's 2,000 resamples.
    const near = (p: number, wanted: number): void => expect(Math.abs(p - wanted)).toBeLessThan(4 * Math.sqrt((wanted * (1 - wanted)) / 2_000) + 1e-3)
    near(byShuffling.p ?? NaN, tests.ar[name].p)
    // sacreBLEU counts the resamples beyond the difference on its own side alone.
    near((byBootstrap.p ?? NaN) / 2, tests.bs[name].p)
    expect(byShuffling.method).toBe('approximate-randomization')
  })
})

describe('choices', () => {
  const sumsOf = (of: CorpusFigure, rows: readonly number[][]): number => {
    const part = corpusRowsOf(rows.map((sums) => ({ of, sums })))
    return part === undefined ? NaN : CORPUS_FIGURE[of].figure(sumRows(part))
  }

  it('have the F1 and the correlation of their definitions', () => {
    const { golds, given, mcc, bits, f1 } = golden.choices
    const classes = (gold: number, one: number): number[] => [Number(gold === one), 1, ...[0, 1, 2].flatMap((place) => [Number(one === place), Number(gold === place)])]
    expect(sumsOf('mcc', golds.map((gold, item) => classes(gold, given[item] ?? -1)))).toBeCloseTo(mcc, 12)
    expect(sumsOf('f1', bits.map(([gold, one]) => [Number(gold === 1 && one === 1), Number(gold === 0 && one === 1), Number(gold === 1 && one === 0)]))).toBeCloseTo(f1, 12)
    expect([sumsOf('mcc', [[1, 1, 1, 1]]), sumsOf('f1', [[0, 0, 0]])]).toEqual([0, 0])
  })

  it('every figure of an empty sum is told without an error', () => {
    for (const of of CORPUS_FIGURES) expect(() => CORPUS_FIGURE[of].figure([0, 0, 0, 0])).not.toThrow()
  })
})
