/* How near the answer is to a reference: edit distance, ROUGE-1, BLEU and vectors, with promptfoo's tokens and thresholds. */
import type { Assertion } from '../../../server/contracts/index.js'
import { editDistance } from '../text-overlap.js'
import { countOf, overlap } from '../words.js'
import { AssertionError, atLeast, holds, textValue, textValues, type Check } from './check.js'
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

/** Cosine of at least `threshold` (0.75) with the text, or with one of several; turned round: with none. */
export function similar(assertion: Assertion): Check {
  const texts = textValues(assertion)
  const { threshold = 0.75, not, grader } = assertion
  if (threshold < -1 || threshold > 1) throw new AssertionError(`similar: threshold is ${threshold}; a cosine lies between -1 and 1`)
  return async ({ output, similarity }) => {
    const cosines = await Promise.all(texts.map((text) => similarity(grader, text, output)))
    const nearest = Math.max(...cosines)
    const pass = not ? nearest <= threshold + Number.EPSILON : nearest >= threshold - Number.EPSILON
    return { pass, score: not ? 1 - nearest : nearest }
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

function* gramsOf(words: readonly string[], order: number): Generator<string> {
  for (let start = 0; start + order <= words.length; start++) yield words.slice(start, start + order).join(' ')
}

function sizeOf(counts: ReadonlyMap<string, number>): number {
  return [...counts.values()].reduce((sum, count) => sum + count, 0)
}
