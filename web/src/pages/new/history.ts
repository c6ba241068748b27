/** What was written before, and what was taken back: undo over the form and the text alike. Pure; texts are replaced, never changed. */
export interface History {
  past: readonly string[]
  future: readonly string[]
  /** When the last change was typed, in ms; null where it was not: what is typed without a pause is one step. */
  typedAt: number | null
}

export const NO_HISTORY: History = { past: [], future: [], typedAt: null }

const MOST_STEPS = 200
const PAUSE_MS = 1_000

/** After `before` was replaced by another text, typed at `typedAt` or changed as a whole. */
export function changed(history: History, before: string, typedAt: number | null): History {
  const goesOn = typedAt !== null && history.typedAt !== null && typedAt - history.typedAt < PAUSE_MS && history.future.length === 0
  return { past: goesOn ? history.past : [...history.past, before].slice(-MOST_STEPS), future: [], typedAt }
}

/** One step back from `now`; null where nothing was done. */
export function undone({ past, future }: History, now: string): { history: History; text: string } | null {
  const text = past.at(-1)
  return text === undefined ? null : { text, history: { past: past.slice(0, -1), future: [now, ...future], typedAt: null } }
}

/** What was taken back last, again; null where nothing was. */
export function redone({ past, future }: History, now: string): { history: History; text: string } | null {
  const [text, ...rest] = future
  return text === undefined ? null : { text, history: { past: [...past, now], future: rest, typedAt: null } }
}

/** Where the caret belongs after a step: behind what differs. */
export function endOfChange(before: string, after: string): number {
  let same = 0
  const most = Math.min(before.length, after.length)
  while (same < most && before[before.length - 1 - same] === after[after.length - 1 - same]) same += 1
  return after.length - same
}
