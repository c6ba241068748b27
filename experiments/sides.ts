/* Which items of a comparison stand side by side: for example those that A got right and B wrong. Pure. */
import { ItemIndex, type ScoreColumns } from './score-columns.js'

export const SIDE_FILTERS = ['all', 'different', 'differ', 'a-better', 'b-better', 'both-wrong'] as const
/** different: any two runs differ; differ: A and B do. */
export type SideFilter = (typeof SIDE_FILTERS)[number]

export interface SidesRequest {
  show: SideFilter
  /** Places of A and B among the runs. */
  a: number
  b: number
  higherIsBetter: boolean
  /** These items alone; null: all. */
  only?: ReadonlySet<string> | null
  offset: number
  limit: number
}

/**
 * Whether an item passes the filter. A missing or NaN score is never taken for a wrong answer, and
 * never for a difference between A and B.
 */
function matches(show: SideFilter, { a, b, higherIsBetter }: { a: number; b: number; higherIsBetter: boolean }): boolean {
  if (show === 'all') return true
  if (Number.isNaN(a) || Number.isNaN(b)) return false
  if (show === 'both-wrong') return a === 0 && b === 0
  if (show === 'a-better') return higherIsBetter ? a > b : a < b
  if (show === 'b-better') return higherIsBetter ? b > a : b < a
  return a !== b
}

/** One page of item ids, in the order of the first run, then what only the others have; and how many match in all. */
export function selectItems(runs: readonly ScoreColumns[], request: SidesRequest): { itemIds: string[]; total: number } {
  const { show, offset, limit, only = null } = request
  const indexes = runs.map((columns) => new ItemIndex(columns))
  const scoreAt = (run: number, id: string, guess: number): number => runs[run]?.scores[indexes[run]?.placeOf(id, guess) ?? -1] ?? NaN
  const passes = (id: string, guess: number): boolean => {
    if (show !== 'different') return matches(show, { ...request, a: scoreAt(request.a, id, guess), b: scoreAt(request.b, id, guess) })
    const first = scoreAt(0, id, guess)
    return runs.some((_, run) => !Object.is(scoreAt(run, id, guess), first))
  }
  const itemIds: string[] = []
  let total = 0
  runs.forEach(({ itemIds: ids }, run) => {
    ids.forEach((id, place) => {
      for (let earlier = 0; earlier < run; earlier++) if ((indexes[earlier]?.placeOf(id, place) ?? -1) >= 0) return
      if ((only !== null && !only.has(id)) || !passes(id, place)) return
      if (total >= offset && itemIds.length < limit) itemIds.push(id)
      total++
    })
  })
  return { itemIds, total }
}
