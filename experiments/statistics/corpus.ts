/*
 * Figures of a whole corpus that are no means of its items. Each is a function of sums of a few counts per item, so the
 * figure of any part of the corpus is told by adding up, which is what resampling needs.
 */
import type { CorpusFigure } from '../../server/contracts/index.js'

/** Counts of n items, [n, width] row-major. */
export interface CorpusRows {
  of: CorpusFigure
  width: number
  rows: Float64Array
}

export interface CorpusFigureInfo {
  higherIsBetter: boolean
  /** Of summed counts. */
  figure(sums: ArrayLike<number>): number
}

const BLEU_ORDER = 4
const CHRF_BETA = 2

/** What each sums up; see the functions. */
export const CORPUS_FIGURE: Readonly<Record<CorpusFigure, CorpusFigureInfo>> = {
  bleu: { higherIsBetter: true, figure: bleuOf },
  chrf: { higherIsBetter: true, figure: chrfOf },
  'chrf++': { higherIsBetter: true, figure: chrfOf },
  ter: { higherIsBetter: false, figure: terOf },
  perplexity: { higherIsBetter: false, figure: perplexityOf },
  bits: { higherIsBetter: false, figure: bitsOf },
  f1: { higherIsBetter: true, figure: f1Of },
  mcc: { higherIsBetter: true, figure: mccOf },
}

/**
 * BLEU (Papineni et al. 2002, doi:10.3115/1073083.1073135) as sacreBLEU scales it, 0 to 100. Orders without a match count
 * as 1/2, 1/4, … of one match (mteval's "exp" smoothing). 0 where no word matches.
 * @param sums tokens of the answers, tokens of the references, clipped matches for n = 1 to 4, n-grams of the answers
 * @param effectiveOrder only the orders that the answers are long enough for, as is right for one sentence
 */
export function bleuOf(sums: ArrayLike<number>, effectiveOrder = false): number {
  const at = (place: number): number => sums[place] ?? 0
  const [answer, reference] = [at(0), at(1)]
  const orders = Array.from({ length: BLEU_ORDER }, (_, n) => ({ matches: at(2 + n), total: at(2 + BLEU_ORDER + n) })).filter(({ total }) => !effectiveOrder || total > 0)
  if (orders.every(({ matches }) => matches === 0) || orders.some(({ total }) => total === 0)) return 0
  let smoothing = 1
  let logPrecision = 0
  for (const { matches, total } of orders) {
    if (matches === 0) smoothing *= 2
    logPrecision += Math.log(matches === 0 ? 1 / (smoothing * total) : matches / total)
  }
  const brevity = answer < reference ? 1 - reference / answer : 0
  return 100 * Math.exp(brevity + logPrecision / orders.length)
}

/**
 * chrF2 (Popović 2015, W15-3049), and with word orders among them chrF++ (Popović 2017, W17-4770), as sacreBLEU scales
 * them, 0 to 100: F-score, recall weighing β² = 4, of precision and recall averaged over the orders that both sides reach.
 * @param sums for each order the n-grams of the answers, of the references, and those they share
 */
export function chrfOf(sums: ArrayLike<number>): number {
  let [precision, recall, orders] = [0, 0, 0]
  for (let place = 0; place < sums.length; place += 3) {
    const [given, wanted, shared] = [sums[place] ?? 0, sums[place + 1] ?? 0, sums[place + 2] ?? 0]
    if (given === 0 || wanted === 0) continue
    precision += shared / given
    recall += shared / wanted
    orders++
  }
  if (precision + recall === 0) return 0
  const weight = CHRF_BETA ** 2
  return (100 * (1 + weight) * precision * recall) / (weight * precision + recall) / orders
}

/** Translation edit rate (Snover et al. 2006), edits per 100 words of reference. @param sums edits, mean words of the references */
function terOf(sums: ArrayLike<number>): number {
  const [edits, words] = [sums[0] ?? 0, sums[1] ?? 0]
  if (words > 0) return (100 * edits) / words
  return edits > 0 ? 100 : 0
}

/** e to the nats per unit: word, byte, or target. @param sums negative log-likelihood in nats, units */
function perplexityOf(sums: ArrayLike<number>): number {
  return Math.exp((sums[0] ?? 0) / (sums[1] ?? 0))
}

/** @param sums negative log-likelihood in nats, bytes */
function bitsOf(sums: ArrayLike<number>): number {
  return (sums[0] ?? 0) / Math.LN2 / (sums[1] ?? 0)
}

/** F1 of the second of two choices. @param sums true positives, false positives, false negatives */
function f1Of(sums: ArrayLike<number>): number {
  const [right, added, missed] = [sums[0] ?? 0, sums[1] ?? 0, sums[2] ?? 0]
  return right + added + missed === 0 ? 0 : (2 * right) / (2 * right + added + missed)
}

/**
 * Matthews' correlation coefficient for any number of classes, R_K (Gorodkin 2004, doi:10.1016/j.compbiolchem.2004.09.006);
 * 0 where one side never varies.
 * @param sums right answers, answers, then for each class how often it was given and how often it was right
 */
function mccOf(sums: ArrayLike<number>): number {
  const [right, all] = [sums[0] ?? 0, sums[1] ?? 0]
  let [product, given, wanted] = [0, 0, 0]
  for (let place = 2; place < sums.length; place += 2) {
    const [p, t] = [sums[place] ?? 0, sums[place + 1] ?? 0]
    product += p * t
    given += p * p
    wanted += t * t
  }
  const spread = (all * all - given) * (all * all - wanted)
  return spread <= 0 ? 0 : (right * all - product) / Math.sqrt(spread)
}

/** Sums of the rows of each unit that is drawn as a whole: a cluster, or one item. */
export function unitRows({ rows, width }: Pick<CorpusRows, 'rows' | 'width'>, clusters: { index: Int32Array; count: number } | null): { rows: Float64Array; count: number } {
  if (clusters === null) return { rows, count: rows.length / width }
  const sums = new Float64Array(clusters.count * width)
  for (let place = 0; place < rows.length; place++) {
    const at = (clusters.index[Math.floor(place / width)] ?? 0) * width + (place % width)
    sums[at] = (sums[at] ?? 0) + (rows[place] ?? 0)
  }
  return { rows: sums, count: clusters.count }
}

/** Column sums of all rows. */
export function sumRows({ rows, width }: Pick<CorpusRows, 'rows' | 'width'>): Float64Array {
  const sums = new Float64Array(width)
  for (let place = 0; place < rows.length; place++) sums[place % width] = (sums[place % width] ?? 0) + (rows[place] ?? 0)
  return sums
}
