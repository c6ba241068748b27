import { describe, expect, it } from 'vitest'
import type { Tokenizer } from '../engine/formats/tokenizer.js'
import { describeTokens, TokenLossChoice, type EvaluatedItem } from './token-losses.js'

/** Characters are tokens; { and } are the two bytes of ç, 0 ends the text. */
const tokenizer = {
  decode: (ids: readonly number[], { skipSpecialTokens = false } = {}) =>
    ids.map((id) => (id === 0 ? (skipSpecialTokens ? '' : '</s>') : String.fromCharCode(id))).join('').replaceAll('{}', 'ç').replaceAll(/[{}]/g, '\ufffd'),
  tokenText: (id: number) => (id === 0 ? '</s>' : undefined),
} as Pick<Tokenizer, 'decode' | 'tokenText'> as Tokenizer
const letters = (text: string): number[] => [...text].map((letter) => letter.charCodeAt(0))

describe('describeTokens', () => {
  it('tells what is only read in one piece and what is learned token by token, the end of text included', () => {
    expect(describeTokens(tokenizer, { tokens: [...letters('ab:xy'), 0], labels: [-100, -100, -100, 120, 121, 0] })).toEqual({ texts: ['ab:', 'x', 'y', '</s>'], counted: [false, true, true, true] })
    expect(describeTokens(tokenizer, { tokens: letters('abcd'), labels: letters('abcd') })).toEqual({ texts: ['a', 'b', 'c', 'd'], counted: [false, true, true, true] })
    expect(describeTokens(tokenizer, { tokens: letters('qaqb'), labels: [-100, 97, -100, 98] }).texts).toEqual(['q', 'a', 'q', 'b'])
  })

  it('gives a character of several tokens to the one that completes it, and keeps the end of a long context', () => {
    expect(describeTokens(tokenizer, { tokens: letters('a{}{'), labels: [-100, ...letters('{}{')] })).toEqual({ texts: ['a', '', 'ç', '\ufffd'], counted: [false, true, true, true] })
    const [context] = describeTokens(tokenizer, { tokens: letters('x'.repeat(500) + 'y'), labels: [...Array<number>(500).fill(-100), 121] }).texts
    expect(context).toBe(`…${'x'.repeat(400)}`)
  })
})

const item = (itemId: string, ...losses: number[]): EvaluatedItem => ({
  itemId, loss: losses.reduce((sum, one) => sum + one, 0) / losses.length, tokens: losses.length, tokenLosses: Float32Array.from(losses), example: { id: itemId, tokens: letters('qaa'), labels: [-100, 97, 97] },
})
const kept = ({ losses }: ReturnType<TokenLossChoice['choose']>): string[] => losses.map(({ itemId, step, losses: values }) => `${itemId}@${step}: ${[...values].join(' ')}`)

describe('TokenLossChoice', () => {
  it('keeps all tokens where they are few, and describes each item once', () => {
    const choice = new TokenLossChoice(tokenizer, 4)
    expect(choice.choose(0, [item('a', 1, 2), item('b', 3, 4)])).toMatchObject({ items: [{ itemId: 'a' }, { itemId: 'b' }] })
    expect(choice.choose(5, [item('a', 2, 2), item('b', 2, 2)])).toMatchObject({ items: [], losses: [{ itemId: 'a', step: 5 }, { itemId: 'b', step: 5 }] })
  })

  it('keeps the items that rose most since their lowest, with that lowest, and no more than was asked', () => {
    const choice = new TokenLossChoice(tokenizer, 4)
    expect(kept(choice.choose(0, [item('a', 3, 3), item('b', 3, 3), item('c', 3, 3)]))).toEqual(['a@0: 3 3', 'b@0: 3 3'])
    // All fall: the data's order among equals, and c, which has no tokens yet, does not fit beside a.
    expect(kept(choice.choose(5, [item('a', 2, 2), item('b', 2, 2), item('c', 1, 1)]))).toEqual(['a@5: 2 2', 'b@5: 2 2'])
    const last = choice.choose(10, [item('a', 2, 2), item('b', 2, 3), item('c', 4, 4)])
    expect(kept(last)).toEqual(['c@10: 4 4', 'c@5: 1 1'])
    expect(last.items.map(({ itemId }) => itemId)).toEqual(['c'])
    expect(kept(choice.choose(15, [item('a', 2, 2), item('b', 2, 2), item('c', 5, 5)]))).toEqual(['c@15: 5 5', 'a@15: 2 2'])
  })

  it('puts a loss that is no number last, and leaves out what does not fit at all', () => {
    const choice = new TokenLossChoice(tokenizer, 2)
    expect(kept(choice.choose(0, [item('a', NaN), item('b', 1, 1, 1), item('c', 2)]))).toEqual(['c@0: 2', 'a@0: NaN'])
  })
})
