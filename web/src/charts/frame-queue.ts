/**
 * Draws of many charts that come due together are spread over frames: a page with 24 charts answers to the pointer
 * while they are redrawn. The chart under the pointer comes first. A chart that is due again before its turn is drawn once.
 */

/** A part of a frame at 60 a second: to paint what was drawn takes as long again. */
const BUDGET_MS = 5
/** Until a chart is there, nobody points at it, and each frame of a page costs by itself: first draws take more of one. */
const FIRST_BUDGET_MS = 36

interface Waiting {
  draw: () => void
  isFirst: boolean
}

const waiting = new Map<Element, Waiting>()
let frame = 0

export function drawSoon(owner: Element, draw: () => void, { isFirst = false } = {}): void {
  waiting.set(owner, { draw, isFirst })
  if (frame === 0) frame = requestAnimationFrame(drawSome)
}

/** For an owner that goes away, or was drawn by other means. */
export function drawNoMore(owner: Element): void {
  waiting.delete(owner)
}

/** Another chart is begun only where, by what the last one took, it ends in time. */
function drawSome(): void {
  const start = performance.now()
  const budget = [...waiting.values()].some(({ isFirst }) => isFirst) ? FIRST_BUDGET_MS : BUDGET_MS
  let [now, last] = [start, 0]
  while (waiting.size > 0 && now - start + last <= budget) {
    const owner = [...waiting.keys()].find((one) => one.matches(':hover')) ?? waiting.keys().next().value
    if (owner === undefined) break
    const draw = waiting.get(owner)?.draw
    waiting.delete(owner)
    draw?.()
    const end = performance.now()
    ;[now, last] = [end, end - now]
  }
  frame = waiting.size === 0 ? 0 : requestAnimationFrame(drawSome)
}
