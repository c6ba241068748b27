import { describe, expect, it } from 'vitest'
import { SessionCache } from './session-cache.js'

describe('SessionCache', () => {
  const setUp = (): { disposed: string[]; compiled: string[]; get: (key: string, size: number) => Promise<string>; cache: SessionCache<string> } => {
    const [disposed, compiled]: [string[], string[]] = [[], []]
    const cache = new SessionCache<string>(10, async (value) => void disposed.push(value))
    const get = (key: string, size: number): Promise<string> => cache.get(key, () => ({ size, compile: async () => {
      compiled.push(key)
      return key
    } }))
    return { disposed, compiled, get, cache }
  }

  it('drops the least recently used until the new one fits', async () => {
    const { disposed, compiled, get } = setUp()
    for (const [key, size] of [['a', 4], ['b', 4], ['a', 4], ['c', 4], ['a', 4]] as const) await get(key, size)
    expect({ disposed, compiled }).toEqual({ disposed: ['b'], compiled: ['a', 'b', 'c'] })
  })

  it('keeps one that is larger than the cache alone', async () => {
    const { disposed, compiled, get } = setUp()
    for (const key of ['a', 'big', 'big']) await get(key, key === 'big' ? 99 : 1)
    expect({ disposed, compiled }).toEqual({ disposed: ['a'], compiled: ['a', 'big'] })
  })

  it('disposes of all when cleared', async () => {
    const { disposed, get, cache } = setUp()
    for (const key of ['a', 'b']) await get(key, 1)
    await cache.clear()
    expect(disposed).toEqual(['a', 'b'])
  })

  it('gives up all when asked to, unless that is little', async () => {
    const { disposed, get, cache } = setUp()
    for (const key of ['a', 'b']) await get(key, 4)
    await cache.release(8)
    expect(disposed).toEqual([])
    await cache.release(7)
    expect(disposed).toEqual(['a', 'b'])
  })
})
