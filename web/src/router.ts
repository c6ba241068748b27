/** Paths and pages, both ways. Pure: the address bar itself is in state/location.svelte.ts. */

export type Route =
  | { page: 'experiments' }
  | { page: 'experiment'; id: string }
  | { page: 'run'; id: string }
  | { page: 'compare' }
  | { page: 'system' }
  | { page: 'not-found'; path: string }

export function parsePath(path: string): Route {
  const parts = path.split('/').filter((part) => part !== '')
  const [first, second] = parts
  if (parts.length === 0) return { page: 'experiments' }
  if (parts.length === 1 && first === 'experiments') return { page: 'experiments' }
  if (parts.length === 1 && first === 'compare') return { page: 'compare' }
  if (parts.length === 1 && first === 'system') return { page: 'system' }
  if (parts.length === 2 && second !== undefined) {
    const id = decode(second)
    if (id !== null && first === 'experiments') return { page: 'experiment', id }
    if (id !== null && first === 'runs') return { page: 'run', id }
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
