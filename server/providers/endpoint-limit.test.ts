import { expect, test } from 'vitest'
import { EndpointLimit, LEASE_MS, type ShareRequest } from './endpoint-limit.js'

const report = (wanted: number, more: Partial<ShareRequest> = {}): ShareRequest => ({ wanted, inFlight: 0, answered: 0, throttled: 0, overloaded: 0, retryAfterMs: null, ...more })

test('begins with what the first run wants', () => {
  expect(new EndpointLimit().exchange('a', report(8), 0)).toEqual({ share: 8, pauseMs: 0 })
})

test('halves after a 429, once for all calls that were in flight, and pauses every run', () => {
  const limit = new EndpointLimit()
  limit.exchange('a', report(16), 0)
  expect(limit.exchange('a', report(16, { throttled: 5, retryAfterMs: 300 }), 10)).toEqual({ share: 8, pauseMs: 300 })
  expect(limit.exchange('a', report(16, { throttled: 3 }), 20).share).toBe(8)
  expect(limit.exchange('b', report(4), 110).pauseMs).toBe(200)
  expect(limit.exchange('a', report(16, { overloaded: 1 }), 5_000).share).toBeLessThanOrEqual(4)
})

test('answers to calls from before a cut raise nothing', () => {
  const limit = new EndpointLimit()
  limit.exchange('a', report(12), 0)
  limit.exchange('a', report(12, { throttled: 1, retryAfterMs: 3_000 }), 10)
  expect(limit.exchange('a', report(12, { answered: 11 }), 310).share).toBe(6)
  expect(limit.exchange('a', report(12, { answered: 6 }), 3_100).share).toBe(7)
})

test('grows by one for each window of answers, up to what is wanted', () => {
  const limit = new EndpointLimit()
  limit.exchange('a', report(10), 0)
  limit.exchange('a', report(10, { throttled: 1 }), 10)
  expect(limit.exchange('a', report(10, { answered: 5 }), 2_000).share).toBe(6)
  for (let now = 2_100; now < 9_000; now += 100) limit.exchange('a', report(10, { answered: 50 }), now)
  expect(limit.exchange('a', report(10), 9_000).share).toBe(10)
})

test('never grants what another run still holds, and comes to equal shares', () => {
  const limit = new EndpointLimit()
  limit.exchange('a', report(8), 0)
  expect(limit.exchange('b', report(8), 10).share).toBe(0)
  expect(limit.exchange('a', report(8, { inFlight: 8 }), 20).share).toBe(4)
  // Its eight calls are still under way: nothing is free yet.
  expect(limit.exchange('b', report(8), 30).share).toBe(0)
  expect(limit.exchange('a', report(8, { inFlight: 4 }), 40).share).toBe(4)
  expect(limit.exchange('b', report(8), 50).share).toBe(4)
  expect(limit.describe(60)).toMatchObject({ limit: 8, inUse: 8, runs: 2 })
})

test('a run that wants little leaves the rest to others', () => {
  const limit = new EndpointLimit()
  limit.exchange('a', report(2), 0)
  limit.exchange('a', report(0), 1)
  limit.exchange('big', report(20), 2)
  for (let now = 10; now < 2_000; now += 10) limit.exchange('big', report(20, { answered: 40 }), now)
  limit.exchange('a', report(2), 2_000)
  expect(limit.exchange('big', report(20), 2_010).share).toBeGreaterThanOrEqual(18)
  expect(limit.exchange('a', report(2), 2_020).share).toBe(2)
})

test('one call at a time goes to whoever was answered least', () => {
  const limit = new EndpointLimit()
  limit.exchange('a', report(1), 0)
  expect(limit.exchange('b', report(1), 1).share).toBe(0)
  expect(limit.exchange('a', report(1, { answered: 3 }), 2).share + limit.exchange('b', report(1), 3).share).toBeGreaterThanOrEqual(1)
})

test('a run that falls silent, or gives its share back, holds nothing', () => {
  const limit = new EndpointLimit()
  limit.exchange('a', report(8), 0)
  expect(limit.exchange('b', report(8), 1).share).toBe(0)
  expect(limit.exchange('b', report(8), LEASE_MS + 1).share).toBe(8)
  limit.exchange('b', report(0), LEASE_MS + 2)
  expect(limit.describe(LEASE_MS + 3).runs).toBe(0)
})
