/*
 * The answers of one run as columns: all that statistics read, and none of the texts. A comparison
 * of 100,000 items is made from these alone.
 */
import { type CorpusPart, CorpusPartSchema, type Example, fromWire } from '../server/contracts/index.js'
import type { CorpusRows } from './statistics/corpus.js'

export interface ScoreColumns {
  /** In the order in which the items were answered. */
  itemIds: readonly string[]
  /** Null where no item names one. */
  clusters: readonly (string | null)[] | null
  /** NaN: the item has no score. */
  scores: Float64Array
  /** 1: the item failed; it has no score either. */
  failed: Uint8Array
  /** Milliseconds of the answers that somebody waited for, in no order. */
  latencies: Float64Array
  firstTokens: Float64Array
  /** US dollars of all answers; null when that of one is not known. */
  costUsd: number | null
  /** US dollars of each item’s answer, NaN for one that failed; null when that of one answer is not known. */
  costs: Float64Array | null
  /** Metrics that answers of this run carry. */
  metrics: readonly string[]
  /** What each item adds to a figure of the whole corpus; rows of items without a score are 0. Left out for means of scores. */
  corpus?: CorpusRows
  /** A number made from the target of each item, to tell whether two versions of a dataset mean the same item. */
  targets?: Int32Array
}

export type ColumnExample = Pick<Example, 'itemId' | 'cluster' | 'status' | 'scores' | 'latencyMs' | 'ttftMs' | 'costUsd' | 'cached'> & Partial<Pick<Example, 'details'>>

/** The columns of examples that are at hand; a server reads them from its database instead. */
export function columnsOf(examples: readonly ColumnExample[], metric: string): ScoreColumns {
  const corpus = corpusRowsOf(examples.map((example) => corpusPartOf(example, metric)))
  const answered = examples.filter(({ status }) => status !== 'error')
  const waited = answered.filter(({ cached }) => cached !== true)
  const costs = answered.map(({ costUsd }) => costUsd)
  return {
    itemIds: examples.map(({ itemId }) => itemId),
    clusters: examples.some(({ cluster }) => cluster !== null) ? examples.map(({ cluster }) => cluster) : null,
    scores: Float64Array.from(examples, ({ status, scores }) => (status === 'scored' ? fromWire(scores[metric] ?? 'NaN') : NaN)),
    failed: Uint8Array.from(examples, ({ status }) => (status === 'error' ? 1 : 0)),
    latencies: Float64Array.from(waited.flatMap(({ latencyMs }) => latencyMs ?? [])),
    firstTokens: Float64Array.from(waited.flatMap(({ ttftMs }) => ttftMs ?? [])),
    costUsd: costs.length === 0 || costs.includes(null) ? null : costs.reduce<number>((sum, cost) => sum + (cost ?? 0), 0),
    costs: costs.length === 0 || costs.includes(null) ? null : Float64Array.from(examples, ({ status, costUsd }) => (status === 'error' ? NaN : (costUsd ?? NaN))),
    metrics: [...new Set(examples.flatMap(({ scores }) => Object.keys(scores)))],
    ...(corpus === undefined ? {} : { corpus }),
  }
}

/** What an answer adds to a figure of the whole corpus; undefined where the metric is a mean of scores. */
export function corpusPartOf({ details }: Partial<Pick<Example, 'details'>>, metric: string): CorpusPart | undefined {
  const parts = details?.['corpus']
  const part: unknown = typeof parts === 'object' && parts !== null ? (parts as Record<string, unknown>)[metric] : undefined
  return part === undefined ? undefined : CorpusPartSchema.safeParse(part).data
}

/** Undefined where no item has a part. A part that is shorter than others has no such class: it adds 0. */
export function corpusRowsOf(parts: readonly (CorpusPart | undefined)[]): CorpusRows | undefined {
  const first = parts.find((part) => part !== undefined)
  if (first === undefined) return undefined
  const width = parts.reduce((most, part) => Math.max(most, part?.sums.length ?? 0), 0)
  const rows = new Float64Array(parts.length * width)
  for (const [item, part] of parts.entries()) if (part !== undefined) rows.set(part.sums, item * width)
  return { of: first.of, width, rows }
}

/** How many items have a score, failed, or were not scored. */
export function countsOf({ scores, failed }: ScoreColumns): { scored: number; errors: number; unscored: number } {
  let scored = 0
  let errors = 0
  for (let item = 0; item < scores.length; item++) {
    if (!Number.isNaN(scores[item])) scored++
    else if (failed[item] === 1) errors++
  }
  return { scored, errors, unscored: scores.length - scored - errors }
}

