/* Answers of runs, item by item: each item once per run, whatever is sent again. */
import { fromWire, type Example, type ExamplePage, type Float } from '../contracts/index.js'
import { isDuplicate } from './database-error.js'
import type { Database, Session } from './database.js'
import { holdRun } from './fence.js'
import { arrayLiteral, storableJson, textArrayLiteral } from './text.js'

export interface ExampleQuery {
  offset: number
  limit: number
  status?: Example['status'] | undefined
  /** Part of the item's id, input, output or target; upper and lower case are alike. */
  text?: string | undefined
}

interface ExampleRow {
  item_id: string
  cluster: string | null
  input: string
  output: string
  target: string | null
  status: Example['status']
  error: string | null
  score_keys: string[]
  /** to_json of float8[]: NaN and infinity come as their names. */
  scores: Float[]
  latency_ms: number | null
  ttft_ms: number | null
  tokens_in: number | null
  tokens_out: number | null
  cost_usd: number | null
  cached: boolean
  tokens_cached: number | null
  tokens_reasoning: number | null
  judge_cost_usd: number | null
  details?: Record<string, unknown>
}

const COLUMNS = `item_id, cluster, input, output, target, status, error, score_keys, to_json(score_values) AS scores,
  latency_ms, ttft_ms, tokens_in, tokens_out, cost_usd, cached, tokens_cached, tokens_reasoning, judge_cost_usd`
const MATCHES = `run_id = $1 AND ($2::text IS NULL OR status = $2)
  AND ($3::text IS NULL OR item_id ILIKE $3 OR input ILIKE $3 OR output ILIKE $3 OR target ILIKE $3)`

export class ExampleStore {
  constructor(private readonly database: Database) {}

  /**
   * Stores answers of a run that `attempt` holds; items already answered keep their first answer. Nearly every batch
   * is new, and to look for each item first takes the database a quarter longer, so only a batch that collides is looked through.
   */
  async append(runId: string, attempt: number, examples: readonly Example[]): Promise<void> {
    try {
      await this.#append({ runId, attempt, known: 'refused' }, examples)
    } catch (error) {
      if (!isDuplicate(error)) throw error
      await this.#append({ runId, attempt, known: 'skipped' }, examples)
    }
  }

  async #append({ runId, attempt, known }: { runId: string; attempt: number; known: KnownItems }, examples: readonly Example[]): Promise<void> {
    await this.database.write(async (change) => {
      const held = await holdRun(change, runId, attempt)
      if (examples.length === 0) return
      const stored = await insertExamples(change.session, runId, examples, known)
      if (stored === 0) return
      if (held.progressAttempt !== attempt) await change.session.$executeRaw`UPDATE run SET progress_attempt = ${attempt} WHERE id = ${runId}`
      change.tell('run.examples', { experimentId: held.experimentId, runId })
    })
  }

  /** One page of answers in the order in which they came, and how many match in all. */
  async page(runId: string, query: ExampleQuery): Promise<ExamplePage> {
    const status = query.status ?? null
    const text = query.text === undefined ? null : `%${query.text.replaceAll(/[\\%_]/g, '\\$&')}%`
    const rows = await this.database.client.$queryRawUnsafe<ExampleRow[]>(
      `SELECT ${COLUMNS}, details FROM example WHERE ${MATCHES} ORDER BY seq OFFSET $4::int LIMIT $5::int`,
      runId, status, text, query.offset, query.limit,
    )
    const [count] = await this.database.client.$queryRawUnsafe<{ total: number }[]>(`SELECT count(*)::int AS total FROM example WHERE ${MATCHES}`, runId, status, text)
    return { total: count?.total ?? 0, examples: rows.map(toExample) }
  }

  /** Whether some imported answer has a text that can be scored. */
  async hasOutputs(runId: string): Promise<boolean> {
    const [found] = await this.database.client.$queryRaw<{ found: boolean }[]>`
      SELECT EXISTS (SELECT FROM example WHERE run_id = ${runId} AND status <> 'error' AND (output <> '' OR details->'response' IS NOT NULL)) AS found`
    return found?.found === true
  }

  /** One item as several runs answered it. */
  async ofItem(runIds: readonly string[], itemId: string): Promise<{ runId: string; example: Example }[]> {
    const rows = await this.database.client.$queryRawUnsafe<(ExampleRow & { run_id: string })[]>(`SELECT run_id, ${COLUMNS}, details FROM example WHERE run_id = ANY($1::text[]) AND item_id = $2`, [...runIds], itemId)
    return rows.map((row) => ({ runId: row.run_id, example: toExample(row) })).sort((a, b) => runIds.indexOf(a.runId) - runIds.indexOf(b.runId))
  }

  /** Every answer of a run, without the kind's own details, for comparing. */
  async all(runId: string): Promise<Example[]> {
    const rows = await this.database.client.$queryRawUnsafe<ExampleRow[]>(`SELECT ${COLUMNS} FROM example WHERE run_id = $1 ORDER BY seq`, runId)
    return rows.map(toExample)
  }
}

