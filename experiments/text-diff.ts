/**
 * Words that two texts share, in order: the shortest edit script of E. Myers, "An O(ND) difference algorithm
 * and its variations", Algorithmica 1 (1986), over words, spaces and signs. Pure.
 */

export interface DiffPart {
  kind: 'same' | 'removed' | 'added'
  text: string
}

/** Texts further apart than this share nothing that a reader could use; memory grows with its square. */
const MOST_EDITS = 1_000

const wordsOf = (text: string): string[] => text.match(/\s+|[\p{L}\p{N}_]+|[^\s\p{L}\p{N}_]/gu) ?? []

/** Parts that make up `before` without the added ones, and `after` without the removed ones. */
export function diffWords(before: string, after: string): DiffPart[] {
  const [a, b] = [wordsOf(before), wordsOf(after)]
  const same = Math.min(a.length, b.length)
  let start = 0
  while (start < same && a[start] === b[start]) start++
  let end = 0
  while (end < same - start && a[a.length - 1 - end] === b[b.length - 1 - end]) end++
  const parts = new Parts()
  parts.add('same', a.slice(0, start))
  editsBetween(a.slice(start, a.length - end), b.slice(start, b.length - end), parts)
  parts.add('same', a.slice(a.length - end))
  return parts.list
}

/** Below this share of common text marks would say no more than that the texts differ. */
const LEAST_COMMON = 0.2
/** Letters of texts so short that a mark is always read at once. */
const SHORT_TEXT = 20

/** The differences of two texts where they have enough in common to be marked; null where they have not. */
export function marksBetween(before: string, after: string): DiffPart[] | null {
  const parts = diffWords(before, after)
  const lettersOf = (text: string): number => text.replaceAll(/[^\p{L}\p{N}]/gu, '').length
  const common = parts.reduce((sum, { kind, text }) => sum + (kind === 'same' ? lettersOf(text) : 0), 0)
  const [shorter = 0, longer = 0] = [lettersOf(before), lettersOf(after)].sort((x, y) => x - y)
  return shorter > 0 && longer > SHORT_TEXT && common / longer < LEAST_COMMON ? null : parts
}

class Parts {
  readonly list: DiffPart[] = []

  add(kind: DiffPart['kind'], words: readonly string[]): void {
    if (words.length === 0) return
    const last = this.list.at(-1)
    if (last?.kind === kind) last.text += words.join('')
    else this.list.push({ kind, text: words.join('') })
  }
}

function editsBetween(a: readonly string[], b: readonly string[], parts: Parts): void {
  const trace = furthestPaths(a, b)
  if (trace === null) {
    parts.add('removed', a)
    parts.add('added', b)
    return
  }
  const steps: { kind: DiffPart['kind']; word: string }[] = []
  let [x, y] = [a.length, b.length]
  for (let edits = trace.length - 1; edits > 0; edits--) {
    const reached = trace[edits - 1] ?? new Map<number, number>()
    const diagonal = x - y
    const isDown = goesDown(reached, diagonal, edits)
    const from = isDown ? diagonal + 1 : diagonal - 1
    const fromX = reached.get(from) ?? 0
    const fromY = fromX - from
    while (x > fromX + (isDown ? 0 : 1) && y > fromY + (isDown ? 1 : 0)) {
      x--
      y--
      steps.push({ kind: 'same', word: a[x] ?? '' })
    }
    steps.push(isDown ? { kind: 'added', word: b[fromY] ?? '' } : { kind: 'removed', word: a[fromX] ?? '' })
    ;[x, y] = [fromX, fromY]
  }
  for (; x > 0; x--) steps.push({ kind: 'same', word: a[x - 1] ?? '' })
  for (const { kind, word } of steps.reverse()) parts.add(kind, [word])
}

/** For each number of edits how far along `a` each diagonal reaches; null where the texts are too far apart. */
function furthestPaths(a: readonly string[], b: readonly string[]): Map<number, number>[] | null {
  const trace: Map<number, number>[] = []
  for (let edits = 0; edits <= Math.min(MOST_EDITS, a.length + b.length); edits++) {
    const before = trace.at(-1) ?? new Map<number, number>()
    const reached = new Map<number, number>()
    trace.push(reached)
    for (let diagonal = -edits; diagonal <= edits; diagonal += 2) {
      let x = edits === 0 ? 0 : goesDown(before, diagonal, edits) ? (before.get(diagonal + 1) ?? 0) : (before.get(diagonal - 1) ?? 0) + 1
      let y = x - diagonal
      while (x < a.length && y < b.length && a[x] === b[y]) {
        x++
        y++
      }
      reached.set(diagonal, x)
      if (x >= a.length && y >= b.length) return trace
    }
  }
  return null
}

/** Whether the furthest path onto a diagonal comes from above, by adding a word, or from the left, by removing one. */
function goesDown(before: ReadonlyMap<number, number>, diagonal: number, edits: number): boolean {
  return diagonal === -edits || (diagonal !== edits && (before.get(diagonal - 1) ?? -1) < (before.get(diagonal + 1) ?? -1))
}
