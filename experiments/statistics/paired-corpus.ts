/* Two runs by a figure of their whole corpora, paired by item: what their difference is and whether it may be chance. */
import { addUp, draws, jackknifeOf, resamplesWithin } from './bootstrap.js'
import { CORPUS_FIGURE, type CorpusRows, sumRows, unitRows } from './corpus.js'
import { clusterIndex } from './intervals.js'
import { CORPUS_TESTS, type CorpusTestName, correlationOf, type PairedOptions, type PairedResult } from './paired.js'
import { minimumDetectable } from './power.js'
import { quantile } from './quantiles.js'
import { randomWords } from './random.js'

/** Of the same items, in the same order. */
export interface PairedCorpora {
  corpus: { run: CorpusRows; baseline: CorpusRows }
  /** The figure of each item by itself: for wins and losses alone. */
  run: ArrayLike<number>
  baseline: ArrayLike<number>
  clusters?: readonly (string | null)[] | undefined
}

const SHUFFLES = 9_999
const SEED = 1

/** Rows of both sides by unit, and the figure of sums. */
interface Units {
  run: Float64Array
  baseline: Float64Array
  width: number
  count: number
  figure: (sums: Float64Array) => number
  difference: number
}

function unitsOf({ corpus: { run, baseline }, clusters }: PairedCorpora): Units {
  const index = clusterIndex(clusters)
  const width = Math.max(run.width, baseline.width)
  const [mine, theirs] = [widened(run, width), widened(baseline, width)].map((rows) => unitRows({ rows, width }, index))
  const { figure } = CORPUS_FIGURE[run.of]
  const [a, b] = [mine?.rows ?? new Float64Array(), theirs?.rows ?? new Float64Array()]
  return { run: a, baseline: b, width, count: mine?.count ?? 0, figure, difference: figure(sumRows({ rows: a, width })) - figure(sumRows({ rows: b, width })) }
}

/** Classes that one side never met count 0 there. */
function widened({ rows, width }: CorpusRows, wanted: number): Float64Array {
  if (width === wanted) return rows
  const wide = new Float64Array((rows.length / width) * wanted)
  for (let item = 0; item * width < rows.length; item++) wide.set(rows.subarray(item * width, (item + 1) * width), item * wanted)
  return wide
}

/** The difference over units drawn with replacement, the same for both sides (Koehn 2004, W04-3250); ascending. */
function resampledDifferences({ run, baseline, width, count, figure }: Units): Float64Array {
  const resamples = resamplesWithin(2 * count * width)
  const [mine, theirs] = [new Float64Array(width), new Float64Array(width)]
  const differences = new Float64Array(resamples)
  let at = 0
  for (const drawn of draws(count, { resamples, seed: SEED })) differences[at++] = figure(addUp(run, drawn, mine)) - figure(addUp(baseline, drawn, theirs))
  return differences.sort()
}

/**
 * Two-sided: how often a difference as large as the one seen arises when the answers to each unit change sides at random
 * (Noreen 1989; Riezler & Maxwell 2005, W05-0908, who find that it errs less than the bootstrap).
 */
function approximateRandomization({ run, baseline, width, count, figure, difference }: Units): number {
  const changing = Array.from({ length: count }, (_, unit) => unit * width).filter((start) => hasChange(run, baseline, { start, width }))
  if (changing.length === 0) return 1
  const shuffles = resamplesWithin(changing.length * width, { most: SHUFFLES, least: 999 })
  const [total, other] = [sumRows({ rows: run, width }), sumRows({ rows: baseline, width })]
  const [mine, theirs] = [new Float64Array(width), new Float64Array(width)]
  const next = randomWords(SEED)
  const threshold = Math.abs(difference) * (1 - 1e-12)
  let extreme = 0
  for (let shuffle = 0; shuffle < shuffles; shuffle++) {
    mine.set(total)
    let bits = 0
    for (const [place, start] of changing.entries()) {
      if ((place & 31) === 0) bits = next()
      if (bits & 1) for (let column = 0; column < width; column++) mine[column] = (mine[column] ?? 0) + (baseline[start + column] ?? 0) - (run[start + column] ?? 0)
      bits >>>= 1
    }
    for (let column = 0; column < width; column++) theirs[column] = (total[column] ?? 0) + (other[column] ?? 0) - (mine[column] ?? 0)
    if (Math.abs(figure(mine) - figure(theirs)) >= threshold) extreme++
  }
  return (extreme + 1) / (shuffles + 1)
}

