import { expect, it } from 'vitest'
import { storable, storableJson } from './text.js'

it('keeps visible in a text what the database takes in none', () => {
  expect(storable('a\0b\uD83Dc\u{1F600}')).toBe('a\uFFFDb\uFFFDc\u{1F600}')
})

it('makes every text and name of a document storable, and leaves what only looks like an escape', () => {
  const value = { 'n\0': ['\uDC00', 'x\0'], pair: '\u{1F600}', spelled: '\\u0000 \\ud800 "\\', line: '\n\u0001' }
  expect(JSON.parse(storableJson(value))).toEqual({ ...value, 'n\0': undefined, 'n\uFFFD': ['\uFFFD', 'x\uFFFD'] })
})
