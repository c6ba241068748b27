/* What was tried on a dataset, over all experiments, and how long its answers to given items took. */
import type { Kind, Run, TradeoffChoice } from '../contracts/index.js'
import type { Database } from './database.js'
import { numbersOf } from './score-store.js'
import { SELECT_RUN, toRun, type RunRow } from './run-rows.js'

/** A finished run with what tells whether others stand on the same ground. */
export interface Candidate {
  run: Run
  datasetHash: string
  /** Digest of the items it answered. */
  itemsDigest: string
  items: number
}

/** Milliseconds of the answers that somebody waited for, in no order. */
export interface ServedAnswers {
  latencies: Float64Array
  firstTokens: Float64Array
}

interface ServedRow {
  run_id: string
  latencies: string | null
  first_tokens: string | null
}

/** What people put away is out of sight here too. */
const FINISHED = `e.deleted_at IS NULL AND e.archived_at IS NULL AND r.dataset = $1 AND r.status = 'succeeded' AND (r.summary->'metrics'->$2) IS NOT NULL`

export class TradeoffStore {
  constructor(private readonly database: Database) {}

  /** Datasets with finished runs: those of most kinds first, then those of most runs. */
  async choices(): Promise<TradeoffChoice[]> {
    const rows = await this.database.client.$queryRaw<{ dataset: string; runs: number; kinds: Kind[]; metric: string; scored: number }[]>`
      WITH finished AS (SELECT run.dataset, run.kind, run.summary FROM run JOIN experiment ON experiment.id = run.experiment_id
                        WHERE experiment.deleted_at IS NULL AND experiment.archived_at IS NULL AND run.status = 'succeeded' AND run.summary IS NOT NULL)
      SELECT d.dataset, d.runs, d.kinds, m.metric, m.scored
      FROM (SELECT dataset, count(*)::int AS runs, array_agg(DISTINCT kind ORDER BY kind) AS kinds,
                   mode() WITHIN GROUP (ORDER BY summary->>'primaryMetric') AS main FROM finished GROUP BY dataset) AS d
      JOIN (SELECT dataset, metric, count(*)::int AS scored FROM finished, json_object_keys(summary->'metrics') AS metric GROUP BY dataset, metric) AS m ON m.dataset = d.dataset
      ORDER BY cardinality(d.kinds) DESC, d.runs DESC, d.dataset, m.metric = d.main DESC, m.scored DESC, m.metric`
    const choices = new Map<string, TradeoffChoice>()
    for (const { dataset, runs, kinds, metric, scored } of rows) {
      const choice = choices.get(dataset) ?? { dataset, runs, kinds, metrics: [] }
      choice.metrics.push({ id: metric, runs: scored })
      choices.set(dataset, choice)
    }
    return [...choices.values()]
  }

  async count(dataset: string, metric: string): Promise<number> {
    const [row] = await this.database.client.$queryRawUnsafe<{ total: number }[]>(`SELECT count(*)::int AS total FROM run r JOIN experiment e ON e.id = r.experiment_id WHERE ${FINISHED}`, dataset, metric)
    return row?.total ?? 0
  }

  /** Finished runs with the metric, newest first. @param before id of the last one of the page before */
  async page(dataset: string, metric: string, { limit, before = null }: { limit: number; before?: string | null }): Promise<Run[]> {
    const rows = await this.database.client.$queryRawUnsafe<RunRow[]>(
      `${SELECT_RUN} WHERE ${FINISHED} AND ($4::text IS NULL OR r.seq < (SELECT seq FROM run WHERE id = $4)) ORDER BY r.seq DESC LIMIT $3::int`,
      dataset, metric, limit, before,
    )
    return rows.map(toRun)
  }

  async candidates(dataset: string, metric: string, limit: number): Promise<Candidate[]> {
    const runs = await this.page(dataset, metric, { limit })
    const rows = await this.database.client.$queryRaw<{ id: string; dataset_hash: string; digest: string | null; items: number }[]>`
      SELECT r.id, r.dataset_hash, e.digest, coalesce(e.items, 0)::int AS items
      FROM run r LEFT JOIN (SELECT run_id, md5(string_agg(item_id, E'\x01' ORDER BY item_id)) AS digest, count(*) AS items
                            FROM example WHERE run_id = ANY(${runs.map(({ id }) => id)}::text[]) GROUP BY run_id) AS e ON e.run_id = r.id
      WHERE r.id = ANY(${runs.map(({ id }) => id)}::text[])`
    const facts = new Map(rows.map((row) => [row.id, row]))
    return runs.flatMap((run) => {
      const row = facts.get(run.id)
      return row === undefined || row.digest === null ? [] : [{ run, datasetHash: row.dataset_hash, itemsDigest: row.digest, items: row.items }]
    })
  }

  async itemIds(runId: string): Promise<string[]> {
    const rows = await this.database.client.example.findMany({ where: { runId }, select: { itemId: true }, orderBy: { seq: 'asc' } })
    return rows.map((row) => row.itemId)
  }

  /** How long the answers to some items took, by run; nobody waited for stored replies. */
  async served(runIds: readonly string[], itemIds: readonly string[]): Promise<Map<string, ServedAnswers>> {
    const rows = await this.database.client.$queryRawUnsafe<ServedRow[]>(
      `SELECT run_id, array_agg(latency_ms::float4) FILTER (WHERE latency_ms IS NOT NULL AND NOT cached)::text AS latencies,
              array_agg(ttft_ms::float4) FILTER (WHERE ttft_ms IS NOT NULL AND NOT cached)::text AS first_tokens
       FROM example WHERE run_id = ANY($1::text[]) AND item_id = ANY($2::text[]) AND status <> 'error' GROUP BY run_id`,
      [...runIds], [...itemIds],
    )
    return new Map(rows.map((row) => [row.run_id, { latencies: numbersOf(row.latencies), firstTokens: numbersOf(row.first_tokens) }]))
  }
}
