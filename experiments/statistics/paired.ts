import { criticalT95, studentTCdf } from './distributions.js'
import { clusterIndex, clusteredError, type Interval, meanOf, squaredError } from './intervals.js'
import { mcnemarExact, mcnemarMidP, type PairedTable, pairedProportionAbove, pairedProportionInterval } from './mcnemar.js'
import { discordanceNeeded, minimumDetectable } from './power.js'
import { signFlipLimit, signFlipTest, signFlipZ } from './sign-flip.js'
import { wilcoxonTest } from './wilcoxon.js'

/** Scores of two runs on the same items, in the same order. */
export interface PairedScores {
  run: ArrayLike<number>
  baseline: ArrayLike<number>
  clusters?: readonly (string | null)[] | undefined
  /** Every score is 0 or 1. */
  binary: boolean
}

const ITEM_TESTS = ['mcnemar-exact', 'mcnemar-mid-p', 'permutation', 'wilcoxon', 'paired-t'] as const
export type ItemTestName = (typeof ITEM_TESTS)[number]
/** For figures of a whole corpus; see paired-corpus.ts. */
export const CORPUS_TESTS = ['approximate-randomization', 'paired-bootstrap'] as const
export type CorpusTestName = (typeof CORPUS_TESTS)[number]
export const PAIRED_TESTS = [...ITEM_TESTS, ...CORPUS_TESTS] as const
export type PairedTestName = ItemTestName | CorpusTestName

export interface PairedOptions {
  /** Left out: exact McNemar for 0/1 scores of independent items, else the permutation test. */
  test?: PairedTestName | undefined
  /** How many comparisons share the 5 %; the detectable difference allows for it. */
  comparisons?: number
  /** Also asks whether the run is worse than the baseline by less than this, in the unit of the scores. */
  margin?: number | undefined
  /** For `margin`: which direction is worse. */
  higherIsBetter?: boolean
}

export interface PairedResult {
  n: number
  difference: number
  low: number | null
  high: number | null
  p: number | null
  method: PairedTestName
  wins: number
  losses: number
  ties: number
  /** Pearson's correlation of both runs' scores over the items; null where one of them never varies. */
  correlation: number | null
  minimumDetectable: number | null
  /** One-sided p-value that the run is not worse by the margin or more; null without a margin, or below two items (clusters). */
  pNonInferior: number | null
}

/** What is known of the differences once they are laid out. */
interface Differences {
  values: Float64Array
  clusters: { index: Int32Array; count: number } | null
  /** Clusters, or items where none share one. */
  units: number
  mean: number
  /** Standard error of the mean. */
  error: number
}

function sumByCluster({ values, clusters }: Differences): Float64Array {
  if (clusters === null) return values
  const sums = new Float64Array(clusters.count)
  for (let item = 0; item < values.length; item++) {
    const cluster = clusters.index[item] ?? 0
    sums[cluster] = (sums[cluster] ?? 0) + (values[item] ?? 0)
  }
  return sums
}

function differencesOf({ run, baseline, clusters: names }: Omit<PairedScores, 'binary'>): Differences {
  const values = new Float64Array(run.length)
  for (let item = 0; item < values.length; item++) values[item] = (run[item] ?? 0) - (baseline[item] ?? 0)
  const clusters = clusterIndex(names)
  return {
    values,
    clusters,
    units: clusters?.count ?? values.length,
    mean: meanOf(values),
    error: clusters ? clusteredError(values, clusters) : Math.sqrt(squaredError(values)),
  }
}

/** Difference of two runs in its standard errors under no difference, by cluster where items share one: the permutation test's normal limit. */
export function pairedZ(scores: Omit<PairedScores, 'binary'>): number {
  return signFlipZ(sumByCluster(differencesOf(scores)))
}

/**
 * Mean difference and two-sided p-value without any resampling, down to the smallest p: exact
 * McNemar for 0/1 scores of independent items, else sign flips by cluster, exact for up to 16 and by
 * their normal limit beyond. What group-sequential limits are held against.
 */
export function pairedEvidence(scores: PairedScores): { difference: number; p: number } {
  const found = differencesOf(scores)
  if (!scores.binary || found.clusters !== null) return { difference: found.mean, p: signFlipLimit(sumByCluster(found)) }
  const { run, baseline } = tableOf(scores)
  return { difference: found.mean, p: mcnemarExact(run, baseline) }
}

/** Pearson's product-moment correlation; null where one side does not vary. */
export function correlationOf(a: ArrayLike<number>, b: ArrayLike<number>): number | null {
  const [meanA, meanB] = [meanOf(a), meanOf(b)]
  let together = 0
  let squaresA = 0
  let squaresB = 0
  for (let i = 0; i < a.length; i++) {
    const x = (a[i] ?? 0) - meanA
    const y = (b[i] ?? 0) - meanB
    together += x * y
    squaresA += x * x
    squaresB += y * y
  }
  return squaresA === 0 || squaresB === 0 ? null : together / Math.sqrt(squaresA * squaresB)
}

