/** One retrieved chunk: its index, and a score that is higher for better. */
export interface Ranked {
  index: number
  score: number
}

function isBefore(a: Ranked, b: Ranked): boolean {
  return a.score > b.score || (a.score === b.score && a.index < b.index)
}

/**
 * The k highest scores above `floor`, best first; equal scores in the order of their index, so
 * that results do not depend on chance. O(n log k), with a heap whose root is the worst kept.
 */
export function topK(scores: ArrayLike<number>, k: number, floor = -Infinity): Ranked[] {
  const heap: Ranked[] = []
  for (let index = 0; index < scores.length; index++) {
    const score = scores[index] ?? -Infinity
    if (!(score > floor)) continue
    if (heap.length < k) {
      heap.push({ index, score })
      siftUp(heap)
    } else if (heap[0] && score > heap[0].score) {
      heap[0] = { index, score }
      siftDown(heap)
    }
  }
  return heap.sort((a, b) => (isBefore(a, b) ? -1 : 1))
}

function siftUp(heap: Ranked[]): void {
  let at = heap.length - 1
  while (at > 0) {
    const parent = (at - 1) >> 1
    if (!swapIfBefore(heap, parent, at)) return
    at = parent
  }
}

function siftDown(heap: Ranked[]): void {
  let at = 0
  for (;;) {
    const left = 2 * at + 1
    const [a, b] = [heap[left], heap[left + 1]]
    if (!a) return
    const worst = b && isBefore(a, b) ? left + 1 : left
    if (!swapIfBefore(heap, at, worst)) return
    at = worst
  }
}

/** Swaps parent and child when the parent is the better one: the worst must be on top. */
function swapIfBefore(heap: Ranked[], parent: number, child: number): boolean {
  const [a, b] = [heap[parent], heap[child]]
  if (!a || !b || !isBefore(a, b)) return false
  heap[parent] = b
  heap[child] = a
  return true
}

/** Damping constant of reciprocal rank fusion, as in the paper. */
const RRF_CONSTANT = 60

/**
 * Reciprocal rank fusion: score(d) = Σ over rankings of 1 / (60 + rank of d), ranks from 1; a
 * ranking that lacks d adds nothing. Source: Cormack, Clarke & Büttcher, SIGIR 2009, eq. 1.
 */
export function fuseRankings(rankings: readonly (readonly Ranked[])[], k: number): Ranked[] {
  const scores = new Map<number, number>()
  for (const ranking of rankings) {
    ranking.forEach(({ index }, position) => scores.set(index, (scores.get(index) ?? 0) + 1 / (RRF_CONSTANT + position + 1)))
  }
  const fused = [...scores].map(([index, score]) => ({ index, score }))
  return fused.sort((a, b) => (isBefore(a, b) ? -1 : 1)).slice(0, k)
}
