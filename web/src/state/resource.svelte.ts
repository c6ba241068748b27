import { untrack } from 'svelte'
import type { ServerEvent } from '../../../server/contracts/events.js'
import { ApiError } from '../api.js'
import { coalesce } from './coalesce.js'
import type { LiveFeed } from './live-feed.svelte.js'

const REFRESH_INTERVAL_MS = 1000

/** Something read from the server: what was last read stays on show while newer is on its way. */
export class Resource<T> {
  data = $state.raw<T | null>(null)
  error = $state.raw<ApiError | null>(null)
  updatedAt = $state<number | null>(null)
  refresh: () => void = () => undefined

  /** First use: nothing read yet and nothing went wrong. */
  get isLoading(): boolean {
    return this.data === null && this.error === null
  }

  follow(load: (signal: AbortSignal) => Promise<T>): () => void {
    const abort = new AbortController()
    const { call, stop } = coalesce(() => this.#read(load, abort.signal), REFRESH_INTERVAL_MS)
    this.refresh = call
    call()
    return () => {
      stop()
      abort.abort()
    }
  }

  async #read(load: (signal: AbortSignal) => Promise<T>, signal: AbortSignal): Promise<void> {
    try {
      const data = await load(signal)
      if (signal.aborted) return
      this.data = data
      this.error = null
      this.updatedAt = Date.now()
    } catch (error) {
      if (signal.aborted) return
      this.error = error instanceof ApiError ? error : new ApiError('internal', error instanceof Error ? error.message : String(error))
    }
  }
}

export interface LiveOptions<Q, T> {
  feed: LiveFeed
  /** Read reactively: whenever its answer changes, the data are loaded anew. Null loads nothing. */
  query: () => Q | null
  load: (query: Q, signal: AbortSignal) => Promise<T>
  /** Which server events make the data stale; a reset does in any case. */
  on: (event: ServerEvent) => boolean
}

/** A resource that lives as long as the component that makes it and follows the server's events. */
export function liveResource<Q, T>(options: LiveOptions<Q, T>): Resource<T> {
  const resource = new Resource<T>()
  // Compared as text: an address that changes elsewhere must not load this again.
  const asked = $derived(JSON.stringify(options.query()))
  $effect(() => {
    const query = JSON.parse(asked) as Q | null
    if (query === null) return undefined
    return untrack(() => {
      const unfollow = resource.follow((signal) => options.load(query, signal))
      const unlisten = options.feed.listen((event) => {
        if (options.on(event) || event.type === 'reset') resource.refresh()
      })
      return () => {
        unlisten()
        unfollow()
      }
    })
  })
  return resource
}
