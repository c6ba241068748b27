/*
 * The order in which the runs of a race answer: drawn by the seed alone, so that all of them answer
 * the same items first. Items of one cluster stay together: a look then sees whole clusters.
 */
import { Random } from './engine/random.js'

/** Names this purpose among the seeded streams of a run. */
const RACE_STREAM = 103

/** All items in the common order. @param clusterOf what an item shares with others; null: nothing */
export function raceOrder<Item>(items: readonly Item[], seed: number, clusterOf: (item: Item) => string | null): Item[] {
  const clusters = new Map<string, Item[]>()
  items.forEach((item, place) => {
    const key = clusterOf(item) ?? `\0${place}`
    clusters.set(key, [...(clusters.get(key) ?? []), item])
  })
  const groups = [...clusters.values()]
  return [...new Random(seed, RACE_STREAM).permutation(groups.length)].flatMap((group) => groups[group] ?? [])
}

/** The items that may be answered now: all in their own order, or the first `allowance` of the race's. */
export function allowedItems<Item>(items: readonly Item[], { allowance, seed }: { allowance?: number | null | undefined; seed: number }, clusterOf: (item: Item) => string | null): Item[] {
  return allowance == null ? [...items] : raceOrder(items, seed, clusterOf).slice(0, allowance)
}
