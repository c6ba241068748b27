import { expect, test } from 'vitest'
import { Batcher } from './batcher.js'

interface Batches {
  batcher: Batcher<number, string>
  batches: number[][]
}

function batcherWith(more: Partial<ConstructorParameters<typeof Batcher<number, string>>[0]> = {}): Batches {
  const batches: number[][] = []
  const run = async (inputs: number[]): Promise<string[]> => {
    batches.push(inputs)
    await new Promise((resolve) => setTimeout(resolve, 5))
    if (inputs.includes(13)) throw new Error('unlucky')
    return inputs.map((input) => `<${input}>`)
  }
  return { batcher: new Batcher({ run, most: 4, lingerMs: 2, enough: 100, ...more }), batches }
}

test('answers each input, in batches of at most so many', async () => {
  const { batcher, batches } = batcherWith()
  expect(await Promise.all([1, 2, 3, 4, 5, 6].map((input) => batcher.add(input)))).toEqual(['<1>', '<2>', '<3>', '<4>', '<5>', '<6>'])
  expect(batches).toEqual([[1, 2, 3, 4], [5, 6]])
})

test('weighs inputs, and one that is too heavy goes alone', async () => {
  const { batcher, batches } = batcherWith({ mostWeight: 5, weigh: (input) => input })
  await Promise.all([2, 3, 9, 1].map((input) => batcher.add(input)))
  expect(batches).toEqual([[2, 3], [9], [1]])
})

test('waits for company, but not when there is enough', async () => {
  const { batcher, batches } = batcherWith({ lingerMs: 60_000, enough: 3 })
  const answers = [batcher.add(1), batcher.add(2)]
  await new Promise((resolve) => setTimeout(resolve, 10))
  expect(batches).toEqual([])
  answers.push(batcher.add(3))
  expect(await Promise.all(answers)).toHaveLength(3)
  expect(batches).toEqual([[1, 2, 3]])
})

test('a batch that fails fails its own inputs alone', async () => {
  const { batcher } = batcherWith({ most: 2 })
  const ends = await Promise.allSettled([1, 13, 2].map((input) => batcher.add(input)))
  expect(ends.map(({ status }) => status)).toEqual(['rejected', 'rejected', 'fulfilled'])
})
