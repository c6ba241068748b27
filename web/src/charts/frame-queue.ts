/**
 * Draws of many charts that come due together are spread over frames: a page with 24 charts answers to the pointer
 * while they are redrawn. A chart that is due again before its turn is drawn once.
 */
const BUDGET_MS = 12
/** Until a chart is there, nobody points at it, and each frame of a page costs by itself: first draws take more of one. */
const FIRST_BUDGET_MS = 36

const undrawn = new Set<object>()
const waiting = new Map<object, () => void>()
let frame = 0

export function drawSoon(owner: object, draw: () => void, { isFirst = false } = {}): void {
  waiting.set(owner, draw)
  if (isFirst) undrawn.add(owner)
  if (frame === 0) frame = requestAnimationFrame(drawSome)
}

/** For an owner that goes away. */
export function drawNoMore(owner: object): void {
  waiting.delete(owner)
  undrawn.delete(owner)
}

function drawSome(): void {
  const end = performance.now() + (undrawn.size > 0 ? FIRST_BUDGET_MS : BUDGET_MS)
  for (const [owner, draw] of waiting) {
    drawNoMore(owner)
    draw()
    if (performance.now() >= end) break
  }
  frame = waiting.size === 0 ? 0 : requestAnimationFrame(drawSome)
}
