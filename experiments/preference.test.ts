import { describe, expect, it } from 'vitest'
import { preferenceOf, preferenceSentence, verdictsOf, type Vote } from './preference.js'
import { alphaInterval, krippendorffAlpha } from './statistics/agreement.js'

const vote = (item: number, choice: Vote['choice'], annotator = 'Ana', left: Vote['left'] = item % 2 === 0 ? 'a' : 'b'): Vote => ({ itemId: `i${item}`, annotator, choice, left })
const upTo = (n: number): number[] => Array.from({ length: n }, (_, item) => item)

describe('preferenceOf', () => {
  it('counts an item once, whoever judged it', () => {
    const votes = [...upTo(10).map((item) => vote(item, item < 8 ? 'b' : 'a')), vote(0, 'b', 'Rui'), vote(9, 'b', 'Rui')]
    const result = preferenceOf(votes)
    // Of the two people who judged the last item each prefers another side: a tie, and half a win in the share.
    expect(result).toMatchObject({ n: 10, votes: 12, wins: 8, losses: 1, ties: 1, share: 0.85, annotators: [{ name: 'Ana', answered: 10 }, { name: 'Rui', answered: 2 }] })
    expect(result.p).toBeCloseTo(2 * (10 / 512), 12)
    expect(result.agreement).toMatchObject({ n: 2, unanimous: 1 })
  })

  it('gives the share with Wilson’s interval where nobody ties, and the exact sign test', () => {
    const { share, low, high, p } = preferenceOf(upTo(10).map((item) => vote(item, item < 8 ? 'b' : 'a')))
    // 8 of 10: Wilson 95 % 0.4902 to 0.9433; two-sided sign test 0.109375.
    expect(share).toBe(0.8)
    expect(p).toBeCloseTo(0.109375, 12)
    expect(low).toBeCloseTo(0.4902, 4)
    expect(high).toBeCloseTo(0.9433, 4)
  })

  it('tells whether the side had a say, and nothing of what nobody judged', () => {
    expect(preferenceOf(upTo(20).map((item) => vote(item, 'a', 'Ana', 'a'))).left).toMatchObject({ n: 20, share: 1, p: expect.closeTo(2 ** -19, 12) })
    expect(preferenceOf([])).toMatchObject({ n: 0, share: null, low: null, p: null, agreement: null, left: { share: null, p: null } })
    expect(preferenceOf([vote(1, 'tie')])).toMatchObject({ share: 0.5, p: null, ties: 1 })
  })

  it('speaks of a preference only where the test and the interval do', () => {
    const told = (votes: Vote[], language: 'en' | 'pt' = 'en'): string => preferenceSentence(preferenceOf(votes), { a: 'A1', b: 'B1', language })
    expect(told(upTo(30).map((item) => vote(item, item < 25 ? 'b' : 'a')))).toMatch(/^People prefer B1 to A1: 83\.3 % for B1, ties as half \(95 % interval 66\.4 % to 92\.7 %; n = 30 items: 25 won, 5 lost, 0 tied; p < 0\.001, sign test\)\.$/)
    expect(told(upTo(10).map((item) => vote(item, item < 6 ? 'a' : 'b')), 'pt')).toMatch(/^As pessoas não preferem claramente A1 nem B1: 40,0 % para B1.*p = 0,754, teste do sinal\)\.$/)
    expect(told([])).toBe('Nobody has judged these answers yet.')
  })
})

describe('verdictsOf', () => {
  it('gives the share of good answers by item, with agreement', () => {
    const labels = upTo(6).flatMap((item) => ['Ana', 'Rui'].map((annotator) => ({ itemId: `i${item}`, annotator, label: item < 4 || (item === 4 && annotator === 'Ana') ? 'good' : 'bad' })))
    const { n, votes, share, agreement } = verdictsOf(labels)
    expect([n, votes, share]).toEqual([6, 12, 0.75])
    expect(agreement).toMatchObject({ n: 6, unanimous: 5 })
    expect(agreement?.kappa).toBeCloseTo(4 / 7, 12)
  })
})

describe('alphaInterval', () => {
  // Krippendorff 2011, "Computing Krippendorff's alpha-reliability", §B: α = 0.692.
  const ben = [...'aabbdcccedda']
  const gerry = [...'babbbcccedddd'].slice(0, 12)
  it('holds alpha, and is not there for fewer than two shared items', () => {
    expect(krippendorffAlpha([ben, gerry])).toBeCloseTo(0.692, 3)
    const interval = alphaInterval([ben, gerry])
    expect(interval?.low).toBeLessThan(0.692)
    expect(interval?.low).toBeGreaterThan(0.2)
    expect(interval?.high).toBeGreaterThan(0.692)
    expect(interval?.high).toBeLessThanOrEqual(1)
    expect(alphaInterval([['a', null], ['a', 'b']])).toBeNull()
  })
})