/** The rows of some items, in their order. */
export function rowsAt({ of, width, rows }: CorpusRows, items: ArrayLike<number>): CorpusRows {
  const kept = new Float64Array(items.length * width)
  for (let place = 0; place < items.length; place++) {
    const item = items[place] ?? -1
    if (item >= 0) kept.set(rows.subarray(item * width, (item + 1) * width), place * width)
  }
  return { of, width, rows: kept }
}

/** Scores, clusters and counts as a summary takes them; `corpus` for a figure of the whole corpus. */
export function scoredOf(columns: ScoreColumns): { values: Float64Array; clusters: (string | null)[] | undefined; unscored: number; errors: number; corpus: CorpusRows | undefined } {
  const { scores, clusters, corpus } = columns
  const { scored, errors, unscored } = countsOf(columns)
  if (scored === scores.length) return { values: scores, clusters: clusters === null ? undefined : [...clusters], errors, unscored, corpus }
  const values = new Float64Array(scored)
  const kept: (string | null)[] | undefined = clusters === null ? undefined : []
  const items = new Int32Array(scored)
  for (let item = 0, at = 0; item < scores.length; item++) {
    const score = scores[item] ?? NaN
    if (Number.isNaN(score)) continue
    items[at] = item
    values[at++] = score
    kept?.push(clusters?.[item] ?? null)
  }
  return { values, clusters: kept, errors, unscored, corpus: corpus && rowsAt(corpus, items) }
}

/** Scores of two runs on the items that both scored, in the order of the baseline. */
export interface Pairs {
  run: Float64Array
  baseline: Float64Array
  clusters: (string | null)[] | undefined
  /** Items that both answered, scored or not. */
  shared: number
  /** Shared items left out because their targets differ. */
  changed: number
  /** Cost of the answers, run minus baseline, US dollars; null when one side’s is not known. */
  costs: Float64Array | null
  /** For a figure of the whole corpus that both sides have: what each item adds to it. */
  corpus: { run: CorpusRows; baseline: CorpusRows } | null
}

/** The place of each item, made once per run and read by every pairing with it. */
export class ItemIndex {
  readonly columns: ScoreColumns
  #places: Map<string, number> | undefined

  constructor(columns: ScoreColumns) {
    this.columns = columns
  }

  placeOf(itemId: string, guess: number): number {
    // Runs of one experiment mostly answer in one order.
    if (this.columns.itemIds[guess] === itemId) return guess
    this.#places ??= new Map(this.columns.itemIds.map((id, place) => [id, place]))
    return this.#places.get(itemId) ?? -1
  }
}

/** Pairs two runs by item. NaN and infinite scores have no difference and are left out; of a figure of the whole corpus the scores are not what is compared. */
export function pairUp(run: ItemIndex, baseline: ItemIndex): Pairs {
  const { itemIds, scores, clusters, targets } = baseline.columns
  const [mine, theirs] = [new Float64Array(itemIds.length), new Float64Array(itemIds.length)]
  const [myCosts, theirCosts] = [run.columns.costs, baseline.columns.costs]
  const costs = myCosts === null || theirCosts === null ? null : new Float64Array(itemIds.length)
  const kept: (string | null)[] | undefined = clusters === null ? undefined : []
  const found = { shared: 0, changed: 0 }
  const [myCorpus, theirCorpus] = [run.columns.corpus, baseline.columns.corpus]
  const isPaired = myCorpus === undefined ? Number.isFinite : (score: number): boolean => !Number.isNaN(score)
  const [places, items] = [new Int32Array(itemIds.length), new Int32Array(itemIds.length)]
  let n = 0
  for (let item = 0; item < itemIds.length; item++) {
    const place = run.placeOf(itemIds[item] ?? '', item)
    if (place < 0) continue
    found.shared++
    if (targets !== undefined && run.columns.targets !== undefined && targets[item] !== run.columns.targets[place]) {
      found.changed++
      continue
    }
    const [score, reference] = [run.columns.scores[place] ?? NaN, scores[item] ?? NaN]
    if (!isPaired(score) || !isPaired(reference)) continue
    mine[n] = score
    theirs[n] = reference
    places[n] = place
    items[n] = item
    if (costs !== null) costs[n] = (myCosts?.[place] ?? NaN) - (theirCosts?.[item] ?? NaN)
    kept?.push(clusters?.[item] ?? null)
    n++
  }
  const corpus = myCorpus === undefined || theirCorpus === undefined || myCorpus.of !== theirCorpus.of ? null : { run: rowsAt(myCorpus, places.subarray(0, n)), baseline: rowsAt(theirCorpus, items.subarray(0, n)) }
  return { run: mine.subarray(0, n), baseline: theirs.subarray(0, n), clusters: kept, costs: costs?.subarray(0, n) ?? null, corpus, ...found }
}
