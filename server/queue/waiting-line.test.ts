import { expect, it } from 'vitest'
import { takeWhenThere, WaitingLine } from './waiting-line.js'

it('looks again when a message came while it looked', async () => {
  const line = new WaitingLine()
  let looks = 0
  const look = async (): Promise<string | null> => {
    looks += 1
    if (looks > 1) return 'run'
    line.wake()
    return null
  }
  const startedMs = performance.now()
  expect(await takeWhenThere(look, { line, pollMs: 10_000, waitMs: 10_000 })).toBe('run')
  expect(performance.now() - startedMs).toBeLessThan(2_000)
})

it('looks once more at the end of the wait, and not at all for who has left', async () => {
  const line = new WaitingLine()
  let looks = 0
  const look = async (): Promise<string | null> => {
    looks += 1
    return null
  }
  expect(await takeWhenThere(look, { line, pollMs: 1_000, waitMs: 20 })).toBeNull()
  // A timer may fire a moment early; then there is one look more.
  expect(looks).toBeGreaterThanOrEqual(2)
  looks = 0
  expect(await takeWhenThere(look, { line, pollMs: 1_000, waitMs: 1_000, signal: AbortSignal.abort() })).toBeNull()
  expect(looks).toBe(0)
})
