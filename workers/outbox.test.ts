import { expect, test, vi } from 'vitest'
import { Outbox, type OutboxMessage } from './outbox.js'

function openOutbox(): { outbox: Outbox<number>; sent: OutboxMessage<number>[] } {
  vi.useFakeTimers()
  const sent: OutboxMessage<number>[] = []
  return { outbox: new Outbox<number>((message) => sent.push(message)), sent }
}

test('what comes alone goes at once, what comes close behind goes together', () => {
  const { outbox, sent } = openOutbox()
  outbox.addPoint(1)
  expect(sent).toEqual([{ points: [1], examples: [] }])
  outbox.addPoint(2)
  outbox.addExample('{"a":1}')
  outbox.addPoint(3)
  expect(sent).toHaveLength(1)
  vi.advanceTimersByTime(25)
  expect(sent[1]).toEqual({ points: [2, 3], examples: ['{"a":1}'] })
  outbox.flush()
  expect(sent).toHaveLength(2)
})

test('a full message does not wait, and nothing is lost or doubled', () => {
  const { outbox, sent } = openOutbox()
  for (let index = 0; index < 1_234; index++) outbox.addExample(String(index))
  outbox.flush()
  expect(Math.max(...sent.map(({ examples }) => examples.length))).toBe(250)
  expect(sent.flatMap(({ examples }) => examples)).toEqual(Array.from({ length: 1_234 }, (_, index) => String(index)))
})

test('a point does not wait for a timer that a native call keeps from firing', () => {
  const { outbox, sent } = openOutbox()
  outbox.addPoint(1)
  outbox.addPoint(2)
  // Time passes, but no timer fires.
  const now = performance.now()
  vi.spyOn(performance, 'now').mockReturnValue(now + 1_000)
  outbox.addPoint(3)
  expect(sent.map(({ points }) => points)).toEqual([[1], [2, 3]])
})
