/*
 * How well k retrieved chunks answer a question whose gold passage is known by its offsets.
 * Chunks of different sizes must be comparable, so relevance is measured in characters of the
 * passage, not in chunks judged yes or no: a passage that is cut in two by a chunk boundary is
 * half found by either chunk, and chunks that repeat each other (overlap) are rewarded once.
 */

export interface Passage {
  document: string
  start: number
  end: number
}

export interface RetrievalScores {
  ndcg: number
  hit: number
  mrr: number
  recall: number
  context_chars: number
}

/** A chunk that holds at least this share of the passage counts as having found it. */
const FOUND_SHARE = 0.5

/** Share of the gold passage's characters that lie in the chunk, 0 to 1. */
export function coverage(chunk: Passage, gold: Passage): number {
  if (chunk.document !== gold.document) return 0
  const shared = Math.min(chunk.end, gold.end) - Math.max(chunk.start, gold.start)
  return Math.max(0, shared) / (gold.end - gold.start)
}

/** Share of the gold passage that each chunk covers and no chunk before it does. */
export function newCoverage(chunks: readonly Passage[], gold: Passage): number[] {
  const length = gold.end - gold.start
  const isCovered = new Uint8Array(length)
  return chunks.map((chunk) => {
    if (chunk.document !== gold.document) return 0
    const from = Math.max(chunk.start - gold.start, 0)
    const to = Math.min(chunk.end - gold.start, length)
    let gained = 0
    for (let at = from; at < to; at++) {
      if (isCovered[at] === 0) gained++
      isCovered[at] = 1
    }
    return gained / length
  })
}

/**
 * Scores of one question; all but context_chars lie in [0, 1], higher is better.
 * - ndcg: Σ_i gain_i / log2(i + 1) over ranks i from 1, where gain_i is the share of the passage
 *   that chunk i newly covers. The ideal is the whole passage at rank 1, whose sum is 1, so no
 *   further division is needed. Discount as in Järvelin & Kekäläinen, ACM TOIS 20 (2002) 422–446,
 *   in its usual log2(i + 1) form; linear gain.
 * - recall: share of the passage that the chunks cover together.
 * - hit: 1 when one chunk holds at least half of the passage.
 * - mrr: 1 / rank of the first such chunk, 0 without one (Voorhees, TREC-8, 1999).
 * - context_chars: characters of all chunks, the price of the above; lower is better.
 * @param chunks best first
 */
export function scoreRetrieval(chunks: readonly Passage[], gold: Passage): RetrievalScores {
  const gains = newCoverage(chunks, gold)
  const found = chunks.findIndex((chunk) => coverage(chunk, gold) >= FOUND_SHARE)
  // Sums of shares may miss 1 by a rounding error.
  const atMostOne = (value: number): number => (value > 1 - 1e-12 ? 1 : value)
  return {
    ndcg: atMostOne(gains.reduce((sum, gain, index) => sum + gain / Math.log2(index + 2), 0)),
    recall: atMostOne(gains.reduce((sum, gain) => sum + gain, 0)),
    hit: found === -1 ? 0 : 1,
    mrr: found === -1 ? 0 : 1 / (found + 1),
    context_chars: chunks.reduce((sum, chunk) => sum + chunk.end - chunk.start, 0),
  }
}
