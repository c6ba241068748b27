/** Which items of a comparison stand side by side: for example those that A got right and B wrong. Pure. */
import type { ComparisonExample } from '../../../../server/contracts/compare.js'

export type SideFilter = 'all' | 'differ' | 'a-better' | 'b-better' | 'both-wrong'

export interface Sides {
  a: string
  b: string
  isShare: boolean
  higherIsBetter: boolean
}

export const scoreOf = (example: ComparisonExample, run: string): number | null => {
  const score = example.cells[run]?.score
  return score == null ? null : Number(score)
}

export function matchesSides(example: ComparisonExample, filter: SideFilter, sides: Sides): boolean {
  if (filter === 'all') return true
  const [a, b] = [scoreOf(example, sides.a), scoreOf(example, sides.b)]
  if (a === null || b === null || Number.isNaN(a) || Number.isNaN(b)) return false
  if (filter === 'differ') return a !== b
  if (filter === 'both-wrong') return a === 0 && b === 0
  const isABetter = sides.higherIsBetter ? a > b : a < b
  const isBBetter = sides.higherIsBetter ? b > a : b < a
  return filter === 'a-better' ? isABetter : isBBetter
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
