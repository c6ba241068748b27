import { expect, test } from 'vitest'
import { CallsUnderWay } from './calls-under-way.js'

test('what one run asks, another waits for; its own it may ask again', () => {
  const calls = new CallsUnderWay()
  expect(calls.claim('a', ['1', '2'], 0)).toEqual([])
  expect(calls.claim('b', ['2', '3'], 10)).toEqual(['2'])
  expect(calls.claim('a', ['1', '2', '3'], 20)).toEqual(['3'])
})

test('stored replies, ended runs and old marks keep nobody waiting', () => {
  const calls = new CallsUnderWay()
  calls.claim('a', ['1', '2', '3'], 0)
  calls.settle(['1'])
  expect(calls.claim('b', ['1', '2'], 1)).toEqual(['2'])
  expect(calls.claim('c', ['3'], 60_001)).toEqual([])
  calls.drop('a')
  expect(calls.claim('b', ['2'], 2)).toEqual([])
  for (const run of ['b', 'c']) calls.drop(run)
  expect(calls.size).toBe(0)
})
