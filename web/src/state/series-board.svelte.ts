import { untrack } from 'svelte'
import { ApiError, getSeries, type SeriesQuery } from '../api.js'
import { readColumns, type ReadSeries } from '../charts/series.js'
import { coalesce } from './coalesce.js'
import type { LiveFeed } from './live-feed.svelte.js'
import { gatherRequests } from './series-requests.js'

const REFRESH_INTERVAL_MS = 1000

const readTogether = gatherRequests(getSeries)

/** The metric series of several runs, read together. Runs that report are read again alone; the others stay. */
export class SeriesBoard {
  byRun = $state.raw<ReadonlyMap<string, readonly ReadSeries[]>>(new Map())
  error = $state.raw<ApiError | null>(null)
  updatedAt = $state<number | null>(null)

  follow(query: SeriesQuery, feed: LiveFeed): () => void {
    const abort = new AbortController()
    const stale = new Set(query.runs)
    const { call, stop } = coalesce(async () => {
      const runs = query.runs.filter((id) => stale.delete(id))
      if (runs.length > 0 && !(await this.#read({ ...query, runs }, abort.signal))) for (const id of runs) stale.add(id)
    }, REFRESH_INTERVAL_MS)
    // What stays on show until it is read anew is not drawn anew.
    if ([...this.byRun.keys()].some((id) => !stale.has(id))) this.byRun = new Map([...this.byRun].filter(([id]) => stale.has(id)))
    call()
    const known = new Set(query.runs)
    const unlisten = feed.listen((event) => {
      if (event.type === 'reset') for (const id of known) stale.add(id)
      else if ((event.type === 'run.metrics' || event.type === 'run.updated') && event.runId !== null && known.has(event.runId)) stale.add(event.runId)
      else return
      call()
    })
    return () => {
      unlisten()
      abort.abort()
      stop()
    }
  }

  async #read(query: SeriesQuery, signal: AbortSignal): Promise<boolean> {
    try {
      const runs = await readTogether(query, signal)
      if (signal.aborted) return false
      const byRun = new Map(this.byRun)
      for (const { runId, series } of runs) byRun.set(runId, series.map(readColumns))
      this.byRun = byRun
      this.error = null
      this.updatedAt = Date.now()
      return true
    } catch (error) {
      if (!signal.aborted) this.error = error instanceof ApiError ? error : new ApiError('internal', String(error))
      return false
    }
  }
}

/** A board that lives as long as the component that makes it. `query` is read reactively; without runs nothing is read. */
export function liveSeries(feed: LiveFeed, query: () => SeriesQuery): SeriesBoard {
  const board = new SeriesBoard()
  const asked = $derived(JSON.stringify(query()))
  $effect(() => {
    const parsed = JSON.parse(asked) as SeriesQuery
    return untrack(() => board.follow(parsed, feed))
  })
  return board
}
