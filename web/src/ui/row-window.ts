/** Which rows of a long table are drawn: those in view and some around them, in blocks, so that scrolling changes little at a time. */
export interface RowWindow {
  first: number
  /** One past the last. */
  end: number
  /** Heights that stand for the rows before and after, in pixels. */
  before: number
  after: number
}

/** Tables up to this many rows are drawn whole. */
export const MOST_WHOLE_ROWS = 200
const ROW_HEIGHT_PX = 35
const BLOCK = 10
const AROUND = 20

export function rowWindow(count: number, view: { top: number; height: number }): RowWindow {
  if (count <= MOST_WHOLE_ROWS) return { first: 0, end: count, before: 0, after: 0 }
  const at = Math.min(count, Math.max(0, Math.floor(view.top / ROW_HEIGHT_PX)))
  const first = Math.max(0, Math.floor((at - AROUND) / BLOCK) * BLOCK)
  const end = Math.min(count, Math.ceil((at + view.height / ROW_HEIGHT_PX + AROUND) / BLOCK) * BLOCK)
  return { first, end, before: first * ROW_HEIGHT_PX, after: (count - end) * ROW_HEIGHT_PX }
}
