/**
 * Seeded generator of 32-bit words: mulberry32 (T. Ettinger, public domain). Small and the same
 * everywhere; for resampling and drawing, not for cryptography.
 */
export function randomWords(seed: number): () => number {
  let state = seed >>> 0
  return () => {
    state = (state + 0x6d2b79f5) >>> 0
    let word = state
    word = Math.imul(word ^ (word >>> 15), word | 1)
    word ^= word + Math.imul(word ^ (word >>> 7), word | 61)
    return (word ^ (word >>> 14)) >>> 0
  }
}
