import { untrack } from 'svelte'
import type { MetricSeries } from '../../../server/contracts/metric.js'
import { ApiError, getMetrics } from '../api.js'
import { coalesce } from './coalesce.js'
import type { LiveFeed } from './live-feed.svelte.js'

const REFRESH_INTERVAL_MS = 1000

export interface BoardQuery {
  runs: readonly string[]
  keys: readonly string[]
  maxPoints: number
  from: number | null
  to: number | null
}

/** The metric series of several runs. A run that reports is read again alone; the others stay. */
export class SeriesBoard {
  byRun = $state.raw<ReadonlyMap<string, readonly MetricSeries[]>>(new Map())
  error = $state.raw<ApiError | null>(null)
  updatedAt = $state<number | null>(null)

  follow(query: BoardQuery, feed: LiveFeed): () => void {
    const abort = new AbortController()
    const readers = new Map(query.runs.map((id) => [id, coalesce(() => this.#read(id, query, abort.signal), REFRESH_INTERVAL_MS)]))
    this.byRun = new Map([...this.byRun].filter(([id]) => readers.has(id)))
    for (const reader of readers.values()) reader.call()
    const unlisten = feed.listen((event) => {
      if (event.type === 'reset') for (const reader of readers.values()) reader.call()
      else if ((event.type === 'run.metrics' || event.type === 'run.updated') && event.runId !== null) readers.get(event.runId)?.call()
    })
    return () => {
      unlisten()
      abort.abort()
      for (const reader of readers.values()) reader.stop()
    }
  }

  async #read(id: string, query: BoardQuery, signal: AbortSignal): Promise<void> {
    try {
      const series = await getMetrics(id, query, signal)
      if (signal.aborted) return
      this.byRun = new Map(this.byRun).set(id, series)
      this.error = null
      this.updatedAt = Date.now()
    } catch (error) {
      if (signal.aborted) return
      this.error = error instanceof ApiError ? error : new ApiError('internal', String(error))
    }
  }
}

/** A board that lives as long as the component that makes it. `query` is read reactively. */
export function liveSeries(feed: LiveFeed, query: () => BoardQuery): SeriesBoard {
  const board = new SeriesBoard()
  const asked = $derived(JSON.stringify(query()))
  $effect(() => {
    const parsed = JSON.parse(asked) as BoardQuery
    return untrack(() => board.follow(parsed, feed))
  })
  return board
}