function tableOf({ run, baseline }: PairedScores): PairedTable {
  const table = { both: 0, run: 0, baseline: 0, neither: 0 }
  for (let item = 0; item < run.length; item++) {
    if (run[item] === 1) table[baseline[item] === 1 ? 'both' : 'run']++
    else table[baseline[item] === 1 ? 'baseline' : 'neither']++
  }
  return table
}

/**
 * Which test is made: the one asked for, if it holds for these scores. McNemar's and Wilcoxon's take
 * items for independent, so where items share clusters only those remain that go by cluster (Miller,
 * arXiv 2411.00640, §4).
 * @throws RangeError for a test that the scores cannot carry
 */
function testFor(scores: PairedScores, isClustered: boolean, asked: PairedTestName | undefined): ItemTestName {
  if (asked === 'approximate-randomization' || asked === 'paired-bootstrap') throw new RangeError(`the test ${asked} is for figures of a whole corpus, and these are scores of items`)
  if (asked === undefined) return scores.binary && !isClustered ? 'mcnemar-exact' : 'permutation'
  if (isClustered && asked !== 'permutation' && asked !== 'paired-t') throw new RangeError(`the test ${asked} takes items for independent, and these share clusters; permutation and paired-t go by cluster`)
  if (!scores.binary && (asked === 'mcnemar-exact' || asked === 'mcnemar-mid-p')) throw new RangeError(`the test ${asked} is for scores of 0 and 1, and these take other values`)
  return asked
}

function pOf(test: ItemTestName, found: Differences, { wins, losses }: { wins: number; losses: number }): number {
  switch (test) {
    case 'mcnemar-exact':
      return mcnemarExact(wins, losses)
    case 'mcnemar-mid-p':
      return mcnemarMidP(wins, losses)
    case 'permutation':
      return signFlipTest(sumByCluster(found))
    case 'wilcoxon':
      return wilcoxonTest(found.values)
    case 'paired-t':
      return found.error === 0 ? (found.mean === 0 ? 1 : 0) : Math.min(1, 2 * studentTCdf(-Math.abs(found.mean) / found.error, found.units - 1))
  }
}

/**
 * Compares two runs on the items that both scored: mean difference (run − baseline) with a 95 %
 * interval, and a two-sided test. 0/1 scores: exact McNemar and Newcombe's interval; other
 * scores: sign-flip permutation and Student's t. Where items share clusters the signs are flipped
 * and the error computed by cluster, for 0/1 scores too. p and interval are null below two items
 * (clusters).
 * @returns difference in the unit of the scores
 * @throws RangeError for scores of unequal length, none at all, or a test that does not fit them
 */
export function comparePaired(scores: PairedScores, options: PairedOptions = {}): PairedResult {
  const n = scores.run.length
  if (n !== scores.baseline.length || n === 0) throw new RangeError(`paired scores must be of one length above 0, got ${n} and ${scores.baseline.length}`)
  const found = differencesOf(scores)
  const counts = { wins: 0, losses: 0 }
  for (const value of found.values) {
    if (value > 0) counts.wins++
    else if (value < 0) counts.losses++
  }
  const method = testFor(scores, found.clusters !== null, options.test)
  const table = scores.binary && found.clusters === null ? tableOf(scores) : null
  const isTestable = found.units >= 2
  return {
    n,
    difference: found.mean,
    ...(isTestable ? differenceInterval(found, table) : { low: null, high: null }),
    p: isTestable ? pOf(method, found, counts) : null,
    method,
    ...counts,
    ties: n - counts.wins - counts.losses,
    correlation: correlationOf(scores.run, scores.baseline),
    minimumDetectable: isTestable ? detectable(found, scores.binary, options.comparisons ?? 1) : null,
    pNonInferior: isTestable && options.margin !== undefined ? pNonInferior(found, table, { margin: options.margin, higherIsBetter: options.higherIsBetter ?? true }) : null,
  }
}

function differenceInterval({ mean, error, units }: Differences, table: PairedTable | null): Pick<Interval, 'low' | 'high'> {
  if (table !== null) return pairedProportionInterval(table)
  const half = criticalT95(units - 1) * error
  return { low: mean - half, high: mean + half }
}

/** From the standard error seen; for 0/1 scores never below what the fewest discordant items that a test accepts would be. */
function detectable({ error, units }: Differences, binary: boolean, comparisons: number): number | null {
  const byError = minimumDetectable(error, { comparisons })
  if (binary) return Math.max(byError, discordanceNeeded(units, { comparisons }))
  return error === 0 ? null : byError
}

function pNonInferior({ mean, error, units }: Differences, table: PairedTable | null, { margin, higherIsBetter }: { margin: number; higherIsBetter: boolean }): number {
  if (table !== null) return pairedProportionAbove(higherIsBetter ? table : { ...table, run: table.baseline, baseline: table.run }, -margin)
  const gained = (higherIsBetter ? mean : -mean) + margin
  if (error === 0) return gained > 0 ? 0 : 1
  return studentTCdf(-gained / error, units - 1)
}
