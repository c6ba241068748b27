import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { coalesce } from './coalesce.js'

describe('coalesce', () => {
  beforeEach(() => vi.useFakeTimers())
  afterEach(() => vi.useRealTimers())

  it('works at most twice a second however many calls come', async () => {
    const work = vi.fn(() => Promise.resolve())
    const { call } = coalesce(work, 500)
    for (let ms = 0; ms < 2000; ms += 10) {
      call()
      await vi.advanceTimersByTimeAsync(10)
    }
    expect(work.mock.calls.length).toBeGreaterThanOrEqual(4)
    expect(work.mock.calls.length).toBeLessThanOrEqual(5)
  })

  it('does not forget a call that came while it was busy', async () => {
    let finish = (): void => undefined
    const work = vi.fn(() => new Promise<void>((resolve) => (finish = resolve)))
    const { call } = coalesce(work, 500)
    call()
    await vi.advanceTimersByTimeAsync(0)
    call()
    await vi.advanceTimersByTimeAsync(5000)
    expect(work).toHaveBeenCalledTimes(1)
    finish()
    await vi.advanceTimersByTimeAsync(500)
    expect(work).toHaveBeenCalledTimes(2)
  })

  it('stops', async () => {
    const work = vi.fn(() => Promise.resolve())
    const { call, stop } = coalesce(work, 500)
    call()
    stop()
    await vi.advanceTimersByTimeAsync(1000)
    expect(work).not.toHaveBeenCalled()
  })
})
