/* A prompt run of 10,000 items against an endpoint of 20 ms, everything stored, and the same run again from stored replies. */
import { join } from 'node:path'
import { PGlite } from '@electric-sql/pglite'
import { Contestant } from './frame/contestant.js'
import type { Bench } from './frame/bench.js'
import { spreadOf } from './frame/samples.js'
import { table } from './frame/table.js'
import { Workbench } from './evaluation/workbench.js'
import { timeComparisons } from './statistics/comparison.js'

const ITEMS = 10_000
const CONCURRENCY = 64

export const bench: Bench = {
  about: 'a prompt run of 10,000 results with two scorers over an endpoint of 20 ms, stored; and again from stored replies',
  run: async ({ say, isQuick }) => {
    const count = isQuick ? ITEMS / 10 : ITEMS
    await using endpoint = Contestant.node(new URL('./evaluation/endpoint.js', import.meta.url))
    const { port } = await endpoint.ask<{ port: number }>({})
    await using workbench = await Workbench.start()
    await workbench.writeDataset('sums', Array.from({ length: count }, (_, index) => ({ id: `sum-${index}`, input: `What is ${index} + ${index % 97}? Answer with the number alone.`, target: String(index + (index % 97)) })))
    const experiment = {
      name: 'Sums',
      kind: 'prompt',
      dataset: 'sums',
      model: { provider: 'openai', baseUrl: `http://127.0.0.1:${port}/v1`, model: 'bench', price: { inputPerMillion: 0.1, outputPerMillion: 0.4 } },
      fixed: { concurrency: CONCURRENCY },
      metrics: ['exact_match', 'contains'],
    }
    const before = new Map(workbench.cpuSeconds)
    const first = await workbench.run(experiment)
    const between = new Map(workbench.cpuSeconds)
    const again = await workbench.run({ ...experiment, name: 'Sums again' })
    const { calls } = await endpoint.ask<{ calls: number }>({})
    if (calls !== count || again.run.summary?.cachedExamples !== count) throw new Error(`${calls} calls for ${count} items, ${again.run.summary?.cachedExamples ?? 0} of them cached the second time`)
    await workbench.stop()
    const bytes = await storedBytes(join(workbench.home, 'db'))
    const peaks = [...workbench.peakBytes].map(([name, peak]) => [name, (peak / 2 ** 20).toFixed(0)])
    say(table(['', 'results/s', 'seconds'], [['first', (count / first.wallMs * 1000).toFixed(0), (first.wallMs / 1000).toFixed(2)], ['from stored replies', (count / again.wallMs * 1000).toFixed(0), (again.wallMs / 1000).toFixed(2)]]))
    say(`\n${table(['process', 'peak MB'], peaks)}`)
    say(`\n${table(['CPU seconds', 'start', 'first', 'again'], [...workbench.cpuSeconds].map(([name, seconds]) => [name, (before.get(name) ?? 0).toFixed(2), ((between.get(name) ?? 0) - (before.get(name) ?? 0)).toFixed(2), (seconds - (between.get(name) ?? 0)).toFixed(2)]))}`)
    say(`\n${table(['table', 'bytes per result'], Object.entries(bytes).map(([name, size]) => [name, (size / count).toFixed(0)]))}`)
    const comparison = spreadOf((await timeComparisons(5)).next)
    say(`\ncomparison of two runs of 100,000 items: ${comparison.median.toFixed(3)} s`)
    return {
      figures: {
        resultsPerSecond: (count / first.wallMs) * 1000,
        peakMemoryMb: Math.max(...workbench.peakBytes.values()) / 2 ** 20,
        bytesPerResult: ((bytes['example'] ?? NaN) / 2 + (bytes['response'] ?? NaN)) / count,
        cachedSpeedup: first.wallMs / again.wallMs,
        compare100kSeconds: comparison.median,
      },
    }
  },
}

/** Rows, indexes and what is stored beside them; examples are there twice, for both runs. */
async function storedBytes(folder: string): Promise<Record<string, number>> {
  const database = await PGlite.create({ dataDir: folder })
  try {
    const { rows } = await database.query<{ name: string; size: number }>(`SELECT relname AS name, pg_total_relation_size(oid)::float8 AS size FROM pg_class WHERE relname IN ('example', 'response')`)
    return Object.fromEntries(rows.map(({ name, size }) => [name, size]))
  } finally {
    await database.close()
  }
}
