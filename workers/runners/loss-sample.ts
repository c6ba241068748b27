import { createHash } from 'node:crypto'
import { MOST_ITEM_LOSSES } from '../../server/contracts/index.js'

const SEED = 'bancada'

/**
 * The items whose own losses are kept: all where they are few, else a simple random sample of `most` without replacement.
 * An item is drawn by its id alone (those whose seeded sha256 is lowest), so every evaluation, every run on the dataset
 * and an attempt that resumes keep the same ones, and their losses can be compared in pairs. In the order of the data.
 */
export function sampledItems<T extends { itemId: string }>(items: readonly T[], most: number = MOST_ITEM_LOSSES): readonly T[] {
  if (items.length <= most) return items
  const ranked = items.map(({ itemId }, index) => ({ index, rank: createHash('sha256').update(`${SEED} ${itemId}`).digest('hex') }))
  ranked.sort((a, b) => (a.rank < b.rank ? -1 : a.rank > b.rank ? 1 : a.index - b.index))
  const drawn = ranked.slice(0, most).map(({ index }) => index).sort((a, b) => a - b)
  return drawn.flatMap((index) => items[index] ?? [])
}
