/*
 * BLEU (Papineni et al. 2002, doi:10.3115/1073083.1073135) as sacreBLEU computes it (Post 2018, W18-6319):
 * mteval-v13a tokens, n-grams up to 4, case kept, on a scale of 0 to 1.
 */
import { countOf, overlap } from './words.js'

const ORDER = 4

/** What BLEU needs of one answer; the statistics of several add up to those of the corpus. */
export interface BleuStatistics {
  /** Clipped matches and n-grams of the answer, for n = 1 to 4. */
  matches: number[]
  totals: number[]
  answerTokens: number
  /** Length of the reference closest in length to the answer, the shorter of two as close. */
  referenceTokens: number
}

/** Of one answer against its references, of which an n-gram may be matched as often as the one reference that has it most. */
export function bleuStatistics(answer: string, references: readonly string[]): BleuStatistics {
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
  return { matches, totals, answerTokens: given.length, referenceTokens: closestLength(given.length, wanted.map(({ length }) => length)) }
}

/**
 * BLEU of a whole corpus, from the summed statistics. Orders without a match count as 1/2, 1/4, … of one
 * match (the "exp" smoothing of mteval). 0 where no word matches.
 */
export function corpusBleu(parts: readonly BleuStatistics[]): number {
  const sum = (pick: (part: BleuStatistics) => number): number => parts.reduce((total, part) => total + pick(part), 0)
  const orders = Array.from({ length: ORDER }, (_, index) => ({ matches: sum((part) => part.matches[index] ?? 0), total: sum((part) => part.totals[index] ?? 0) }))
  return bleuOf(orders, { answerTokens: sum((part) => part.answerTokens), referenceTokens: sum((part) => part.referenceTokens) })
}

/**
 * BLEU of one answer, over the orders it is long enough for (sacreBLEU's effective order). Noisy by nature:
 * its mean over items is not the BLEU of the corpus.
 */
export function sentenceBleu(answer: string, references: readonly string[]): number {
  const { matches, totals, ...lengths } = bleuStatistics(answer, references)
  const orders = matches.map((count, index) => ({ matches: count, total: totals[index] ?? 0 }))
  return bleuOf(orders.filter(({ total }) => total > 0), lengths)
}

function bleuOf(orders: readonly { matches: number; total: number }[], { answerTokens, referenceTokens }: { answerTokens: number; referenceTokens: number }): number {
  if (orders.every(({ matches }) => matches === 0) || orders.some(({ total }) => total === 0)) return 0
  let smoothing = 1
  let logPrecision = 0
  for (const { matches, total } of orders) {
    if (matches === 0) smoothing *= 2
    logPrecision += Math.log(matches === 0 ? 1 / (smoothing * total) : matches / total)
  }
  const brevity = answerTokens < referenceTokens ? 1 - referenceTokens / answerTokens : 0
  return Math.exp(brevity + logPrecision / orders.length)
}

function closestLength(length: number, candidates: readonly number[]): number {
  return [...candidates].sort((a, b) => Math.abs(a - length) - Math.abs(b - length) || a - b)[0] ?? 0
}

const ENTITIES: Readonly<Record<string, string>> = { '&quot;': '"', '&amp;': '&', '&lt;': '<', '&gt;': '>' }

/** Words and marks as mteval-v13a.pl parts them: symbols stand alone, "." and "," too unless between digits, a dash after a digit. */
export function tokenize13a(text: string): string[] {
  const line = text.replaceAll('<skipped>', '').replaceAll('-\n', '').replaceAll('\n', ' ').replace(/&(?:quot|amp|lt|gt);/g, (entity) => ENTITIES[entity] ?? entity)
  return ` ${line} `
    .replace(/([{-~[-` -&(-+:-@/])/g, ' $1 ')
    .replace(/([^0-9])([.,])/g, '$1 $2 ')
    .replace(/([.,])([^0-9])/g, ' $1 $2')
    .replace(/([0-9])(-)/g, '$1 $2 ')
    .split(/\s+/u)
    .filter((token) => token !== '')
}

function* gramsOf(tokens: readonly string[], n: number): Generator<string> {
  // A space cannot stand in a token, so it parts the tokens of a gram beyond doubt.
  for (let start = 0; start + n <= tokens.length; start++) yield tokens.slice(start, start + n).join(' ')
}
