/** Edits (insert, delete, replace, swap of neighbours) between two words: Damerau–Levenshtein, restricted. */
export function editDistance(a: string, b: string): number {
  let older: number[] = []
  let previous = Array.from({ length: b.length + 1 }, (_, j) => j)
  for (let i = 1; i <= a.length; i++) {
    const row = [i]
    for (let j = 1; j <= b.length; j++) {
      const change = a[i - 1] === b[j - 1] ? 0 : 1
      let best = Math.min((previous[j] ?? 0) + 1, (row[j - 1] ?? 0) + 1, (previous[j - 1] ?? 0) + change)
      if (i > 1 && j > 1 && a[i - 1] === b[j - 2] && a[i - 2] === b[j - 1]) best = Math.min(best, (older[j - 2] ?? 0) + 1)
      row.push(best)
    }
    older = previous
    previous = row
  }
  return previous[b.length] ?? 0
}

/** The name that was probably meant, if one is near enough: at most 2 edits, or a third of the word, or the same but for case and dashes. */
export function nearestName(word: string, names: readonly string[]): string | undefined {
  const plain = (name: string): string => name.slice(0, 100).toLowerCase().replaceAll(/[-_ ]/g, '')
  const target = plain(word)
  let best: { name: string; distance: number } | undefined
  for (const name of names) {
    const distance = editDistance(target, plain(name))
    if (distance < (best?.distance ?? Infinity)) best = { name, distance }
  }
  return best && best.distance <= Math.max(2, Math.floor(target.length / 3)) && best.distance < target.length ? best.name : undefined
}
