/*
 * Draws the examples that stand in a prompt. The draw depends on the seed alone: every item, every
 * template and every model sees the same ones, and k shots are the first k of 2k, so that runs differ
 * only in what the experiment varies (common random numbers).
 */
import { Random } from './engine/random.js'

/** Names this purpose among the seeded streams of a run (see streams in engine/random.ts). */
const FEW_SHOT_STREAM = 101
const LIMIT_STREAM = 102

export interface FewShotItem {
  id: string
  target: string
}

/**
 * The first `shots` of the seeded order of a train split. With `labels` every round holds each label
 * once, in an order drawn anew, so counts differ by at most one and no label always comes last.
 */
export function drawShots<Item extends FewShotItem>(items: readonly Item[], options: { shots: number; seed: number; labels: readonly string[] | null }): Item[] {
  const { shots, seed, labels } = options
  const random = new Random(seed, FEW_SHOT_STREAM)
  const order = shuffled(items, random)
  if (labels === null) return order.slice(0, shots)
  const piles = labels.map((label) => order.filter((item) => item.target === label))
  const drawn: Item[] = []
  while (drawn.length < shots && piles.some((pile) => pile.length > 0)) {
    for (const pile of shuffled(piles, random)) {
      const item = pile.shift()
      if (item !== undefined) drawn.push(item)
    }
  }
  return drawn.slice(0, shots)
}

/** `limit` items drawn by the seed, in their first order; all of them where there is no limit. */
export function drawItems<Item>(items: readonly Item[], limit: number | undefined, seed: number): Item[] {
  if (limit === undefined || limit >= items.length) return [...items]
  const chosen = new Random(seed, LIMIT_STREAM).permutation(items.length).slice(0, limit).sort()
  return [...chosen].flatMap((index) => items[index] ?? [])
}

function shuffled<Item>(items: readonly Item[], random: Random): Item[] {
  return [...random.permutation(items.length)].flatMap((index) => {
    const item = items[index]
    return item === undefined ? [] : [item]
  })
}