/** What becomes of items that are answered already: they keep their first answer, or nothing is stored at all. */
type KnownItems = 'skipped' | 'refused'

const INSERT = `
  INSERT INTO example (run_id, item_id, cluster, input, output, target, status, error, score_keys, score_values,
                       latency_ms, ttft_ms, tokens_in, tokens_out, cost_usd, cached, tokens_cached, tokens_reasoning, judge_cost_usd, details)
  SELECT $1, item_id, cluster, input, output, target, status, error,
         score_keys::text[], score_values::float8[], latency_ms, ttft_ms, tokens_in, tokens_out, cost_usd,
         cached, tokens_cached, tokens_reasoning, judge_cost_usd, details
  FROM json_to_recordset($2::json) AS x
    (item_id text, cluster text, input text, output text, target text, status text, error text, score_keys text, score_values text,
     latency_ms float8, ttft_ms float8, tokens_in int, tokens_out int, cost_usd float8,
     cached boolean, tokens_cached int, tokens_reasoning int, judge_cost_usd float8, details json)`

/** Returns how many were new. Throws what `isDuplicate` knows where known items are refused. */
export async function insertExamples(session: Session, runId: string, examples: readonly Example[], known: KnownItems): Promise<number> {
  const clause = known === 'skipped' ? ' ON CONFLICT (run_id, item_id) DO NOTHING' : ''
  return session.$executeRawUnsafe(INSERT + clause, runId, storableJson(examples.map(asRecord)))
}

/** What is null is left out: the database reads thousands of these at a time. */
function asRecord(example: Example): Record<string, unknown> {
  return {
    item_id: example.itemId,
    cluster: example.cluster ?? undefined,
    input: example.input,
    output: example.output,
    target: example.target ?? undefined,
    status: example.status,
    error: example.error ?? undefined,
    score_keys: textArrayLiteral(Object.keys(example.scores)),
    score_values: arrayLiteral(Object.values(example.scores).map(fromWire)),
    latency_ms: example.latencyMs ?? undefined,
    ttft_ms: example.ttftMs ?? undefined,
    tokens_in: example.tokensIn ?? undefined,
    tokens_out: example.tokensOut ?? undefined,
    cost_usd: example.costUsd ?? undefined,
    cached: example.cached ?? false,
    tokens_cached: example.tokensCached ?? undefined,
    tokens_reasoning: example.tokensReasoning ?? undefined,
    judge_cost_usd: example.judgeCostUsd ?? undefined,
    details: example.details,
  }
}

function toExample(row: ExampleRow): Example {
  return {
    itemId: row.item_id,
    cluster: row.cluster,
    input: row.input,
    output: row.output,
    target: row.target,
    status: row.status,
    scores: Object.fromEntries(row.score_keys.map((key, index) => [key, row.scores[index] ?? 'NaN'])),
    error: row.error,
    latencyMs: row.latency_ms,
    ttftMs: row.ttft_ms,
    tokensIn: row.tokens_in,
    tokensOut: row.tokens_out,
    costUsd: row.cost_usd,
    cached: row.cached,
    tokensCached: row.tokens_cached,
    tokensReasoning: row.tokens_reasoning,
    judgeCostUsd: row.judge_cost_usd,
    details: row.details ?? {},
  }
}
