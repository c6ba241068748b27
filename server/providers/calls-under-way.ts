/*
 * Calls that a run is about to make, by key, so that another run that would ask the same waits for the reply
 * instead of paying for it again. A mark says nothing for good: it lapses, and whoever waited then asks.
 */

/** A call that takes longer, or that waits longer for its turn, may be paid twice. */
const MARK_MS = 60_000

export class CallsUnderWay {
  private readonly marks = new Map<string, { runId: string; untilMs: number }>()

  get size(): number {
    return this.marks.size
  }

  /** Marks keys as this run's, but for those that another run asks: they are returned. */
  claim(runId: string, keys: readonly string[], nowMs: number): string[] {
    const asked: string[] = []
    for (const key of keys) {
      const mark = this.marks.get(key)
      if (mark !== undefined && mark.runId !== runId && mark.untilMs > nowMs) asked.push(key)
      else this.marks.set(key, { runId, untilMs: nowMs + MARK_MS })
    }
    return asked
  }

  /** Their replies are stored. */
  settle(keys: Iterable<string>): void {
    for (const key of keys) this.marks.delete(key)
  }

  /** The run asks nothing any more. */
  drop(runId: string): void {
    for (const [key, mark] of this.marks) if (mark.runId === runId) this.marks.delete(key)
  }
}
