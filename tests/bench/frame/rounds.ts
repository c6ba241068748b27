/** Contestants measured in turns, so that a slow minute of the machine falls on all of them. */

/** Runs once and gives one measurement, a time in milliseconds for example. */
export type Measure = () => Promise<number> | number

/**
 * `rounds` turns; in each, every contestant runs once, in an order that turns around from round to round.
 * A first round warms up and is not counted.
 */
export async function interleave<Name extends string>(contestants: Record<Name, Measure>, rounds: number): Promise<Record<Name, number[]>> {
  const entries = Object.entries<Measure>(contestants)
  const samples = new Map(entries.map(([name]) => [name, [] as number[]]))
  for (let round = -1; round < rounds; round++) {
    for (const [name, measure] of round % 2 === 0 ? entries : entries.toReversed()) {
      const value = await measure()
      if (round >= 0) samples.get(name)?.push(value)
    }
  }
  return Object.fromEntries(samples) as Record<Name, number[]>
}

/** Wall time of one call in milliseconds. */
export async function timed(work: () => Promise<unknown> | unknown): Promise<number> {
  const startedMs = performance.now()
  await work()
  return performance.now() - startedMs
}
