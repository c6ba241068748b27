import { expect, it } from 'vitest'
import { Closers } from './closers.js'

it('closes in the opposite order, and everything, although one fails', async () => {
  const closed: string[] = []
  const closers = new Closers()
  closers.add(() => closed.push('first'))
  closers.add(() => Promise.reject(new Error('stuck')))
  closers.add(async () => closed.push('last'))
  await expect(closers.close()).rejects.toThrow('stuck')
  expect(closed).toEqual(['last', 'first'])
  await closers.close()
  expect(closed).toHaveLength(2)
})
