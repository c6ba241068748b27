import { type Ranked, topK } from './ranking.js'
import { termsOf } from './terms.js'

export interface Bm25Options {
  /** Saturation of the term frequency; 0 counts presence only. */
  k1: number
  /** Length normalisation, 0 (none) to 1 (full). */
  b: number
}

/** An array of unsigned integers that grows. */
class GrowingList {
  private data = new Uint32Array(1 << 16)
  length = 0

  push(value: number): void {
    if (this.length === this.data.length) {
      const larger = new Uint32Array(this.length * 2)
      larger.set(this.data)
      this.data = larger
    }
    this.data[this.length++] = value
  }

  get values(): Uint32Array {
    return this.data.subarray(0, this.length)
  }
}

/**
 * Okapi BM25 in the form that Lucene uses since version 8:
 *   score(q, d) = Σ_{t∈q} idf(t) · tf / (tf + k1·(1 − b + b·|d|/avgdl)),
 *   idf(t) = ln(1 + (N − df + ½)/(df + ½)),
 * with lengths in terms and each occurrence of t in the query counted. It lacks the constant
 * factor k1 + 1 of the original, which changes no ranking, and its idf is never negative.
 * Sources: Robertson & Zaragoza, Found. Trends IR 3 (2009) §3; Kamphuis et al., ECIR 2020.
 * The index is inverted: for each term the chunks that hold it, in typed arrays.
 */
export class Bm25Index {
  private readonly termIds = new Map<string, number>()
  /** Postings of term t lie at offsets[t] … offsets[t+1]. */
  private readonly offsets: Uint32Array
  private readonly postings: Uint32Array
  private readonly frequencies: Uint32Array
  /** k1·(1 − b + b·|d|/avgdl) of each chunk. */
  private readonly norms: Float64Array
  private readonly scores: Float64Array
  readonly size: number

  constructor(texts: Iterable<string>, options: Bm25Options) {
    const [terms, chunks, counts, lengths] = [new GrowingList(), new GrowingList(), new GrowingList(), new GrowingList()]
    for (const text of texts) {
      const frequencies = new Map<number, number>()
      const words = termsOf(text)
      for (const word of words) {
        const term = this.idOf(word)
        frequencies.set(term, (frequencies.get(term) ?? 0) + 1)
      }
      for (const [term, frequency] of frequencies) {
        terms.push(term)
        chunks.push(lengths.length)
        counts.push(frequency)
      }
      lengths.push(words.length)
    }
    this.size = lengths.length
    this.offsets = new Uint32Array(this.termIds.size + 1)
    this.postings = new Uint32Array(terms.length)
    this.frequencies = new Uint32Array(terms.length)
    this.invert(terms.values, chunks.values, counts.values)
    const mean = lengths.values.reduce((sum, length) => sum + length, 0) / Math.max(1, this.size)
    this.norms = Float64Array.from(lengths.values, (length) => options.k1 * (1 - options.b + (options.b * length) / Math.max(mean, 1e-9)))
    this.scores = new Float64Array(this.size)
  }

  private idOf(word: string): number {
    const known = this.termIds.get(word)
    if (known !== undefined) return known
    const id = this.termIds.size
    this.termIds.set(word, id)
    return id
  }

  /** Counting sort of (term, chunk, count) by term; chunks stay in order within a term. */
  private invert(terms: Uint32Array, chunks: Uint32Array, counts: Uint32Array): void {
    const { offsets } = this
    for (const term of terms) offsets[term + 1] = (offsets[term + 1] ?? 0) + 1
    for (let term = 1; term < offsets.length; term++) offsets[term] = (offsets[term] ?? 0) + (offsets[term - 1] ?? 0)
    const next = offsets.slice()
    terms.forEach((term, index) => {
      const at = next[term] ?? 0
      next[term] = at + 1
      this.postings[at] = chunks[index] ?? 0
      this.frequencies[at] = counts[index] ?? 0
    })
  }

  /** The k best chunks for a query, best first; chunks that share no term with it are not returned. */
  search(query: string, k: number): Ranked[] {
    const { scores, offsets, postings, frequencies, norms } = this
    scores.fill(0)
    for (const word of termsOf(query)) {
      const term = this.termIds.get(word)
      if (term === undefined) continue
      const [from, to] = [offsets[term] ?? 0, offsets[term + 1] ?? 0]
      const idf = Math.log(1 + (this.size - (to - from) + 0.5) / (to - from + 0.5))
      for (let at = from; at < to; at++) {
        const chunk = postings[at] ?? 0
        const frequency = frequencies[at] ?? 0
        scores[chunk] = (scores[chunk] ?? 0) + (idf * frequency) / (frequency + (norms[chunk] ?? 0))
      }
    }
    return topK(scores, k, 0)
  }
}
