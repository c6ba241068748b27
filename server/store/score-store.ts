/*
 * Answers of runs as comparisons read them: whole columns without the texts, packed by the database
 * into one row per run, and then the texts of the few items that are shown.
 */
import { type CorpusFigure, type CorpusPart, type Example, type Float, fromWire } from '../contracts/index.js'
import type { Database } from './database.js'

/** See experiments/score-columns.ts for what each column means. */
export interface StoredColumns {
  itemIds: string[]
  clusters: (string | null)[] | null
  scores: Float64Array
  failed: Uint8Array
  latencies: Float64Array
  firstTokens: Float64Array
  costUsd: number | null
  costs: Float64Array | null
  metrics: string[]
  corpus?: { of: CorpusFigure; width: number; rows: Float64Array }
  targets?: Int32Array
}

/** One answer as it stands in a comparison. */
export interface ShownAnswer {
  runId: string
  itemId: string
  input: string
  output: string
  target: string | null
  status: Example['status']
  score: Float | null
}

/** See experiments/analysis.ts. */
export interface LabelAnswerRow {
  truth: string
  given: string | null
  cluster: string | null
  logLikelihoods: Record<string, number> | null
}

interface ColumnsRow {
  items: string | null
  clusters: string | null
  statuses: string | null
  scores: string | null
  latencies: string | null
  first_tokens: string | null
  costs: string | null
  targets: string | null
  parts: string | null
  answered: number
  priced: number
  cost_usd: number | null
}

/** array_agg(…)::text writes `{0.5,NaN,NULL}`; NULL becomes NaN. */
export function numbersOf(literal: string | null): Float64Array {
  if (literal === null || literal === '{}') return new Float64Array()
  const texts = literal.slice(1, -1).split(',')
  const numbers = new Float64Array(texts.length)
  // Number('NULL') is NaN, and so are NaN and Infinity read as what they are.
  for (let index = 0; index < texts.length; index++) numbers[index] = Number(texts[index])
  return numbers
}

function failuresOf(statuses: string): Uint8Array {
  const failed = new Uint8Array(statuses.length)
  for (let item = 0; item < statuses.length; item++) failed[item] = statuses[item] === 'e' ? 1 : 0
  return failed
}

/** The score of an answer by the metric of a parameter; of `human` the share of the people with a verdict who call it good. */
function scoreOf(metric: string): string {
  return `CASE WHEN ${metric}::text = 'human'
    THEN (SELECT avg((said.verdict = 'good')::int)::float8 FROM annotation said WHERE said.run_id = answer.run_id AND said.item_id = answer.item_id AND said.verdict IS NOT NULL)
    WHEN status = 'scored' THEN score_values[array_position(score_keys, ${metric}::text)] END`
}

export class ScoreStore {
  constructor(private readonly database: Database) {}

