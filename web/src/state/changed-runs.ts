/**
 * An experiment that is followed: read whole once, and from then on the runs that changed alone. Of thousands of runs a few
 * change each second; to read, send and parse all of them each time would keep server and page busy with what they know.
 */
import type { ServerEvent } from '../../../server/contracts/events.js'
import type { Experiment } from '../../../server/contracts/run.js'

interface Readers {
  whole: (id: string, signal: AbortSignal) => Promise<Experiment>
  some: (asked: { id: string; runs: readonly string[] }, signal: AbortSignal) => Promise<Experiment>
}

/** The ids of more would fit no address, and all runs are then read as quickly. */
const MOST_CHANGED = 100

export class ChangedRuns {
  readonly #readers: Readers
  readonly #changed = new Set<string>()
  #known: Experiment | null = null

  constructor(readers: Readers) {
    this.#readers = readers
  }

  /** For each event of the experiment that may have changed it. */
  note({ runId }: Pick<ServerEvent, 'runId'>): void {
    if (runId !== null) this.#changed.add(runId)
  }

  /** For a stream of events that was torn: nobody knows what changed. */
  forget(): void {
    this.#known = null
  }

  async read(id: string, signal: AbortSignal): Promise<Experiment> {
    const known = this.#known?.id === id ? this.#known : null
    const runs = [...this.#changed]
    // Taken before it is read: what changes meanwhile is noted anew.
    this.#changed.clear()
    this.#known = null
    const now = known === null || runs.length > MOST_CHANGED ? null : merged(known, await this.#readers.some({ id, runs }, signal))
    this.#known = now ?? (await this.#readers.whole(id, signal))
    return this.#known
  }
}

/** Null where the experiment has runs that are not known. */
function merged(known: Experiment, now: Experiment): Experiment | null {
  const total = Object.values(now.runCounts).reduce((sum, count) => sum + count, 0)
  const fresh = new Map(now.runs.map((run) => [run.id, run]))
  const before = new Set(known.runs.map(({ id }) => id))
  if (total !== before.size || now.runs.some(({ id }) => !before.has(id))) return null
  const costs = new Map([...known.expectedCosts.filter(({ runId }) => !fresh.has(runId)), ...now.expectedCosts].map((cost) => [cost.runId, cost]))
  return {
    ...now,
    runs: fresh.size === 0 ? known.runs : known.runs.map((run) => fresh.get(run.id) ?? run),
    expectedCosts: known.runs.flatMap(({ id }) => costs.get(id) ?? []),
  }
}
