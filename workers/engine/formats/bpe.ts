// Trains a byte-level byte-pair encoding. Text is cut into pre-tokens, equal pre-tokens are counted once,
// and the most frequent adjacent pair is merged again and again; pair counts are kept up to date by
// touching only the words that hold the merged pair. Ties go to the pair with the lower ids, so the same
// text gives the same vocabulary on every machine.
// Sennrich et al. 2016 (arXiv 1508.07909); byte alphabet of GPT-2 (Radford et al. 2019).

import { EngineError } from '../engine-error.js'
import { PairHeap } from './pair-heap.js'

/**
 * How text is cut before merging: words with at most one leading non-letter, digits by at most three,
 * runs of punctuation, line ends, blanks. The split of GPT-4 and Llama 3 without the English contractions.
 */
export const PRE_TOKEN_PATTERN = '[^\\r\\n\\p{L}\\p{N}]?\\p{L}+|\\p{N}{1,3}| ?[^\\s\\p{L}\\p{N}]+[\\r\\n]*|\\s*[\\r\\n]+|\\s+(?!\\S)|\\s+'

/** Pair keys are left · 2^21 + right, exact in a double. */
const KEY_BASE = 2 ** 21

export interface BpeVocabulary {
  /** Token texts in the byte alphabet, by id: special tokens, the 256 bytes, then one token per merge. */
  tokens: string[]
  /** Pairs of token texts in order of priority. */
  merges: Array<[string, string]>
  specialTokens: string[]
}

export interface TrainBpeOptions {
  vocabSize: number
  specialTokens: readonly string[]
  /** Pairs seen fewer times are not merged (default 2), so a small text may end below vocabSize. */
  minPairCount?: number
}

/** GPT-2's bijection byte → printable character: printable Latin-1 stands for itself, the rest moves to U+0100 and on. */
export function byteAlphabet(): string[] {
  const isPrintable = (byte: number): boolean => (byte >= 33 && byte <= 126) || (byte >= 161 && byte <= 172) || byte >= 174
  let moved = 0
  return Array.from({ length: 256 }, (_, byte) => String.fromCharCode(isPrintable(byte) ? byte : 256 + moved++))
}

/** Learns merges from texts (one document each). Throws `input_invalid` when vocabSize leaves no room for the 256 bytes. */
export function trainBpe(texts: Iterable<string>, { vocabSize, specialTokens, minPairCount = 2 }: TrainBpeOptions): BpeVocabulary {
  const firstMerged = specialTokens.length + 256
  if (!Number.isInteger(vocabSize) || vocabSize < firstMerged || vocabSize >= KEY_BASE) {
    throw new EngineError('input_invalid', `vocabSize is ${vocabSize}; it must be a whole number from ${firstMerged} (${specialTokens.length} special tokens + 256 bytes) to ${KEY_BASE - 1}`, { vocabSize })
  }
  const tokens = [...specialTokens, ...byteAlphabet()]
  const words = new PairCounts(countPreTokens(texts), specialTokens.length)
  const idOfToken = new Map(tokens.map((token, id) => [token, id]))
  const merges: Array<[string, string]> = []
  while (tokens.length < vocabSize) {
    const best = words.mostFrequentPair(minPairCount)
    if (best === undefined) break
    const left = tokens[Math.floor(best / KEY_BASE)] ?? ''
    const right = tokens[best % KEY_BASE] ?? ''
    merges.push([left, right])
    // Two different pairs can spell one token (a+bc, ab+c): both merge into the same id.
    const id = idOfToken.get(left + right) ?? tokens.push(left + right) - 1
    idOfToken.set(left + right, id)
    words.merge(best, id)
  }
  return { tokens, merges, specialTokens: [...specialTokens] }
}

function countPreTokens(texts: Iterable<string>): Map<string, number> {
  const pattern = new RegExp(PRE_TOKEN_PATTERN, 'gu')
  const counts = new Map<string, number>()
  for (const text of texts) {
    for (const piece of text.match(pattern) ?? []) counts.set(piece, (counts.get(piece) ?? 0) + 1)
  }
  return counts
}

/** The words being merged, with the count of every adjacent pair and the words each pair occurs in. */
class PairCounts {
  private readonly words: number[][] = []
  private readonly wordCounts: number[] = []
  private readonly pairCounts = new Map<number, number>()
  /** May name a word that has lost the pair since; merging it then changes nothing. */
  private readonly wordsOfPair = new Map<number, Set<number>>()
  private readonly heap = new PairHeap()
  private readonly changed = new Set<number>()

  constructor(preTokens: ReadonlyMap<string, number>, firstByteId: number) {
    const encoder = new TextEncoder()
    for (const [piece, count] of preTokens) {
      const index = this.words.length
      const word = Array.from(encoder.encode(piece), (byte) => firstByteId + byte)
      this.words.push(word)
      this.wordCounts.push(count)
      this.countWord(index, word, count)
    }
    this.queueChanged()
  }

  /** Key of the pair with the highest count, the lower key on ties; undefined when none reaches `minCount`. */
  mostFrequentPair(minCount: number): number | undefined {
    for (;;) {
      const top = this.heap.pop()
      if (top === undefined) return undefined
      const count = this.pairCounts.get(top.key) ?? 0
      // A queued count may be out of date; the current one was queued when it changed.
      if (count !== top.count) continue
      return count >= minCount ? top.key : undefined
    }
  }

  merge(key: number, mergedId: number): void {
    const left = Math.floor(key / KEY_BASE)
    const right = key % KEY_BASE
    const holders = this.wordsOfPair.get(key) ?? new Set<number>()
    for (const index of holders) {
      const word = this.words[index] ?? []
      const count = this.wordCounts[index] ?? 0
      this.countWord(index, word, -count)
      const merged = mergePair(word, left, right, mergedId)
      this.words[index] = merged
      this.countWord(index, merged, count)
    }
    this.wordsOfPair.delete(key)
    this.pairCounts.delete(key)
    this.changed.delete(key)
    this.queueChanged()
  }

  private countWord(index: number, word: readonly number[], count: number): void {
    for (let i = 1; i < word.length; i++) {
      const key = (word[i - 1] ?? 0) * KEY_BASE + (word[i] ?? 0)
      this.pairCounts.set(key, (this.pairCounts.get(key) ?? 0) + count)
      this.changed.add(key)
      if (count < 0) continue
      const holders = this.wordsOfPair.get(key)
      if (holders === undefined) this.wordsOfPair.set(key, new Set([index]))
      else holders.add(index)
    }
  }

  private queueChanged(): void {
    for (const key of this.changed) {
      const count = this.pairCounts.get(key) ?? 0
      if (count > 0) this.heap.push(count, key)
      else {
        this.pairCounts.delete(key)
        this.wordsOfPair.delete(key)
      }
    }
    this.changed.clear()
  }
}

function mergePair(word: readonly number[], left: number, right: number, mergedId: number): number[] {
  const merged: number[] = []
  for (let i = 0; i < word.length; i++) {
    const id = word[i] ?? 0
    if (id === left && word[i + 1] === right) {
      merged.push(mergedId)
      i++
    } else merged.push(id)
  }
  return merged
}
