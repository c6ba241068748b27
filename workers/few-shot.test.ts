import { expect, test } from 'vitest'
import { drawItems, drawShots } from './few-shot.js'

const items = Array.from({ length: 40 }, (_, index) => ({ id: `i${index}`, target: index % 4 === 0 ? 'spam' : 'ham' }))
const labels = ['ham', 'spam']
const ids = (drawn: { id: string }[]): string[] => drawn.map(({ id }) => id)

test('k shots are the first k of more shots', () => {
  const eight = ids(drawShots(items, { shots: 8, seed: 5, labels }))
  for (const shots of [0, 1, 2, 4]) expect(ids(drawShots(items, { shots, seed: 5, labels }))).toEqual(eight.slice(0, shots))
})

test('labels are balanced, and none always comes last', () => {
  const targets = drawShots(items, { shots: 16, seed: 1, labels }).map(({ target }) => target)
  expect(targets.filter((target) => target === 'spam')).toHaveLength(8)
  const rounds = Array.from({ length: 8 }, (_, round) => targets.slice(2 * round, 2 * round + 2).join())
  expect(new Set(rounds)).toEqual(new Set(['ham,spam', 'spam,ham']))
})

test('another seed draws others; no item comes twice', () => {
  const one = ids(drawShots(items, { shots: 12, seed: 1, labels: null }))
  expect(one).not.toEqual(ids(drawShots(items, { shots: 12, seed: 2, labels: null })))
  expect(new Set(one).size).toBe(12)
})

test('a label that runs out leaves room for the others', () => {
  expect(drawShots(items, { shots: 30, seed: 1, labels }).filter(({ target }) => target === 'spam')).toHaveLength(10)
})

test('a limit draws by the seed and keeps the order of the file', () => {
  const drawn = drawItems(items, 10, 3)
  expect(drawn).toHaveLength(10)
  expect(drawn).toEqual(items.filter((item) => drawn.includes(item)))
  expect(ids(drawn)).not.toEqual(ids(drawItems(items, 10, 4)))
  expect(drawItems(items, undefined, 3)).toEqual(items)
})
