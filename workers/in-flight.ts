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
  await Promise.all(Array.from({ length: Math.min(concurrency, items.length) }, lane))
  if (failure !== null) throw (failure as { error: unknown }).error
}