function hasChange(run: Float64Array, baseline: Float64Array, { start, width }: { start: number; width: number }): boolean {
  for (let place = start; place < start + width; place++) if (run[place] !== baseline[place]) return true
  return false
}

/** Two-sided: how often a resample lies as far from the mean of all as 0 does from the difference seen (Riezler & Maxwell 2005, fig. 1). */
function shiftedBootstrap(differences: Float64Array, difference: number): number {
  if (difference === 0) return 1
  const mean = differences.reduce((sum, value) => sum + value, 0) / differences.length
  const threshold = Math.abs(difference) * (1 - 1e-12)
  const extreme = differences.reduce((count, value) => count + Number(Math.abs(value - mean) >= threshold), 0)
  return (extreme + 1) / (differences.length + 1)
}

function deviationOf(values: Float64Array): number {
  const mean = values.reduce((sum, value) => sum + value, 0) / values.length
  return Math.sqrt(values.reduce((sum, value) => sum + (value - mean) ** 2, 0) / (values.length - 1))
}

/**
 * Compares two runs by a figure of the corpus on the items that both scored: difference (run − baseline) with the 95 %
 * interval of the paired bootstrap (percentiles), and a two-sided test, approximate randomization unless the bootstrap is
 * asked for. Clusters are drawn and change sides whole. p and interval are null below two items (clusters).
 * @throws RangeError for a test of scores of items
 */
export function compareCorpora(pairs: PairedCorpora, { test = 'approximate-randomization', comparisons = 1, margin, higherIsBetter = true }: PairedOptions = {}): PairedResult {
  if (!isCorpusTest(test)) throw new RangeError(`the test ${test} is for scores of items, and this is a figure of the whole corpus; ${CORPUS_TESTS.join(' and ')} are for those`)
  const units = unitsOf(pairs)
  const { difference } = units
  const counts = countsOf(pairs)
  const base = { n: pairs.run.length, difference, method: test, ...counts, correlation: correlationOf(pairs.run, pairs.baseline) }
  if (units.count < 2 || !Number.isFinite(difference)) return { ...base, low: null, high: null, p: null, minimumDetectable: null, pNonInferior: null }
  const differences = resampledDifferences(units)
  const error = deviationOf(differences)
  return {
    ...base,
    low: quantile(differences, 0.025),
    high: quantile(differences, 0.975),
    p: test === 'paired-bootstrap' ? shiftedBootstrap(differences, difference) : approximateRandomization(units),
    minimumDetectable: error > 0 ? minimumDetectable(error, { comparisons }) : null,
    pNonInferior: margin === undefined ? null : (differences.reduce((count, value) => count + Number((higherIsBetter ? value : -value) + margin <= 0), 0) + 1) / (differences.length + 1),
  }
}

function isCorpusTest(test: string): test is CorpusTestName {
  return CORPUS_TESTS.some((name) => name === test)
}

function countsOf({ run, baseline }: PairedCorpora): { wins: number; losses: number; ties: number } {
  const counts = { wins: 0, losses: 0, ties: 0 }
  for (let item = 0; item < run.length; item++) {
    const [mine, theirs] = [run[item] ?? NaN, baseline[item] ?? NaN]
    counts[mine > theirs ? 'wins' : mine < theirs ? 'losses' : 'ties']++
  }
  return counts
}

/** The difference in standard errors, by leaving out each unit in turn (jackknife): quick, for pictures of many pairs. */
export function corpusZ(pairs: PairedCorpora): number {
  const { run, baseline, width, count, figure, difference } = unitsOf(pairs)
  if (count < 2) return 0
  const both = interleaved(run, baseline, width)
  const figureOfBoth = (sums: Float64Array): number => figure(sums.subarray(0, width)) - figure(sums.subarray(width))
  const left = jackknifeOf(both, sumRows({ rows: both, width: 2 * width }), figureOfBoth)
  const mean = left.reduce((sum, value) => sum + value, 0) / count
  const error = Math.sqrt(((count - 1) / count) * left.reduce((sum, value) => sum + (value - mean) ** 2, 0))
  return error > 0 ? difference / error : 0
}

function interleaved(run: Float64Array, baseline: Float64Array, width: number): Float64Array {
  const both = new Float64Array(2 * run.length)
  for (let start = 0; start < run.length; start += width) {
    both.set(run.subarray(start, start + width), 2 * start)
    both.set(baseline.subarray(start, start + width), 2 * start + width)
  }
  return both
}
