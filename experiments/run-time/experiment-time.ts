/* How long all runs of an experiment will take together, on the workers that are there. */
import { TIME_BASES, type ExperimentTime, type RunTime, type TimeRange } from '../../server/contracts/index.js'

export interface Sharing {
  workers: number
  /** Runs that may go side by side and slow each other down little, as calls of an endpoint do; 1 where they share what computes. */
  lanes: number
}

/** No sooner than its longest run, and no sooner than its runs shared out evenly. Null as soon as one run is unknown. */
export function experimentTime(runs: readonly (RunTime | null)[], { workers, lanes }: Sharing): ExperimentTime | null {
  const known = runs.filter((run) => run !== null)
  if (known.length < runs.length || known.length === 0) return null
  const ways = Math.max(1, workers)
  const share = (pick: (range: TimeRange) => number, among: number): number => Math.max(...known.map(pick), known.reduce((sum, run) => sum + pick(run), 0) / among)
  return {
    seconds: share(({ seconds }) => seconds, ways * lanes),
    low: share(({ low }) => low, ways * lanes),
    high: share(({ high }) => high, ways),
    basis: TIME_BASES[Math.max(...known.map(({ basis }) => TIME_BASES.indexOf(basis)))] ?? 'elsewhere',
    pastRuns: Math.min(...known.map(({ pastRuns }) => pastRuns)),
    workers,
  }
}

/** A budget ends a run whatever else is known of it. @param seconds the limit of one run; null: there is none */
export function withinBudget(time: RunTime | null, seconds: number | null): RunTime | null {
  if (seconds === null) return time
  if (time === null) return { seconds, low: 0, high: seconds, step: null, basis: 'budget', pastRuns: 0 }
  return { ...time, seconds: Math.min(time.seconds, seconds), low: Math.min(time.low, seconds), high: Math.min(time.high, seconds) }
}
