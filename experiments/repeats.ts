import type { Run } from '../server/contracts/index.js'
import type { ScoreColumns } from './score-columns.js'
import type { CorpusRows } from './statistics/corpus.js'
import { meanOf } from './statistics/intervals.js'

/** One side of a comparison: a run, or the repeats of one cell taken together. */
export interface Arm {
  /** The run, or the first repeat. */
  run: Run
  columns: ScoreColumns
  name: string
  runIds: string[]
  /** Mean variance of one item's score over its repeats; null with one repeat. */
  answerVariance: number | null
}

function armOf(run: Run, columns: ScoreColumns): Arm {
  return { run, columns, name: run.name, runIds: [run.id], answerVariance: null }
}

/** Whether some of the runs are repeats of one cell. */
export function haveRepeats(runs: readonly Pick<Run, 'experimentId' | 'cell'>[]): boolean {
  return new Set(runs.map(({ experimentId, cell }) => `${experimentId} ${cell}`)).size < runs.length
}

export function apart(runs: readonly { run: Run; columns: ScoreColumns }[]): Arm[] {
  return runs.map(({ run, columns }) => armOf(run, columns))
}

/**
 * Takes the repeats of each cell together: an item's score is its mean over the repeats that scored
 * it. Repeats of an item say more about its expected score but are no further items, so n stays the
 * number of items (E. Miller, arXiv 2411.00640, §3).
 */
export function pooled(runs: readonly { run: Run; columns: ScoreColumns }[]): Arm[] {
  const cells = Map.groupBy(runs, ({ run }) => `${run.experimentId} ${run.cell}`)
  return [...cells.values()].flatMap((repeats) => {
    const [first] = repeats
    if (first === undefined) return []
    return repeats.length === 1 ? [armOf(first.run, first.columns)] : [pool(repeats, first)]
  })
}

function pool(repeats: readonly { run: Run; columns: ScoreColumns }[], first: { run: Run }): Arm {
  const columns = repeats.map((repeat) => repeat.columns)
  const answers = new Map<string, { cluster: string | null; target: number | undefined; scores: number[]; costs: number[]; failed: boolean }>()
  for (const one of columns) {
    one.itemIds.forEach((id, item) => {
      const known = answers.get(id) ?? { cluster: one.clusters?.[item] ?? null, target: one.targets?.[item], scores: [], costs: [], failed: true }
      const score = one.scores[item] ?? NaN
      if (!Number.isNaN(score)) known.scores.push(score)
      const cost = one.costs?.[item] ?? NaN
      if (!Number.isNaN(cost)) known.costs.push(cost)
      known.failed &&= one.failed[item] === 1
      answers.set(id, known)
    })
  }
  const items = [...answers.values()]
  const corpus = pooledRows(columns, [...answers.keys()])
  const costs = columns.map(({ costUsd }) => costUsd)
  return {
    run: first.run,
    name: first.run.name.replace(/ \(repeat \d+\)$/, ''),
    runIds: repeats.map(({ run }) => run.id),
    answerVariance: meanVariance(items.map(({ scores }) => scores)),
    columns: {
      itemIds: [...answers.keys()],
      clusters: columns.every(({ clusters }) => clusters === null) ? null : items.map(({ cluster }) => cluster),
      scores: Float64Array.from(items, ({ scores }) => meanOf(scores)),
      failed: Uint8Array.from(items, ({ failed }) => (failed ? 1 : 0)),
      latencies: Float64Array.from(columns.flatMap(({ latencies }) => Array.from(latencies))),
      firstTokens: Float64Array.from(columns.flatMap(({ firstTokens }) => Array.from(firstTokens))),
      costs: columns.some(({ costs: known }) => known === null) ? null : Float64Array.from(items, ({ costs: known }) => meanOf(known)),
      costUsd: costs.includes(null) ? null : costs.reduce<number>((sum, cost) => sum + (cost ?? 0), 0),
      metrics: columns[0]?.metrics.filter((metric) => columns.every(({ metrics }) => metrics.includes(metric))) ?? [],
      ...(corpus === undefined ? {} : { corpus }),
      ...(columns.every(({ targets }) => targets !== undefined) ? { targets: Int32Array.from(items, ({ target }) => target ?? 0) } : {}),
    },
  }
}

/** An item adds the mean of what its scored repeats add; undefined unless all of them sum up the same figure. */
function pooledRows(columns: readonly ScoreColumns[], itemIds: readonly string[]): CorpusRows | undefined {
  const parts = columns.flatMap(({ corpus }) => corpus ?? [])
  const [first] = parts
  if (first === undefined || parts.length < columns.length || parts.some(({ of }) => of !== first.of)) return undefined
  const width = Math.max(...parts.map((part) => part.width))
  const places = new Map(itemIds.map((id, place) => [id, place]))
  const rows = new Float64Array(itemIds.length * width)
  const counts = new Float64Array(itemIds.length)
  const each = (act: (place: number, sums: Float64Array) => void): void => {
    for (const { itemIds: ids, scores, corpus } of columns) {
      ids.forEach((id, item) => {
        if (corpus !== undefined && !Number.isNaN(scores[item])) act(places.get(id) ?? 0, corpus.rows.subarray(item * corpus.width, (item + 1) * corpus.width))
      })
    }
  }
  each((place) => (counts[place] = (counts[place] ?? 0) + 1))
  each((place, sums) => sums.forEach((value, column) => (rows[place * width + column] = (rows[place * width + column] ?? 0) + value / (counts[place] ?? 1))))
  return { of: first.of, width, rows }
}

/** Mean over items of the n−1 variance within each; null where no item has two finite scores. */
function meanVariance(items: readonly number[][]): number | null {
  let sum = 0
  let count = 0
  for (const scores of items) {
    if (scores.length < 2 || !scores.every(Number.isFinite)) continue
    const mean = scores.reduce((total, score) => total + score, 0) / scores.length
    sum += scores.reduce((total, score) => total + (score - mean) ** 2, 0) / (scores.length - 1)
    count++
  }
  return count === 0 ? null : sum / count
}
