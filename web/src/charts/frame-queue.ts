/**
 * Draws of many charts that come due together are spread over frames: a page with 24 charts answers to the pointer
 * while they are redrawn. A chart that is due again before its turn is drawn once.
 */
const BUDGET_MS = 12

const waiting = new Map<object, () => void>()
let frame = 0

export function drawSoon(owner: object, draw: () => void): void {
  waiting.set(owner, draw)
  if (frame === 0) frame = requestAnimationFrame(drawSome)
}

/** For an owner that goes away. */
export function drawNoMore(owner: object): void {
  waiting.delete(owner)
}

function drawSome(): void {
  const end = performance.now() + BUDGET_MS
  for (const [owner, draw] of waiting) {
    waiting.delete(owner)
    draw()
    if (performance.now() >= end) break
  }
  frame = waiting.size === 0 ? 0 : requestAnimationFrame(drawSome)
}
