import { describe, expect, it } from 'vitest'
import { sharedOpening, telling } from './telling.js'

const SHOTS = 'Make a fortune on eBay, work at home today!\nLabel: spam\n\n'

describe('what tells inputs apart', () => {
  it('leaves out the examples that all of them begin with', () => {
    const inputs = ['Re: lunch\nLabel:', 'Re: dinner\nLabel:'].map((own) => SHOTS + own)
    const opening = sharedOpening(inputs)
    expect(opening).toBe(SHOTS.length)
    expect(inputs.map((input) => telling(input, opening))).toEqual(['… Re: lunch Label:', '… Re: dinner Label:'])
  })

  it('leaves short openings and single inputs whole, and an input that is nothing but the opening', () => {
    expect(sharedOpening(['E-mail: a', 'E-mail: b'])).toBe(0)
    expect(sharedOpening([SHOTS])).toBe(0)
    expect(sharedOpening([])).toBe(0)
    expect(telling(SHOTS, SHOTS.length)).toBe('Make a fortune on eBay, work at home today! Label: spam')
  })
})
