import { expect, it } from 'vitest'
import { peopleAnswer } from './people-agreement.js'

const says = (itemId: string, verdict: 'good' | 'bad' | null, annotator = 'ana') => ({ itemId, annotator, verdict })
const items = Array.from({ length: 20 }, (_, item) => `i${item}`)

it('holds a scorer to the majority of people, with n, agreement and interval', () => {
  const annotations = items.map((id, item) => says(id, item < 10 ? 'good' : 'bad'))
  const scores = items.map((_, item) => (item < 8 || item === 19 ? 0.75 : 0.25))
  const answer = peopleAnswer(annotations, new Map([['tone', { itemIds: items, scores }]]))
  expect(answer).toMatchObject({ items: 20, annotators: ['ana'], alpha: null, scorers: { tone: { n: 20, agreed: 17, kappa: expect.closeTo(0.7, 12) as number } } })
  expect(answer?.scorers['tone']?.low).toBeLessThan(0.7)
})

it('leaves out items without a majority or a score, and tells how far people agree among each other', () => {
  const annotations = [says('i0', 'good'), says('i0', 'bad', 'bia'), says('i1', 'good'), says('i1', 'good', 'bia'), says('i2', 'bad'), says('i2', 'bad', 'bia'), says('i3', 'good'), says('i4', null)]
  const answer = peopleAnswer(annotations, new Map([['tone', { itemIds: items, scores: [1, 1, 0, NaN] }]]))
  expect(answer).toMatchObject({ items: 4, annotators: ['ana', 'bia'], scorers: { tone: { n: 2, agreed: 2, kappa: 1 } } })
  // Units of two: gb, gg, bb. Observed disagreement 2/6; expected 2·3·3/(6·5): alpha = 1 − (2/6)/(18/30).
  expect(answer?.alpha).toBeCloseTo(1 - 2 / 6 / (18 / 30), 12)
})

it('is not there where nobody said good or bad', () => {
  expect(peopleAnswer([says('i0', null)], new Map())).toBeNull()
})
