import { describe, expect, it } from 'vitest'
import { diffWords, marksBetween } from './text-diff.js'

const told = (before: string, after: string): string => diffWords(before, after).map(({ kind, text }) => (kind === 'same' ? text : kind === 'added' ? `{+${text}+}` : `[-${text}-]`)).join('')

describe('diffWords', () => {
  it('marks words, keeping what both texts share in order', () => {
    expect(told('The answer is ham.', 'The answer is spam.')).toBe('The answer is [-ham-]{+spam+}.')
    expect(told('a b c', 'a x b c')).toBe('a {+x +}b c')
    expect(told('a x b c', 'a b c')).toBe('a [-x -]b c')
    expect(told('', 'São João')).toBe('{+São João+}')
    expect(told('same', 'same')).toBe('same')
    expect(diffWords('', '')).toEqual([])
  })

  it('rebuilds both texts, with as few edits as the longest common subsequence allows', () => {
    let state = 7
    const draw = (n: number): number => (state = (state * 48_271) % 2_147_483_647) % n
    for (let trial = 0; trial < 200; trial++) {
      const text = (): string[] => Array.from({ length: draw(12) }, () => 'abc'[draw(3)] ?? 'a')
      const [before, after] = [text(), text()]
      const parts = diffWords(before.join('.'), after.join('.'))
      const without = (kind: string): string => parts.filter((part) => part.kind !== kind).map((part) => part.text).join('')
      expect([without('added'), without('removed')]).toEqual([before.join('.'), after.join('.')])
      const words = (text: string): string[] => text.match(/\.|[a-c]+/g) ?? []
      const shared = parts.filter(({ kind }) => kind === 'same').flatMap(({ text }) => words(text)).length
      expect(shared).toBe(longestCommon(words(before.join('.')), words(after.join('.'))))
    }
  })

  it('marks nothing where the texts have hardly a word in common', () => {
    expect(marksBetween('One answer about the weather of today', 'Something else entirely, in other words')).toBeNull()
    expect(marksBetween('ham', 'spam')).toHaveLength(2)
    expect(marksBetween('', 'a rather long answer without a counterpart')).toHaveLength(1)
  })

  it('gives up on texts that are too far apart, without losing a word', () => {
    const [before, after] = ['a', 'b'].map((letter) => Array.from({ length: 2_000 }, (_, index) => `${letter}${index}`).join(' '))
    expect(diffWords(before ?? '', after ?? '').map(({ kind }) => kind)).toEqual(['removed', 'added'])
  })
})

function longestCommon(a: readonly string[], b: readonly string[]): number {
  let row = Array.from({ length: b.length + 1 }, () => 0)
  for (const word of a) {
    const next = [0]
    for (const [index, other] of b.entries()) next.push(word === other ? (row[index] ?? 0) + 1 : Math.max(row[index + 1] ?? 0, next[index] ?? 0))
    row = next
  }
  return row.at(-1) ?? 0
}
