import { describe, expect, it } from 'vitest'
import { randomWords } from '../../experiments/statistics/random.js'
import { chunkText } from './chunker.js'
import { splitSentences } from './sentences.js'

const texts = (text: string, size: number, overlap = 0): string[] => chunkText(text, { size, overlap }).map(({ start, end }) => text.slice(start, end))

/** Words, sentences, paragraphs, long words and astral characters, by a seed. */
function someText(seed: number): string {
  const next = randomWords(seed)
  const pieces = ['peace ', 'war, ', 'union. ', 'é', '🙂', '\n\n', 'x'.repeat(70), ' ', 'Why? ', 'the nation’s ']
  return Array.from({ length: 120 }, () => pieces[next() % pieces.length]).join('')
}

describe('chunkText', () => {
  it('breaks between paragraphs, else sentences, else words, near the limit', () => {
    expect(texts('One two three.\n\nFour five six seven eight.', 22)).toEqual(['One two three.', 'Four five six seven', 'eight.'])
    expect(texts('One two three four. Five six seven.', 24)).toEqual(['One two three four.', 'Five six seven.'])
    expect(texts('One two three four five six', 14)).toEqual(['One two three', 'four five six'])
    expect(texts('One.', 14)).toEqual(['One.'])
    expect(texts('  \n ', 14)).toEqual([])
  })

  it('cuts at the limit where nothing else is near, but not through a character', () => {
    expect(texts('abcdefghij', 4)).toEqual(['abcd', 'efgh', 'ij'])
    expect(texts('abc🙂defg', 4)).toEqual(['abc', '🙂de', 'fg'])
  })

  it('repeats at most the overlap, from the start of a word', () => {
    const text = 'alpha beta gamma delta epsilon zeta'
    expect(texts(text, 17, 7)).toEqual(['alpha beta gamma', 'gamma delta', 'delta epsilon', 'zeta'])
    for (const [index, chunk] of chunkText(text, { size: 17, overlap: 7 }).entries()) {
      const before = chunkText(text, { size: 17, overlap: 7 })[index - 1]
      if (before) expect(before.end - chunk.start).toBeLessThanOrEqual(7)
    }
  })

  it.each([1, 2, 3, 4, 5, 6])('holds every character, keeps its size and goes forward (text %i)', (seed) => {
    const text = someText(seed)
    for (const [size, overlap] of [[16, 0], [16, 15], [50, 10], [50, 40], [200, 50], [5000, 0]] as const) {
      const chunks = chunkText(text, { size, overlap })
      const isCovered = new Uint8Array(text.length)
      let last = -1
      for (const { start, end } of chunks) {
        expect(end - start).toBeLessThanOrEqual(size)
        expect(start).toBeGreaterThan(last)
        expect(text.slice(start, end)).toBe(text.slice(start, end).trim())
        expect(/^[\uDC00-\uDFFF]|[\uD800-\uDBFF]$/.test(text.slice(start, end))).toBe(false)
        isCovered.fill(1, start, end)
        last = start
      }
      const missed = [...isCovered].flatMap((covered, at) => (covered === 0 && /\S/.test(text[at] ?? '') ? [at] : []))
      expect(missed).toEqual([])
    }
  })

  it('refuses an overlap that would stand still', () => {
    expect(() => chunkText('abc', { size: 10, overlap: 10 })).toThrow('overlap 10')
  })
})

describe('splitSentences', () => {
  it('is the whole text, in sentences that the encoder can read', () => {
    const text = `Mr. Speaker, the state of our union is strong. It has been a year of trial! Has it not? Yes. ${'A long clause, '.repeat(60)}and an end.`
    const sentences = splitSentences(text)
    expect(sentences.map(({ start, end }) => text.slice(start, end)).join('')).toBe(text)
    expect(text.slice(0, sentences[0]?.end)).toBe('Mr. Speaker, the state of our union is strong. ')
    expect(Math.max(...sentences.map(({ start, end }) => end - start))).toBeLessThanOrEqual(400)
  })
})
