/* Replies of models by what was asked. Content-addressed: the same key is the same reply, whoever stores it. */
import type { StoredResponse } from '../contracts/index.js'
import type { Database } from './database.js'
import { storableJson } from './text.js'

interface ResponseRow {
  key: string
  body: Record<string, unknown>
  tokens_in: number | null
  tokens_out: number | null
  tokens_cached: number | null
  tokens_reasoning: number | null
  latency_ms: number
  ttft_ms: number | null
  cost_usd: number | null
  tries: number
}

export class ResponseStore {
  constructor(private readonly database: Database) {}

  /** Those of the keys that are stored, in no order. */
  async find(keys: readonly string[]): Promise<StoredResponse[]> {
    const rows = await this.database.client.$queryRawUnsafe<ResponseRow[]>(
      `SELECT encode(key, 'hex') AS key, body, tokens_in, tokens_out, tokens_cached, tokens_reasoning, latency_ms, ttft_ms, cost_usd, tries
       FROM response WHERE key IN (SELECT decode(hex, 'hex') FROM unnest($1::text[]) AS hex)`,
      [...keys],
    )
    return rows.map(toResponse)
  }

  /**
   * Keeps replies and counts to their run what they cost. No claim is asked for: a reply that was paid
   * for is worth keeping even when its run has been given to another worker meanwhile. Sent twice, it counts once.
   */
  async keep(runId: string, responses: readonly StoredResponse[]): Promise<void> {
    if (responses.length === 0) return
    await this.database.assertWritable()
    await this.database.client.$executeRaw`
      WITH kept AS (
        INSERT INTO response (key, run_id, body, tokens_in, tokens_out, tokens_cached, tokens_reasoning, latency_ms, ttft_ms, cost_usd, tries)
        SELECT decode(key, 'hex'), ${runId}, body, "tokensIn", "tokensOut", "tokensCached", "tokensReasoning", "latencyMs", "ttftMs", "costUsd", tries
        FROM json_to_recordset(${storableJson(responses)}::json) AS x
          (key text, body json, "tokensIn" int, "tokensOut" int, "tokensCached" int, "tokensReasoning" int,
           "latencyMs" float8, "ttftMs" float8, "costUsd" float8, tries int)
        ON CONFLICT (key) DO NOTHING
        RETURNING tries, cost_usd
      )
      UPDATE run SET spent_calls = spent_calls + total.calls, spent_usd = spent_usd + total.usd
      FROM (SELECT coalesce(sum(tries), 0) AS calls, coalesce(sum(cost_usd), 0) AS usd FROM kept) AS total WHERE run.id = ${runId}`
  }
}

function toResponse(row: ResponseRow): StoredResponse {
  return {
    key: row.key,
    body: row.body,
    tokensIn: row.tokens_in,
    tokensOut: row.tokens_out,
    tokensCached: row.tokens_cached,
    tokensReasoning: row.tokens_reasoning,
    latencyMs: row.latency_ms,
    ttftMs: row.ttft_ms,
    costUsd: row.cost_usd,
    tries: row.tries,
  }
}
