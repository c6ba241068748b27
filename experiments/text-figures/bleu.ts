/* What BLEU is made of (Papineni et al. 2002), as sacreBLEU counts it (Post 2018, W18-6319): mteval-v13a tokens, n-grams up to 4, case kept. */
import { bleuOf } from '../statistics/corpus.js'
import { countOf, overlap, pythonTrimEnd, pythonWords } from './words.js'

const ORDER = 4

/**
 * Of one answer against its references, of which an n-gram may be matched as often as the one reference that has it most.
 * @returns tokens of the answer; tokens of the reference closest in length, the shorter of two as close; clipped matches
 * and then n-grams of the answer for n = 1 to 4. Those of several answers add up to those of the corpus.
 */
export function bleuStatistics(answer: string, references: readonly string[]): number[] {
  const given = tokenize13a(answer)
  const wanted = references.map(tokenize13a)
  const matches: number[] = []
  const totals: number[] = []
  for (let n = 1; n <= ORDER; n++) {
    const most = new Map<string, number>()
    for (const tokens of wanted) {
      for (const [gram, count] of countOf(gramsOf(tokens, n))) most.set(gram, Math.max(count, most.get(gram) ?? 0))
    }
    matches.push(overlap(countOf(gramsOf(given, n)), most))
    totals.push(Math.max(0, given.length - n + 1))
  }
  return [given.length, closestLength(given.length, wanted.map(({ length }) => length)), ...matches, ...totals]
}

/**
 * BLEU of one answer, 0 to 1, over the orders it is long enough for (sacreBLEU's effective order). Noisy by nature:
 * its mean over items is not the BLEU of the corpus.
 */
export function sentenceBleu(answer: string, references: readonly string[]): number {
  return bleuOf(bleuStatistics(answer, references), true) / 100
}

function closestLength(length: number, candidates: readonly number[]): number {
  return [...candidates].sort((a, b) => Math.abs(a - length) - Math.abs(b - length) || a - b)[0] ?? 0
}

/** Words and marks as mteval-v13a.pl parts them: symbols stand alone, "." and "," too unless between digits, a dash after a digit. */
export function tokenize13a(text: string): string[] {
  const line = pythonTrimEnd(text).replaceAll('<skipped>', '').replaceAll('-\n', '').replaceAll('\n', ' ')
  // One after the other, as there: "&amp;lt;" becomes "<".
  const plain = line.replaceAll('&quot;', '"').replaceAll('&amp;', '&').replaceAll('&lt;', '<').replaceAll('&gt;', '>')
  return pythonWords(
    ` ${plain} `
      .replace(/([{-~[-` -&(-+:-@/])/g, ' $1 ')
      .replace(/([^0-9])([.,])/g, '$1 $2 ')
      .replace(/([.,])([^0-9])/g, ' $1 $2')
      .replace(/([0-9])(-)/g, '$1 $2 '),
  )
}

function* gramsOf(tokens: readonly string[], n: number): Generator<string> {
  // A space cannot stand in a token, so it parts the tokens of a gram beyond doubt.
  for (let start = 0; start + n <= tokens.length; start++) yield tokens.slice(start, start + n).join(' ')
}
