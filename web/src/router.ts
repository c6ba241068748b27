/** Paths and pages, both ways. Pure: the address bar itself is in state/location.svelte.ts. */

/** Pages whose path is their name. */
export const PLAIN_PAGES = [
  'experiments',
  'compare',
  'playground',
  'review',
  'new',
  'queue',
  'system',
  'tradeoff',
  'datasets',
  'capacity',
  'sampling',
] as const

export type Route =
  | { page: (typeof PLAIN_PAGES)[number] }
  | { page: 'experiment'; id: string }
  | { page: 'run'; id: string }
  | { page: 'dataset'; id: string }
  | { page: 'share'; id: string }
  | { page: 'not-found'; path: string }

export function parsePath(path: string): Route {
  const parts = path.split('/').filter((part) => part !== '')
  const [first, second] = parts
  if (parts.length === 0) return { page: 'experiments' }
  const plain = parts.length === 1 ? PLAIN_PAGES.find((page) => page === first) : undefined
  if (plain !== undefined) return { page: plain }
  if (parts.length === 2 && second !== undefined) {
    const id = decode(second)
    if (id !== null && first === 'experiments') return { page: 'experiment', id }
    if (id !== null && first === 'runs') return { page: 'run', id }
    if (id !== null && first === 'datasets') return { page: 'dataset', id }
    if (id !== null && first === 's') return { page: 'share', id }
  }
  return { page: 'not-found', path }
}

function decode(part: string): string | null {
  try {
    return decodeURIComponent(part)
  } catch {
    // A stray % in the address: there is no such page, which is what the reader is told.
    return null
  }
}

export const experimentHref = (id: string): string => `/experiments/${encodeURIComponent(id)}`
export const datasetHref = (name: string): string => `/datasets/${encodeURIComponent(name)}`
/** A view that was shared: readable by whoever has the link. */
export const shareHref = (token: string): string => `/s/${encodeURIComponent(token)}`
export const runHref = (id: string): string => `/runs/${encodeURIComponent(id)}`

export function compareHref(runs: readonly string[], options: { metric?: string | null; baseline?: string | null } = {}): string {
  const parts: string[] = []
  if (runs.length > 0) parts.push(`runs=${runs.map(encodeURIComponent).join(',')}`)
  if (options.metric) parts.push(`metric=${encodeURIComponent(options.metric)}`)
  if (options.baseline) parts.push(`baseline=${encodeURIComponent(options.baseline)}`)
  return parts.length === 0 ? '/compare' : `/compare?${parts.join('&')}`
}

/** The query with some keys set; null or an empty value takes a key out. Commas stay readable. */
export function withQuery(search: string, changes: Record<string, string | null>): string {
  const query = new URLSearchParams(search)
  for (const [key, value] of Object.entries(changes)) {
    if (value === null || value === '') query.delete(key)
    else query.set(key, value)
  }
  const text = query.toString().replaceAll('%2C', ',')
  return text === '' ? '' : `?${text}`
}

/** A comma-separated list in the query. */
export function listOf(value: string | null): string[] {
  return (value ?? '').split(',').map((part) => part.trim()).filter((part, index, all) => part !== '' && all.indexOf(part) === index)
}

/** A form with the file of an experiment, or of one of its runs, to change and queue again. */
export const cloneHref = (id: string): string => `/new?from=${encodeURIComponent(id)}`
