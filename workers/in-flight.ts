import { setImmediate as turn } from 'node:timers/promises'

/** What the first ask for is under way before the last have been made ready. */
const BEGUN_AT_ONCE = 250

/**
 * Works through items with at most `concurrency` in flight. The first failure stops new ones from being
 * begun; those in flight are waited for, so that nothing that was paid for is lost.
 */
export async function forEachInFlight<Item>(items: readonly Item[], concurrency: number, work: (item: Item) => Promise<void>): Promise<void> {
  let next = 0
  let failure: { error: unknown } | null = null
  const lane = async (): Promise<void> => {
    while (failure === null && next < items.length) {
      const item = items[next++] as Item
      try {
        await work(item)
      } catch (error) {
        failure ??= { error }
      }
    }
  }
  const lanes: Promise<void>[] = []
  for (let begun = 0; begun < Math.min(concurrency, items.length); begun++) {
    if (begun > 0 && begun % BEGUN_AT_ONCE === 0) await turn()
    lanes.push(lane())
  }
  await Promise.all(lanes)
  if (failure !== null) throw (failure as { error: unknown }).error
}