  /**
   * Latencies and single costs come with seven digits, which is what a clock is good for and half of what the wire would carry.
   * @param options.withTargets also a number made from each item's target, to tell changed items
   */
  async columns(runId: string, metric: string, { withTargets = false } = {}): Promise<StoredColumns> {
    const targets = withTargets ? 'array_agg(hashtext(coalesce(target, E\'\\x01\')))::text' : 'NULL'
    const figure = await this.#figureOf(runId, metric)
    const parts = figure !== undefined ? `json_agg(details->'corpus'->$2::text->'sums')::text` : 'NULL'
    const [row] = await this.database.client.$queryRawUnsafe<ColumnsRow[]>(
      `SELECT json_agg(item_id)::text AS items, CASE WHEN count(cluster) > 0 THEN json_agg(cluster)::text END AS clusters, string_agg(left(status, 1), '') AS statuses,
              array_agg(${scoreOf('$2')})::text AS scores,
              array_agg(latency_ms::float4) FILTER (WHERE latency_ms IS NOT NULL AND status <> 'error' AND NOT cached)::text AS latencies,
              array_agg(ttft_ms::float4) FILTER (WHERE ttft_ms IS NOT NULL AND status <> 'error' AND NOT cached)::text AS first_tokens,
              CASE WHEN count(*) FILTER (WHERE status <> 'error' AND cost_usd IS NULL) = 0 THEN array_agg(CASE WHEN status <> 'error' THEN cost_usd::float4 END)::text END AS costs,
              ${targets} AS targets, ${parts} AS parts, count(*) FILTER (WHERE status <> 'error')::int AS answered,
              count(cost_usd) FILTER (WHERE status <> 'error')::int AS priced, sum(cost_usd) AS cost_usd
       FROM (SELECT * FROM example WHERE run_id = $1 ORDER BY seq) AS answer`,
      runId, metric,
    )
    const columns = toColumns(row, await this.#metrics(runId))
    return figure === undefined || row?.parts == null ? columns : { ...columns, corpus: corpusOf(figure, JSON.parse(row.parts) as (CorpusPart['sums'] | null)[]) }
  }

  /** What is to be shown of some items in some runs, in no order. */
  async answers(runIds: readonly string[], itemIds: readonly string[], metric: string): Promise<ShownAnswer[]> {
    if (itemIds.length === 0) return []
    const rows = await this.database.client.$queryRawUnsafe<(Omit<ShownAnswer, 'score'> & { score: Float | null })[]>(
      `SELECT run_id AS "runId", item_id AS "itemId", input, output, target, status, to_json(${scoreOf('$3')}) AS score
       FROM example AS answer WHERE run_id = ANY($1::text[]) AND item_id = ANY($2::text[])`,
      [...runIds], [...itemIds], metric,
    )
    return rows
  }

  /** Whether somebody has called an answer of the run good or bad. */
  async isJudged(runId: string): Promise<boolean> {
    const [row] = await this.database.client.$queryRaw<{ judged: boolean }[]>`SELECT EXISTS (SELECT FROM annotation WHERE run_id = ${runId} AND verdict IS NOT NULL) AS judged`
    return row?.judged ?? false
  }

  /** Scored answers to items that have labels, in the order in which they came; empty where the answers are texts. */
  async labelAnswers(runId: string): Promise<LabelAnswerRow[]> {
    const [row] = await this.database.client.$queryRawUnsafe<{ answers: string | null }[]>(
      `SELECT json_agg(json_build_array(target, CASE WHEN details->'predicted' IS NULL THEN output ELSE details->>'predicted' END, cluster, details->'logLikelihoods') ORDER BY seq)::text AS answers
       FROM example WHERE run_id = $1 AND status = 'scored' AND target IS NOT NULL AND 'accuracy' = ANY(score_keys)`,
      runId,
    )
    const answers = JSON.parse(row?.answers ?? '[]') as [string, string | null, string | null, Record<string, Float> | null][]
    return answers.map(([truth, given, cluster, told]) => ({
      truth,
      given,
      cluster,
      logLikelihoods: told === null ? null : Object.fromEntries(Object.entries(told).map(([label, value]) => [label, fromWire(value)])),
    }))
  }

  /** What its figure is of, where the metric is one of the whole corpus. */
  async #figureOf(runId: string, metric: string): Promise<CorpusFigure | undefined> {
    const [row] = await this.database.client.$queryRawUnsafe<{ of: CorpusFigure | null }[]>(
      `SELECT details->'corpus'->$2::text->>'of' AS of FROM (SELECT * FROM example WHERE run_id = $1 ORDER BY seq LIMIT 1000) AS first
       WHERE $2 = ANY(score_keys) LIMIT 1`,
      runId, metric,
    )
    return row?.of ?? undefined
  }

  /** Metrics of the first answers: whole columns of names would cost more than the scores. */
  async #metrics(runId: string): Promise<string[]> {
    const rows = await this.database.client.$queryRawUnsafe<{ metric: string }[]>(
      `SELECT DISTINCT unnest(score_keys) AS metric FROM (SELECT score_keys FROM example WHERE run_id = $1 ORDER BY seq LIMIT 1000) AS first`,
      runId,
    )
    return rows.map((row) => row.metric)
  }
}

function corpusOf(of: CorpusFigure, parts: readonly (readonly number[] | null)[]): NonNullable<StoredColumns['corpus']> {
  const width = parts.reduce((most, sums) => Math.max(most, sums?.length ?? 0), 0)
  const rows = new Float64Array(parts.length * width)
  for (const [item, sums] of parts.entries()) if (sums !== null) rows.set(sums, item * width)
  return { of, width, rows }
}

function toColumns(row: ColumnsRow | undefined, metrics: string[]): StoredColumns {
  const statuses = row?.statuses ?? ''
  const columns: StoredColumns = {
    itemIds: row?.items == null ? [] : (JSON.parse(row.items) as string[]),
    clusters: row?.clusters == null ? null : (JSON.parse(row.clusters) as (string | null)[]),
    scores: numbersOf(row?.scores ?? null),
    failed: failuresOf(statuses),
    latencies: numbersOf(row?.latencies ?? null),
    firstTokens: numbersOf(row?.first_tokens ?? null),
    costUsd: row === undefined || row.answered === 0 || row.priced < row.answered ? null : (row.cost_usd ?? null),
    costs: row?.costs == null || row.answered === 0 ? null : numbersOf(row.costs),
    metrics,
  }
  return row?.targets == null ? columns : { ...columns, targets: Int32Array.from(numbersOf(row.targets)) }
}
