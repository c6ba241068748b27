import { fileURLToPath } from 'node:url'
import { expect, it } from 'vitest'
import { findLeaks } from './leaks.js'
import { jaccard, nearPairs, shinglesOf } from './near-twins.js'
import { profileDataset } from './profile.js'
import { openDataset, type Dataset } from './reader.js'

const here = fileURLToPath(new URL('.', import.meta.url))

function dataset(items: Record<string, [string, string][]>): Dataset {
  async function* stream(split: string) {
    for (const [index, [input, target]] of (items[split] ?? []).entries()) yield { id: `${split}-${index}`, input, target }
  }
  return { manifest: { task: 'classification' }, hash: 'h', splits: Object.fromEntries(Object.entries(items).map(([split, list]) => [split, list.length])), stream } as unknown as Dataset
}

it('tells lengths, labels, duplicates and leaks apart', async () => {
  const profile = await profileDataset(dataset({ train: [['Win a PRIZE now!', 'spam'], ['win a prize now', 'spam'], ['Lunch at noon?', 'ham']], test: [['Win a prize, now', 'spam'], ['x'.repeat(47), 'ham']], none: [] }))
  expect(profile.splits.map(({ split, items, labels, lengths }) => [split, items, labels, lengths?.p50 ?? null, lengths?.max ?? null])).toEqual([
    ['train', 3, { spam: 2, ham: 1 }, 15, 16],
    ['test', 2, { spam: 1, ham: 1 }, 16, 47],
    ['none', 0, {}, null, null],
  ])
  expect(profile.splits.map(({ bins }) => bins.reduce((sum, count) => sum + count, 0))).toEqual([3, 2, 0])
  expect(profile.edges[1]).toBe(2)
  expect([profile.duplicates.total, profile.duplicates.shown[0]?.places.map(({ id }) => id)]).toEqual([1, ['train-0', 'train-1']])
  expect([profile.leaks.total, profile.leaks.shown[0]?.places.map(({ id }) => id)]).toEqual([1, ['train-0', 'train-1', 'test-0']])
})

it('finds the near twins that comparing all pairs finds', () => {
  const words = (seed: number, count: number): string[] => Array.from({ length: count }, (_, index) => `w${(seed * 7919 + index * 104_729) % 997}`)
  const texts = Array.from({ length: 60 }, (_, index) => {
    // Every third text is the one before with some of its words changed.
    const base = words(index - (index % 3 === 0 ? 0 : index % 3), 40)
    for (let changed = 0; changed < index % 3; changed += 1) base[changed * 17] = `new${index}`
    return { text: base.join(' '), group: index % 2 === 0 ? 'train' : 'test' }
  })
  const sets = texts.map(({ text }) => shinglesOf(text))
  const exact = texts.flatMap((one, a) => texts.flatMap((other, b) => (a < b && one.group !== other.group && jaccard(sets[a] ?? new Set(), sets[b] ?? new Set()) >= 0.7 ? [`${a}-${b}`] : [])))
  expect(exact.length).toBeGreaterThan(10)
  expect(nearPairs(texts, 0.7).map(({ a, b }) => `${a}-${b}`).sort()).toEqual(exact.sort())
  expect(nearPairs([{ text: '', group: 'a' }, { text: '', group: 'b' }], 0.7)).toEqual([])
})

it('says of the shipped e-mails what their own check says: nothing leaks', async () => {
  const spam = await openDataset('spam', [here])
  const profile = await profileDataset(spam)
  expect(profile.leaks.total).toBe((await findLeaks(spam)).length)
  expect(profile.splits.map(({ split, items }) => [split, items])).toEqual([['train', 900], ['validation', 200], ['test', 300]])
})
