/** Which items of a comparison stand side by side: what the address asks for, in the words of the page. Pure; the server selects them. */
import type { ComparisonExample } from '../../../../server/contracts/compare.js'
import type { SideFilter } from '../../../../experiments/sides.js'

export const PAGE_SIZE = 25

export const scoreOf = (example: ComparisonExample, run: string): number | null => {
  const score = example.cells[run]?.score
  return score == null ? null : Number(score)
}

export function sideFilters(isShare: boolean): { id: SideFilter; word: string }[] {
  return [
    { id: 'all', word: 'All items' },
    { id: 'differ', word: 'A and B differ' },
    { id: 'a-better', word: isShare ? 'A right, B wrong' : 'A better than B' },
    { id: 'b-better', word: isShare ? 'B right, A wrong' : 'B better than A' },
    ...(isShare ? [{ id: 'both-wrong' as const, word: 'Both wrong' }] : []),
  ]
}

/** δ as the address writes it; null where it is none. */
export function marginOf(text: string | null): number | null {
  const value = Number(text)
  return text !== null && value > 0 && Number.isFinite(value) ? value : null
}

/** The page of items that the address asks for; what names nothing that is there is left out. */
export function sidesOf(query: URLSearchParams, runs: readonly string[]): { show: SideFilter; a: string | null; b: string | null; offset: number; limit: number } {
  const named = (key: string): string | null => runs.find((id) => id === query.get(key)) ?? null
  const page = Math.max(1, Number.parseInt(query.get('page') ?? '1', 10) || 1)
  const show = sideFilters(true).find(({ id }) => id === query.get('show'))?.id ?? 'all'
  return { show, a: named('a'), b: named('b'), offset: (page - 1) * PAGE_SIZE, limit: PAGE_SIZE }
}
