/*
 * A prompt run of 10,000 items against an endpoint of 20 ms, everything stored, and the same run again from
 * stored replies; then promptfoo over the same, where it is installed.
 */
import { join } from 'node:path'
import { PGlite } from '@electric-sql/pglite'
import { Contestant } from './frame/contestant.js'
import type { Bench, BenchContext } from './frame/bench.js'
import { ratios, spreadOf, type Spread } from './frame/samples.js'
import { markdownTable, spreadText, table } from './frame/table.js'
import { findPromptfoo, runPromptfoo, type PeerAnswer } from './evaluation/promptfoo.js'
import { sums, type Sum } from './evaluation/sums.js'
import { Workbench } from './evaluation/workbench.js'
import { timeComparisons } from './statistics/comparison.js'

const ITEMS = 10_000
const CONCURRENCY = 64
/** Each with calls of its own, and each then again from stored replies. */
const ROUNDS = 3

export const bench: Bench = {
  about: 'a prompt run of 10,000 results with two scorers over an endpoint of 20 ms, stored, and again from stored replies; beside promptfoo where BANCADA_BENCH_PROMPTFOO names its folder',
  run: async (context) => {
    const { say, isQuick } = context
    const items = sums(isQuick ? ITEMS / 10 : ITEMS)
    const ours = await measureOurs(items, context)
    const peer = await measurePeer(items.length, context)
    const comparison = spreadOf((await timeComparisons(5)).next)
    say(`\ncomparison of two runs of 100,000 items: ${comparison.median.toFixed(3)} s`)
    say(`\n${markdown(items.length, ours, peer)}`)
    return {
      figures: {
        resultsPerSecond: ours.perSecond.median,
        cachedResultsPerSecond: ours.cachedPerSecond.median,
        cachedSpeedup: ours.speedup.median,
        peakMemoryMb: ours.peakMb,
        bytesPerResult: ours.bytesPerResult,
        compare100kSeconds: comparison.median,
        ...(peer === null ? {} : peerFigures(items.length, peer)),
      },
      spreads: { resultsPerSecond: ours.perSecond, cachedResultsPerSecond: ours.cachedPerSecond, cachedSpeedup: ours.speedup, compare100kSeconds: comparison },
    }
  },
}

interface Ours {
  perSecond: Spread
  cachedPerSecond: Spread
  /** Round by round, so that a slow minute of the machine is in both. */
  speedup: Spread
  peakMb: number
  bytesPerResult: number
}

async function measureOurs(items: readonly Sum[], { say, isQuick }: BenchContext): Promise<Ours> {
  const rounds = isQuick ? 1 : ROUNDS
  await using endpoint = Contestant.node(new URL('./evaluation/endpoint.js', import.meta.url))
  const { port } = await endpoint.ask<{ port: number }>({})
  await using workbench = await Workbench.start()
  await workbench.writeDataset('sums', items)
  const [firstMs, againMs]: [number[], number[]] = [[], []]
  for (let round = 0; round < rounds; round++) {
    const experiment = {
      name: `Sums ${round}`,
      kind: 'prompt',
      dataset: 'sums',
      // Another address is another model: its calls are not in the store yet.
      model: { provider: 'openai', baseUrl: `http://127.0.0.1:${port}/round-${round}/v1`, model: 'bench', price: { inputPerMillion: 0.1, outputPerMillion: 0.4 } },
      fixed: { concurrency: CONCURRENCY },
      metrics: ['exact_match', 'contains'],
    }
    firstMs.push((await workbench.run(experiment)).wallMs)
    const again = await workbench.run({ ...experiment, name: `Sums ${round} again` })
    againMs.push(again.wallMs)
    const { calls } = await endpoint.ask<{ calls: number }>({})
    const cached = again.run.summary?.cachedExamples
    if (calls !== items.length * (round + 1) || cached !== items.length) throw new Error(`${calls} calls after round ${round} of ${items.length} items, ${cached ?? 0} of them stored the second time`)
  }
  await workbench.stop()
  const bytes = await storedBytes(join(workbench.home, 'db'))
  const runs = 2 * rounds * items.length
  const perSecond = (ms: number[]): Spread => spreadOf(ms.map((wallMs) => (items.length / wallMs) * 1000))
  const ours: Ours = {
    perSecond: perSecond(firstMs),
    cachedPerSecond: perSecond(againMs),
    speedup: spreadOf(ratios(firstMs, againMs)),
    peakMb: Math.max(...workbench.peakBytes.values()) / 2 ** 20,
    bytesPerResult: (bytes['example'] ?? NaN) / runs + (bytes['response'] ?? NaN) / (runs / 2),
  }
  say(table(['Bancada', 'results/s', 'seconds'], [['first pass', spreadText(ours.perSecond), spreadText(inSeconds(firstMs))], ['from stored replies', spreadText(ours.cachedPerSecond), spreadText(inSeconds(againMs))]]))
  say(`\n${table(['process', 'peak MB', 'CPU seconds'], [...workbench.peakBytes].map(([name, peak]) => [name, (peak / 2 ** 20).toFixed(0), workbench.secondsOf(name).toFixed(1)]))}`)
  say(`\n${table(['stored', 'bytes per result'], [['answers and scores', ((bytes['example'] ?? NaN) / runs).toFixed(0)], ['replies', ((bytes['response'] ?? NaN) / (runs / 2)).toFixed(0)]])}`)
  return ours
}

