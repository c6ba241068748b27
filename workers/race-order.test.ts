import { expect, it } from 'vitest'
import { allowedItems, raceOrder } from './race-order.js'

const items = Array.from({ length: 60 }, (_, id) => ({ id, cluster: id % 3 === 0 ? `c${id % 4}` : null }))
const clusterOf = ({ cluster }: { cluster: string | null }) => cluster

it('draws one order for all runs of a seed, each round the beginning of the next', () => {
  const order = raceOrder(items, 7, clusterOf)
  expect(order.toSorted((a, b) => a.id - b.id)).toEqual(items)
  expect(order).not.toEqual(items)
  expect(raceOrder(items, 8, clusterOf)).not.toEqual(order)
  expect(allowedItems(items, { allowance: 20, seed: 7 }, clusterOf)).toEqual(order.slice(0, 20))
  expect(allowedItems(items, { allowance: 500, seed: 7 }, clusterOf)).toEqual(order)
})

it('keeps the items of a cluster together', () => {
  const names = raceOrder(items, 7, clusterOf).map((item) => item.cluster ?? item.id)
  const blocks = names.filter((name, place) => name !== names[place - 1])
  expect(new Set(blocks).size).toBe(blocks.length)
})

it('leaves the order alone outside of races', () => {
  expect(allowedItems(items, { seed: 7 }, clusterOf)).toEqual(items)
  expect(allowedItems(items, { allowance: null, seed: 7 }, clusterOf)).toEqual(items)
})
