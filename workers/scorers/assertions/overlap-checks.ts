/* How near the answer is to a reference: edit distance, ROUGE-1, BLEU and vectors, with promptfoo's tokens and thresholds. */
import type { Assertion } from '../../../server/contracts/index.js'
import { editDistance } from '../text-overlap.js'
import { countOf, overlap } from '../../../experiments/text-figures/words.js'
import { AssertionError, atLeast, holds, textValue, textValues, type Check, type CheckMaker, type Outcome, type VectorMeasure } from './check.js'
import { treebankTokens } from './treebank-tokens.js'

/** At most `threshold` (5) insertions, deletions and replacements of UTF-16 units. */
export function levenshtein(assertion: Assertion): Check {
  const wanted = textValue(assertion)
  const { threshold = 5, not } = assertion
  return ({ output }) => holds(editDistance(output.split(''), wanted.split('')) <= threshold !== not)
}

/** F1 of shared words in lower case (Lin 2004, §2), by the tokens of the Penn Treebank; at least `threshold` (0.75). */
export function rouge1(assertion: Assertion): Check {
  const wanted = countOf(treebankTokens(textValue(assertion).toLowerCase()))
  const size = sizeOf(wanted)
  const { threshold = 0.75, not } = assertion
  return ({ output }) => {
    const given = countOf(treebankTokens(output.toLowerCase()))
    const total = size + sizeOf(given)
    return atLeast(total === 0 ? 0 : (2 * overlap(given, wanted)) / total, threshold, not)
  }
}

/** At least `threshold` (0.5) of BLEU-4 against the reference, or the best of several. */
export function bleu(assertion: Assertion): Check {
  const references = textValues(assertion).map(bleuTokens)
  const { threshold = 0.5, not } = assertion
  return ({ output }) => atLeast(bleuOf(bleuTokens(output), references), threshold, not)
}

/**
 * By the vectors of answer and text, or of several texts, the first that is near enough. A cosine or product reaches
 * `threshold` (0.75), a distance d does not exceed it and scores 1 / (1 + d); turned round: each text must be far.
 */
export const similar = (how: VectorMeasure): CheckMaker => (assertion) => {
  const texts = textValues(assertion)
  const { type, threshold = 0.75, not, grader } = assertion
  if (how === 'cosine' && (threshold < -1 || threshold > 1)) throw new AssertionError(`${type}: threshold is ${threshold}; a cosine lies between -1 and 1`)
  if (how === 'euclidean' && threshold < 0) throw new AssertionError(`${type}: threshold is ${threshold}; a distance is 0 or more`)
  const outcome = (value: number): Outcome => {
    const isNear = how === 'euclidean' ? value <= threshold + Number.EPSILON : value >= threshold - Number.EPSILON
    const isFar = how === 'euclidean' ? value >= threshold - Number.EPSILON : value <= threshold + Number.EPSILON
    const score = how === 'euclidean' ? 1 / (1 + value) : value
    return not ? { pass: isFar, score: 1 - score } : { pass: isNear, score }
  }
  return async ({ output, similarity }) => {
    const each = await Promise.all(texts.map(async (text) => outcome(await similarity(grader, text, output, how))))
    const decides = each.find(({ pass }) => pass !== not)
    const scores = each.map(({ score }) => score)
    return decides ?? { pass: not, score: not ? Math.min(...scores) : Math.max(...scores) }
  }
}

/**
 * At least `threshold` (0.5) of GLEU against the reference, or the best of several: of the n-grams of 1 to 4 words the
 * shared ones over those of the text that has more (Wu et al. 2016, arXiv:1609.08144, §4), in lower case, full stops
 * at the end of words left out.
 */
export function gleu(assertion: Assertion): Check {
  const references = textValues(assertion).map(gleuTokens)
  const { threshold = 0.5, not } = assertion
  return ({ output }) => {
    const given = gleuTokens(output)
    return atLeast(Math.max(...references.map((reference) => gleuOf(given, reference))), threshold, not)
  }
}

const HIGHEST_ORDER = 4
/** In place of a precision of 0, whose logarithm there is not. */
const SMALLEST_PRECISION = 1e-7

const bleuTokens = (text: string): string[] => text.toLowerCase().trim().split(/\s+/)

/**
 * Papineni et al. 2002 (doi 10.3115/1073083.1073135) over words in lower case, with uniform weights over the orders
 * that the answer is long enough for, and the length of the nearest reference (the shorter one of two).
 */
function bleuOf(given: readonly string[], references: readonly (readonly string[])[]): number {
  let sum = 0
  let orders = 0
  for (let order = 1; order <= Math.min(HIGHEST_ORDER, given.length); order++) {
    const grams = countOf(gramsOf(given, order))
    const shared = Math.max(...references.map((reference) => overlap(grams, countOf(gramsOf(reference, order)))))
    sum += Math.log(shared / (given.length - order + 1) || SMALLEST_PRECISION)
    orders += 1
  }
  const length = references.map((reference) => reference.length).sort((a, b) => Math.abs(a - given.length) - Math.abs(b - given.length) || a - b)[0] ?? 0
  const brevity = given.length > length ? 1 : Math.exp(1 - length / given.length)
  return brevity * Math.exp(sum / orders)
}

function gleuTokens(text: string): string[] {
  const words = text.toLowerCase().trim().split(/\s+/).map((word) => word.replace(/\.+$/, ''))
  return words.some((word) => word !== '') ? words : []
}

function gleuOf(given: readonly string[], reference: readonly string[]): number {
  if (given.length === 0 || reference.length === 0) return 0
  let [shared, ofGiven, ofReference] = [0, 0, 0]
  for (let order = 1; order <= HIGHEST_ORDER; order++) {
    shared += overlap(countOf(gramsOf(given, order)), countOf(gramsOf(reference, order)))
    ofGiven += Math.max(0, given.length - order + 1)
    ofReference += Math.max(0, reference.length - order + 1)
  }
  return shared / Math.max(ofGiven, ofReference)
}

function* gramsOf(words: readonly string[], order: number): Generator<string> {
  for (let start = 0; start + order <= words.length; start++) yield words.slice(start, start + order).join(' ')
}

function sizeOf(counts: ReadonlyMap<string, number>): number {
  return [...counts.values()].reduce((sum, count) => sum + count, 0)
}
