import { describe, expect, it } from 'vitest'
import type { ComparisonExample } from '../../../../server/contracts/compare.js'
import { matchesSides, sideFilters, type SideFilter } from './side-by-side.js'

function example(a: number | 'NaN' | null, b: number | null): ComparisonExample {
  const cell = (score: number | 'NaN' | null) => ({ output: '', score, status: 'scored' })
  return { itemId: 'i', input: '', target: null, cells: { a: cell(a), b: cell(b) } }
}
const accuracy = { a: 'a', b: 'b', isShare: true, higherIsBetter: true }
const matching = (one: ComparisonExample, sides = accuracy): SideFilter[] =>
  sideFilters(sides.isShare).map(({ id }) => id).filter((id) => matchesSides(one, id, sides))

describe('matchesSides', () => {
  it('tells who was right', () => {
    expect(matching(example(1, 0))).toEqual(['all', 'differ', 'a-better'])
    expect(matching(example(0, 1))).toEqual(['all', 'differ', 'b-better'])
    expect(matching(example(0, 0))).toEqual(['all', 'both-wrong'])
    expect(matching(example(1, 1))).toEqual(['all'])
  })

  it('never takes a missing or NaN score for a wrong answer', () => {
    expect(matching(example(null, 1))).toEqual(['all'])
    expect(matching(example('NaN', 0))).toEqual(['all'])
  })

  it('takes the lower of two losses for the better', () => {
    expect(matching(example(0.5, 2), { ...accuracy, isShare: false, higherIsBetter: false })).toEqual(['all', 'differ', 'a-better'])
  })
})
