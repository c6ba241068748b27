/* What chrF (Popović 2015, W15-3049) and chrF++ (Popović 2017, W17-4770) are made of, as sacreBLEU counts it. */
import { chrfOf } from '../statistics/corpus.js'
import { countOf, overlap, pythonWords } from './words.js'

const CHARACTER_ORDER = 6
const ASCII_PUNCTUATION = /[!-/:-@[-`{-~]/

/**
 * For each order (characters without white space up to 6, then words up to `wordOrder`) the n-grams of the answer, of
 * the reference, and those they share; of several references the one with the best F-score. n-grams of an order that the
 * reference does not reach are not counted against the answer.
 */
export function chrfStatistics(answer: string, references: readonly string[], { wordOrder = 0 } = {}): number[] {
  const given = gramsByOrder(answer, wordOrder)
  const found = references.map((reference) => gramsByOrder(reference, wordOrder).flatMap((wanted, place) => compared(given[place] ?? new Map(), wanted)))
  const [first, ...others] = found
  if (first === undefined) return given.flatMap(() => [0, 0, 0])
  return others.reduce((best, one) => (chrfOf(one) > chrfOf(best) ? one : best), first)
}

/** chrF2 of one answer, 0 to 1. */
export function chrF(answer: string, reference: string): number {
  return chrfOf(chrfStatistics(answer, [reference])) / 100
}

function compared(given: ReadonlyMap<string, number>, wanted: ReadonlyMap<string, number>): [number, number, number] {
  return [wanted.size === 0 ? 0 : sizeOf(given), sizeOf(wanted), overlap(given, wanted)]
}

function gramsByOrder(text: string, wordOrder: number): Map<string, number>[] {
  const words = pythonWords(text)
  const characters = [...words.join('')]
  const parts = wordOrder === 0 ? [] : words.flatMap(withoutPunctuation)
  const orders = (highest: number): number[] => Array.from({ length: highest }, (_, index) => index + 1)
  return [...orders(CHARACTER_ORDER).map((n) => countOf(gramsOf(characters, n, ''))), ...orders(wordOrder).map((n) => countOf(gramsOf(parts, n, ' ')))]
}

/** A mark at the end of a word stands alone, else one at its beginning: "(so)" is "(so" and ")". */
function withoutPunctuation(word: string): string[] {
  const characters = [...word]
  const [first = '', last = ''] = [characters[0], characters.at(-1)]
  if (characters.length === 1) return [word]
  if (ASCII_PUNCTUATION.test(last)) return [characters.slice(0, -1).join(''), last]
  return ASCII_PUNCTUATION.test(first) ? [first, characters.slice(1).join('')] : [word]
}

function sizeOf(counts: ReadonlyMap<string, number>): number {
  let size = 0
  for (const count of counts.values()) size += count
  return size
}

function* gramsOf(parts: readonly string[], n: number, joint: string): Generator<string> {
  for (let start = 0; start + n <= parts.length; start++) yield parts.slice(start, start + n).join(joint)
}
