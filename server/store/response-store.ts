/* Replies of models by what was asked. Content-addressed: the same key is the same reply, whoever stores it. */
import type { CacheInfo, CachePrune, StoredResponse } from '../contracts/index.js'
import type { Database } from './database.js'
import { byteaArrayLiteral, storableJson } from './text.js'

export class ResponseStore {
  constructor(private readonly database: Database) {}

  /** Those of the keys that are stored, in no order, as the JSON of a list: nobody here reads it. */
  async find(keys: readonly string[]): Promise<string> {
    const [row] = await this.database.client.$queryRawUnsafe<{ found: string }[]>(
      `SELECT coalesce(json_agg(found), '[]')::text AS found
       FROM (SELECT encode(key, 'hex') AS key, body, tokens_in AS "tokensIn", tokens_out AS "tokensOut", tokens_cached AS "tokensCached", tokens_reasoning AS "tokensReasoning",
                    latency_ms AS "latencyMs", ttft_ms AS "ttftMs", cost_usd AS "costUsd", tries
             FROM response WHERE key = ANY($1::bytea[])) AS found`,
      byteaArrayLiteral(keys),
    )
    return row?.found ?? '[]'
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

  async measure(): Promise<CacheInfo> {
    const [row] = await this.database.client.$queryRaw<{ entries: number; bytes: number; oldest: Date | null; newest: Date | null }[]>`
      SELECT count(*)::int AS entries, pg_total_relation_size('response')::float8 AS bytes, min(created_at) AS oldest, max(created_at) AS newest FROM response`
    return { entries: row?.entries ?? 0, sizeBytes: row?.bytes ?? 0, oldest: row?.oldest?.toISOString() ?? null, newest: row?.newest?.toISOString() ?? null }
  }

  /** Forgets replies and returns how many. Their room is free for new ones at once: the embedded database has nobody who tidies up later. */
  async prune({ olderThanDays = 0, unused }: CachePrune): Promise<number> {
    const removed = await this.database.client.$executeRaw`
      DELETE FROM response WHERE created_at <= now() - ${olderThanDays}::float8 * interval '1 day'
        AND (NOT ${unused}::boolean OR NOT EXISTS (SELECT FROM run WHERE run.id = response.run_id))`
    if (removed > 0) await this.database.client.$executeRawUnsafe('VACUUM response')
    return removed
  }
}
