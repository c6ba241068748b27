import type { Run } from '../../../server/contracts/run.js'
import type { ApiError } from '../api.js'
import type { LiveFeed } from '../state/live-feed.svelte.js'
import { liveSeries } from '../state/series-board.svelte.js'
import type { CurveView } from './curve-view.js'
import { chartSeries, type KeyGroup } from './key-groups.js'
import { type ChartSeries, placeOf } from './lines.js'
import type { ReadSeries } from './series.js'
import { largestPlace, placingKeys, stepsWithin, type XLook, xLook } from './x-axis.js'

export interface PlacedQuery {
  runs: readonly Pick<Run, 'id' | 'name' | 'colorSlot'>[]
  keys: readonly string[]
  view: CurveView
  maxPoints: number
  /** Significant digits that are read; a small chart shows no more than five. */
  digits?: number
  stepWord: string
}

export interface PlacedSeries {
  readonly byRun: ReadonlyMap<string, readonly ReadSeries[]>
  readonly look: XLook
  readonly error: ApiError | null
  /** Nothing has been read yet. */
  readonly isLoading: boolean
  seriesOf(group: KeyGroup): ChartSeries[]
  /** The steps that a range of x spans, as the address writes them. */
  zoomOf(series: readonly ChartSeries[], range: { from: number; to: number }): { from: string; to: string } | null
}

const DIGITS = 6
/** The course of a run by tokens or time bends little: so many points place all others. */
const PLACING_POINTS = 400

/** Series of some runs as they lie along the x axis asked for. Lives as long as the component that makes it; `query` is read reactively. */
export function placedSeries(feed: LiveFeed, query: () => PlacedQuery): PlacedSeries {
  // Taken apart, so that a zoom (which changes the query) makes no new series of what has been read: those of its own range are still to come.
  const runs = $derived(query().runs)
  const kind = $derived(query().view.x)
  const stepWord = $derived(query().stepWord)
  const ids = $derived(runs.map(({ id }) => id))
  const view = $derived(query().view)
  const board = liveSeries(feed, () => ({ runs: ids, keys: query().keys, maxPoints: query().maxPoints, from: view.from, to: view.to, digits: query().digits ?? DIGITS }))
  // Read over all steps, whatever part of them is on show: a run's first token lies at its beginning.
  const placing = liveSeries(feed, () => ({ runs: kind === 'step' ? [] : ids, keys: placingKeys(kind, query().keys), maxPoints: PLACING_POINTS, from: null, to: null, digits: null }))
  const look = $derived(xLook(kind, { stepWord, largest: kind === 'time' ? largestPlace(kind, placing.byRun) : 0 }))
  return {
    get byRun() {
      return board.byRun
    },
    get look() {
      return look
    },
    get error() {
      return board.error ?? placing.error
    },
    get isLoading() {
      return board.updatedAt === null && board.error === null
    },
    seriesOf: (group) => chartSeries(runs, group, { byRun: board.byRun, places: { kind, placing: placing.byRun, divisor: look.divisor } }),
    zoomOf: (series, range) => {
      const steps = stepsWithin(series.map((one) => ({ buckets: one.buckets, place: placeOf(one) })), range)
      return steps === null ? null : { from: String(steps.from), to: String(steps.to) }
    },
  }
}
