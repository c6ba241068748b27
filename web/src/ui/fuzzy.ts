/** How well a text answers what was typed: its letters in order, better together, at the beginning of words, and early. Pure. */

const folded = (text: string): string => text.normalize('NFD').replaceAll(/\p{M}/gu, '').toLowerCase()

/** Null: the letters do not occur in this order. Higher is better. */
export function fuzzyScore(typed: string, text: string): number | null {
  const [needle, hay] = [folded(typed).replaceAll(/\s+/g, ''), folded(text)]
  let [score, at, last] = [0, 0, -2]
  for (const letter of needle) {
    const found = hay.indexOf(letter, at)
    if (found === -1) return null
    if (found === last + 1) score += 3
    if (found === 0 || /[^\p{L}\p{N}]/u.test(hay[found - 1] ?? '')) score += 2
    score -= Math.min(3, found - at) * 0.1
    last = found
    at = found + 1
  }
  return score - hay.length * 0.01
}

/** Those that answer, the best first; equals keep their order. */
export function fuzzyFind<T>(typed: string, items: readonly T[], textOf: (item: T) => string): T[] {
  if (typed.trim() === '') return [...items]
  const scored = items.flatMap((item) => {
    const score = fuzzyScore(typed, textOf(item))
    return score === null ? [] : [{ item, score }]
  })
  return scored.sort((a, b) => b.score - a.score).map(({ item }) => item)
}
