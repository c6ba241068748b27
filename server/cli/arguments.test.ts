import { expect, test } from 'vitest'
import { budgetOf, notNegative, oneOf, onlyGiven, positive, UsageError, wholeNumber } from './arguments.js'
import { COMMANDS, refuse } from './command-table.js'

test('numbers are read, and what is none is named with its option', () => {
  expect([wholeNumber('0', '--step'), positive('0.02', '--margin'), notNegative('0', '--error-cost')]).toEqual([0, 0.02, 0])
  expect(wholeNumber(undefined, '--step')).toBeUndefined()
  expect(() => wholeNumber('1.5', '--step')).toThrow('--step takes a whole number from 0 up, not "1.5"')
  expect(() => wholeNumber('0', '--limit', 1)).toThrow('--limit takes a whole number from 1 up, not "0"')
  expect(() => positive('0', '--margin')).toThrow('not "0"')
  for (const text of ['', ' ', 'much', 'Infinity', '-1']) expect(() => notNegative(text, '--error-cost')).toThrow(UsageError)
})

test('a budget holds what is given and nothing else', () => {
  expect(budgetOf({ usd: '0.5', calls: '100' })).toEqual({ usd: 0.5, calls: 100 })
  expect(() => budgetOf({ minutes: 'ten' })).toThrow('--minutes takes a number above 0')
  expect(onlyGiven({ a: 0, b: undefined, c: '' })).toEqual({ a: 0, c: '' })
})

test('a word that is not known is answered with those that are', () => {
  expect(oneOf('up', ['up', 'down'], 'where it goes')).toBe('up')
  expect(() => oneOf('left', ['up', 'down'], 'where it goes')).toThrow('where it goes is one of up, down, not "left"')
})

test('an option of another command is refused', () => {
  expect(() => refuse({ step: '3' }, ['step'], 'ls')).toThrow('ls takes no --step')
  expect(() => refuse({ json: true }, ['step'], 'ls')).not.toThrow()
  expect(COMMANDS['pick']?.options).toContain('step')
})
