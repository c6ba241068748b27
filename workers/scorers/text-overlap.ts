/* Longer answers against a reference: ROUGE and edit similarity. All lie in [0, 1], higher is better. */
import { countOf, overlap, plainWords } from '../../experiments/text-figures/words.js'

/**
 * F1 of the longest common subsequence of words (Lin 2004, "ROUGE: A Package for Automatic Evaluation of
 * Summaries", §3; as rouge_score's rougeL without stemming). 0 where one side has no words.
 */
export function rougeL(answer: string, reference: string): number {
  const given = plainWords(answer)
  const wanted = plainWords(reference)
  if (given.length === 0 || wanted.length === 0) return 0
  return (2 * longestCommonSubsequence(given, wanted)) / (given.length + wanted.length)
}

/** F1 of shared words (n = 1) or word pairs (n = 2), each counted as often as both sides have it (Lin 2004, §2; as rouge_score's, without stemming). */
export function rougeN(answer: string, reference: string, n: number): number {
  const [given, wanted] = [plainWords(answer), plainWords(reference)].map((words) => countOf(gramsOf(words, n, ' ')))
  if (given === undefined || wanted === undefined) return 0
  const sizeOf = (counts: ReadonlyMap<string, number>): number => [...counts.values()].reduce((sum, count) => sum + count, 0)
  const size = sizeOf(given) + sizeOf(wanted)
  return size === 0 ? 0 : (2 * overlap(given, wanted)) / size
}

/**
 * 1 − d / length of the longer text, d being the fewest insertions, deletions and replacements of characters
 * (Unicode code points) that make one text the other (Levenshtein 1966). 1 for two empty texts.
 */
export function editSimilarity(answer: string, reference: string): number {
  const [given, wanted] = [[...answer.normalize('NFC')], [...reference.normalize('NFC')]]
  const longest = Math.max(given.length, wanted.length)
  return longest === 0 ? 1 : 1 - editDistance(given, wanted) / longest
}

/** In O(left · right) time and O(right) memory. */
export function editDistance(left: readonly string[], right: readonly string[]): number {
  let above = Uint32Array.from({ length: right.length + 1 }, (_, index) => index)
  for (const [row, character] of left.entries()) {
    const current = new Uint32Array(right.length + 1)
    current[0] = row + 1
    for (const [column, other] of right.entries()) {
      const replaced = (above[column] ?? 0) + (character === other ? 0 : 1)
      current[column + 1] = Math.min(replaced, (above[column + 1] ?? 0) + 1, (current[column] ?? 0) + 1)
    }
    above = current
  }
  return above[right.length] ?? 0
}

/** Length of it, in O(left · right) time and O(right) memory. */
function longestCommonSubsequence(left: readonly string[], right: readonly string[]): number {
  let above = new Uint32Array(right.length + 1)
  for (const word of left) {
    const row = new Uint32Array(right.length + 1)
    right.forEach((other, index) => {
      row[index + 1] = word === other ? (above[index] ?? 0) + 1 : Math.max(row[index] ?? 0, above[index + 1] ?? 0)
    })
    above = row
  }
  return above[right.length] ?? 0
}

function* gramsOf(parts: readonly string[], n: number, joint: string): Generator<string> {
  for (let start = 0; start + n <= parts.length; start++) yield parts.slice(start, start + n).join(joint)
}
