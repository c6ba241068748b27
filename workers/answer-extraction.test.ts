import { expect, test } from 'vitest'
import { ExtractionSchema } from '../server/contracts/index.js'
import { extractAnswer } from './answer-extraction.js'

const reasoning = 'First 12 apples, then 3.\nSo 12 + 3 = 15.\n#### 15\nDone, as asked: 15,000 thanks'

test.each([
  ['none', reasoning],
  ['last_number', '15,000'],
  [{ after: '####' }, '15'],
  [{ after: 'SO' }, '12 + 3 = 15.'],
  [{ after: 'Answer:' }, null],
  [{ regex: '(\\d+) \\+ (\\d+)', group: 2 }, '3'],
  [{ regex: '\\d+', match: 'first' }, '12'],
  [{ regex: '#### (\\-?[0-9\\.\\,]+)' }, '15'],
  [{ regex: 'no such (.*)' }, null],
])('%j takes %j', (how, answer) => {
  expect(extractAnswer(reasoning, ExtractionSchema.parse(how))).toBe(answer)
})

test('a marker at the end of its line stands before the next one', () => {
  expect(extractAnswer('Answer:\n\n  yes \n', { after: 'answer:' })).toBe('yes')
})

test('a broken expression is refused with the file', () => {
  expect(ExtractionSchema.safeParse({ regex: '(' }).success).toBe(false)
})
