import { describe, expect, test } from 'vitest'
import { compilePythonRegex, findAll } from './python-regex.js'

describe('patterns in the dialect of Python', () => {
  // Each row was run through Python 3.11's re.findall.
  test.each([
    ['#### (\\-?[0-9\\.\\,]+)', 'so\n#### 1,234.5', ['1,234.5']],
    ['(?i)answer: (\\w)', 'ANSWER: b Answer: C', ['b', 'C']],
    ['(?s)<a>(.*)</a>', '<a>one\ntwo</a>', ['one\ntwo']],
    ['(?P<year>\\d{4})-(?P=year)', '2001-2001 2001-2002', ['2001']],
    ['\\A\\d+', '12 34', ['12']],
    ['\\d+\\Z', '12\n34', ['34']],
    ['[]x]+', 'a]x]b', [']x]']],
    ['[^]x]+', 'a]x]b', ['a', 'b']],
    ['(?#a note)b', 'abc', ['b']],
    ['\\(([A-D])\\)', 'it is (C)', ['C']],
    ['(-?[$0-9.,]{2,})|(-?[0-9]+)', 'cost $12.50 for 3', ['$12.50', '3']],
    ['[(?P<]+', 'a(?P<b', ['(?P<']],
  ])('%s', (pattern, text, found) => {
    expect(findAll(compilePythonRegex(pattern), text)).toEqual(found)
  })

  test.each([
    ['(?x) a b', /verbose/],
    ['(a)(?(1)b|c)', /conditional/],
    ['(?>a+)b', /atomic/],
    ['a++b', /possessive/],
    ['(unclosed', /"\(unclosed" cannot be read/],
  ])('%s is refused by name', (pattern, message) => {
    expect(() => compilePythonRegex(pattern)).toThrow(message)
  })

  test('a plus after an escaped or bracketed one is no possessive quantifier', () => {
    expect(findAll(compilePythonRegex('\\++'), 'a++b')).toEqual(['++'])
    expect(findAll(compilePythonRegex('[+]+'), 'a++b')).toEqual(['++'])
  })
})
