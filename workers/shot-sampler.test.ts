import { expect, test } from 'vitest'
import { nearestByWords } from './nearest-examples.js'
import type { PromptItem } from './prompt-builder.js'
import { ShotSampler, type SamplerOptions } from './shot-sampler.js'

const pool: PromptItem[] = Array.from({ length: 40 }, (_, index) => ({ id: `i${index}`, input: `text number ${index}`, target: index % 4 === 0 ? 'spam' : 'ham', cluster: `c${index >> 1}` }))
const labels = ['ham', 'spam']
const other: PromptItem = { id: 'asked', input: 'text number 7 again', target: 'ham' }

function sampler(more: Partial<SamplerOptions> = {}): ShotSampler {
  return new ShotSampler({ pool, shots: 4, negatives: 0, seed: 5, labels, sampler: 'balanced', ids: [], perItem: false, asked: { items: [], arePool: false }, nearest: null, poolName: 'the pool', ...more })
}

const ids = async (drawing: ShotSampler, item = other): Promise<string[]> => (await drawing.draw(item)).shots.map(({ id }) => id)

test.each(['balanced', 'random'] as const)('%s: k shots are the first k of 2k, for every item the same', async (kind) => {
  const eight = await ids(sampler({ sampler: kind, shots: 8 }))
  expect(await ids(sampler({ sampler: kind, shots: 4 }))).toEqual(eight.slice(0, 4))
  expect(await ids(sampler({ sampler: kind, shots: 8 }), { ...other, id: 'another', input: 'else' })).toEqual(eight)
  expect(await ids(sampler({ sampler: kind, shots: 8, seed: 6 }))).not.toEqual(eight)
})

test('per item: draws differ between items, not between runs, and still nest', async () => {
  const drawing = sampler({ perItem: true, shots: 6 })
  const first = await ids(drawing)
  expect(await ids(sampler({ perItem: true, shots: 6 }))).toEqual(first)
  expect(await ids(sampler({ perItem: true, shots: 3 }))).toEqual(first.slice(0, 3))
  expect(await ids(drawing, { ...other, id: 'another', input: 'else' })).not.toEqual(first)
})

test('the item itself, its twin by text and its cluster are never shown, even from the tested split', async () => {
  const drawing = sampler({ shots: 30, sampler: 'random' })
  for (const item of pool) {
    const shown = (await drawing.draw(item)).shots
    expect(shown.some(({ id, cluster }) => id === item.id || cluster === item['cluster'])).toBe(false)
  }
  const twin: PromptItem = { id: 'twin', input: ' text number 3\n', target: 'ham' }
  expect(await ids(sampler({ shots: 39, sampler: 'random' }), twin)).not.toContain('i3')
})

test('too few that may be shown is said, with the item', async () => {
  await expect(sampler({ shots: 39, sampler: 'random' }).draw({ ...other, ...pool[0], id: 'i0' })).rejects.toThrow('item "i0" can be shown only 38 of 39 examples of the pool')
})

test('nearest: by shared words, the nearest last, and k among 2k', async () => {
  const near = (shots: number): Promise<string[]> => ids(sampler({ sampler: 'nearest', shots, nearest: nearestByWords(pool) }))
  const two = await near(2)
  expect(two.at(-1)).toBe('i7')
  expect((await near(4)).slice(2)).toEqual(two)
})

test('fixed: the first ids, in their order; negatives have a wrong answer', async () => {
  const drawing = sampler({ sampler: 'fixed', ids: ['i9', 'i2', 'i5'], shots: 2, negatives: 2 })
  const { shots, negatives } = await drawing.draw(other)
  expect(shots.map(({ id }) => id)).toEqual(['i9', 'i2'])
  expect(negatives.every(({ item, wrong }) => wrong !== item.target && labels.includes(wrong) && !shots.includes(item))).toBe(true)
})
