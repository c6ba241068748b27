import { describe, expect, it } from 'vitest'
import type { TokenLossTable } from '../../../../server/contracts/http.js'
import { CHANGE_LEVELS, changeInWords, dataRows, levelOf, LOSS_LEVELS, piecesOf, stepsToCompare, visible, type TokenChange } from './token-losses.js'

const table: TokenLossTable = {
  itemId: 'a',
  pieces: [{ text: 'Is it? ', counted: false }, { text: ' yes', counted: true }, { text: '.', counted: true }, { text: '\n', counted: true }],
  evaluations: [{ step: 10, losses: [1, 2, 0] }, { step: 20, losses: [0.5, 0.5, 0] }, { step: 30, losses: [3, 0.25, 'NaN'] }],
}
const tokensOf = (from: number | null, to: number): TokenChange[] => piecesOf(table, { from, to }).flatMap(({ token }) => token ?? [])

describe('stepsToCompare', () => {
  it('takes what was asked where the item has it, else the last against the lowest before it', () => {
    expect(stepsToCompare(table, { from: 10, to: 20 })).toEqual({ from: 10, to: 20 })
    expect(stepsToCompare(table, { from: 11, to: 30 })).toEqual({ from: 20, to: 30 })
    expect(stepsToCompare(table, { from: 12, to: 13 })).toEqual({ from: 20, to: 30 })
    // Nothing lies before the first: then what comes later.
    expect(stepsToCompare(table, { from: 10, to: 10 })).toEqual({ from: 20, to: 10 })
    expect(stepsToCompare({ ...table, evaluations: table.evaluations.slice(0, 1) }, { from: 20, to: 30 })).toEqual({ from: null, to: 10 })
    expect(stepsToCompare({ ...table, evaluations: [] }, { from: 20, to: 30 })).toBeNull()
  })
})

describe('the tokens', () => {
  it('get the losses in their order, and text that is only read gets none', () => {
    expect(piecesOf(table, { from: 10, to: 30 }).map(({ token }) => token?.change ?? null)).toEqual([null, 2, -1.75, NaN])
    expect(tokensOf(null, 20)[0]).toEqual({ position: 1, text: ' yes', from: NaN, to: 0.5, change: NaN })
    expect(dataRows(table)).toEqual([['position', 'token', 'step 10', 'step 20', 'step 30'], ['1', ' yes', '1', '0.5', '3'], ['2', '.', '2', '0.5', '0.25'], ['3', '\n', '0', '0', 'NaN']])
  })

  it('are told by the sum of what can be compared, and by the tokens that go its way', () => {
    expect(changeInWords(tokensOf(20, 30), { from: 20, to: 30 })).toBe('From step 20 to step 30 the loss of this item rises by 2.250 nats over its 2 tokens, most of all at “yes” (+2.500).')
    expect(changeInWords(tokensOf(10, 20), { from: 10, to: 20 })).toContain('falls by 2 nats over its 3 tokens, most of all at “.” (−1.500), “yes” (−0.500).')
    expect(changeInWords(tokensOf(10, 10), { from: 10, to: 10 })).toBe('From step 10 to step 10 the loss of this item does not change.')
  })

  it('stand in levels of fixed size, a fall with a minus', () => {
    expect([-3, -0.5, -0.05, 0, 0.1, 0.7, 2, Infinity, NaN].map((value) => levelOf(value, CHANGE_LEVELS))).toEqual([-3, -2, 0, 0, 1, 2, 3, 3, null])
    expect([0, 0.2, 0.7, 1.5, 3, 9].map((value) => levelOf(value, LOSS_LEVELS))).toEqual([0, 1, 2, 3, 4, 5])
  })

  it('show their white space and broken characters', () => {
    expect(['', ' a', '  ', '\n', 'a\nb'].map(visible)).toEqual(['⋯', ' a', '␣␣', '↵', 'a↵b'])
  })
})
