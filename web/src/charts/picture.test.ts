import { describe, expect, it } from 'vitest'
import { wrapWords } from './picture.js'

describe('the text above a picture', () => {
  it('breaks between words and loses none', () => {
    const text = 'Choose rank=4: the lowest expected cost within the limits'
    const lines = wrapWords(text, 20, (part) => part.length)
    expect(lines.every((line) => line.length <= 20)).toBe(true)
    expect(lines.join(' ')).toBe(text)
    // A word wider than the picture still gets its line.
    expect(wrapWords('a incomprehensibilities b', 5, (part) => part.length)).toEqual(['a', 'incomprehensibilities', 'b'])
  })
})