const inSeconds = (ms: readonly number[]): Spread => spreadOf(ms.map((value) => value / 1000))

/** Null, and said why, where it is absent. */
async function measurePeer(count: number, { say, machine }: BenchContext): Promise<PeerAnswer | null> {
  const found = findPromptfoo(process.env)
  if ('absent' in found) {
    say(`\n${found.absent}`)
    return null
  }
  machine['promptfoo'] = found.version
  const peer = await runPromptfoo({ folder: found.folder, count, concurrency: CONCURRENCY })
  const row = (name: string, { seconds, peakBytes, calls }: PeerAnswer['first']): string[] => [name, (count / seconds).toFixed(0), seconds.toFixed(1), (peakBytes / 2 ** 20).toFixed(0), String(calls)]
  say(`\n${table([`promptfoo ${found.version}`, 'results/s', 'seconds', 'peak MB', 'calls'], [row('first pass', peer.first), row('from its cache', peer.again)])}`)
  return peer
}

function peerFigures(count: number, { first, again, storedBytes }: PeerAnswer): Record<string, number> {
  return {
    promptfooResultsPerSecond: count / first.seconds,
    promptfooCachedSpeedup: first.seconds / again.seconds,
    promptfooPeakMemoryMb: Math.max(first.peakBytes, again.peakBytes) / 2 ** 20,
    promptfooBytesPerResult: storedBytes / count,
  }
}

/** The table of docs/evaluation.md. */
function markdown(count: number, ours: Ours, peer: PeerAnswer | null): string {
  const theirs = peer === null ? null : peerFigures(count, peer)
  const rows = [
    ['Results per second, first pass', ours.perSecond.median.toFixed(0), theirs?.['promptfooResultsPerSecond']?.toFixed(0)],
    ['Fully cached repeat, times faster', ours.speedup.median.toFixed(1), theirs?.['promptfooCachedSpeedup']?.toFixed(1)],
    ['Peak memory of the largest process, MB', ours.peakMb.toFixed(0), theirs?.['promptfooPeakMemoryMb']?.toFixed(0)],
    ['Bytes stored per result', ours.bytesPerResult.toFixed(0), theirs?.['promptfooBytesPerResult']?.toFixed(0)],
  ]
  return markdownTable([`${count.toLocaleString('en')} results`, 'Bancada', 'promptfoo'], rows.map((row) => row.map((cell) => cell ?? 'not installed')))
}

/** Rows, indexes and what is stored beside them. */
async function storedBytes(folder: string): Promise<Record<string, number>> {
  const database = await PGlite.create({ dataDir: folder })
  try {
    const { rows } = await database.query<{ name: string; size: number }>(`SELECT relname AS name, pg_total_relation_size(oid)::float8 AS size FROM pg_class WHERE relname IN ('example', 'response')`)
    return Object.fromEntries(rows.map(({ name, size }) => [name, size]))
  } finally {
    await database.close()
  }
}
