/**
 * Charts of a page that ask at the same moment are answered together, a few series to a request: what a request costs on both
 * sides is paid once for several charts, and the first of them draw while the next are read.
 */
import type { RunSeries } from '../../../server/contracts/metric.js'
import type { SeriesQuery } from '../api.js'

type Get = (query: SeriesQuery, signal: AbortSignal) => Promise<RunSeries[]>

interface Asker {
  keys: readonly string[]
  signal: AbortSignal
  resolve: (runs: RunSeries[]) => void
  reject: (error: unknown) => void
}

const SERIES_OF_REQUEST = 6

export function gatherRequests(get: Get): Get {
  const waiting = new Map<string, { query: SeriesQuery; askers: Asker[] }>()
  const send = (): void => {
    for (const { query, askers } of waiting.values()) for (const group of groupsOf(askers)) void readFor(get, query, group)
    waiting.clear()
  }
  return (query, signal) => {
    // Without keys all series are asked for, which nobody else can share.
    if (query.keys.length === 0) return get(query, signal)
    return new Promise((resolve, reject) => {
      if (waiting.size === 0) setTimeout(send)
      const same = JSON.stringify({ ...query, keys: null })
      const entry = waiting.get(same) ?? { query, askers: [] }
      waiting.set(same, entry)
      entry.askers.push({ keys: query.keys, signal, resolve, reject })
    })
  }
}

function groupsOf(askers: readonly Asker[]): Asker[][] {
  const groups: Asker[][] = []
  let room = 0
  for (const asker of askers) {
    if (asker.signal.aborted) {
      asker.reject(asker.signal.reason)
      continue
    }
    if (room < asker.keys.length) {
      groups.push([])
      room = SERIES_OF_REQUEST
    }
    groups.at(-1)?.push(asker)
    room -= asker.keys.length
  }
  return groups
}

async function readFor(get: Get, query: SeriesQuery, askers: readonly Asker[]): Promise<void> {
  const abort = new AbortController()
  const isPart = query.from !== null || query.to !== null
  for (const { signal } of askers) {
    signal.addEventListener('abort', () => {
      if (askers.every((one) => one.signal.aborted)) abort.abort(signal.reason)
    }, { once: true })
  }
  try {
    const runs = await get({ ...query, keys: [...new Set(askers.flatMap(({ keys }) => keys))] }, abort.signal)
    for (const { keys, resolve } of askers) {
      resolve(runs.map(({ runId, series }) => ({ runId, series: series.filter(({ key }) => keys.includes(key)) })))
      // While one zooms, what each chart makes of its series is a task of its own: between two of them the page hears the pointer.
      if (isPart) await new Promise((next) => setTimeout(next))
    }
  } catch (error) {
    for (const { reject } of askers) reject(error)
  }
}
