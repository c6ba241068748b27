/* Items by what stands in their answers: what the columns of a comparison do not hold. */
import type { ItemConditions, ItemFacets } from '../contracts/index.js'
import type { Database } from './database.js'

/** More different targets than this are answers, not labels. */
const MOST_TARGETS = 50
const MOST_CLUSTERS = 200

const CONDITIONS = `run_id = ANY($1::text[])
  AND ($2::text IS NULL OR item_id ILIKE $2 OR input ILIKE $2 OR output ILIKE $2 OR target ILIKE $2)
  AND ($3::text IS NULL OR target = $3) AND ($4::text IS NULL OR cluster = $4)
  AND ($5::int IS NULL OR length(output) >= $5) AND ($6::int IS NULL OR length(output) <= $6)
  AND ($7::text IS NULL OR CASE $7
        WHEN 'none' THEN NOT EXISTS (SELECT FROM annotation a WHERE a.run_id = ANY($1::text[]) AND a.item_id = e.item_id)
        ELSE EXISTS (SELECT FROM annotation a WHERE a.run_id = e.run_id AND a.item_id = e.item_id AND ($7 = 'any' OR a.verdict = $7)) END)
  AND ($8::text IS NULL OR EXISTS (SELECT FROM annotation a WHERE a.run_id = e.run_id AND a.item_id = e.item_id AND $8 = ANY(a.tags)))`

export class ItemFinder {
  constructor(private readonly database: Database) {}

  /** Ids of the items of which one answer of the runs meets all conditions; null when there are none to meet. */
  async find(runIds: readonly string[], conditions: ItemConditions): Promise<Set<string> | null> {
    if (Object.values(conditions).every((condition) => condition === undefined)) return null
    const { text, target, cluster, minLength, maxLength, annotated, tag } = conditions
    const pattern = text === undefined ? null : `%${text.replaceAll(/[\\%_]/g, '\\$&')}%`
    const [row] = await this.database.client.$queryRawUnsafe<{ items: string | null }[]>(
      `SELECT json_agg(DISTINCT item_id)::text AS items FROM example e WHERE ${CONDITIONS}`,
      [...runIds], pattern, target ?? null, cluster ?? null, minLength ?? null, maxLength ?? null, annotated ?? null, tag ?? null,
    )
    return new Set(row?.items == null ? [] : (JSON.parse(row.items) as string[]))
  }

  /** What the items of the runs can be narrowed by. */
  async facets(runIds: readonly string[]): Promise<ItemFacets> {
    const ask = async (sql: string, ...values: unknown[]): Promise<string[]> => (await this.database.client.$queryRawUnsafe<{ value: string }[]>(sql, [...runIds], ...values)).map(({ value }) => value)
    const targets = await ask('SELECT target AS value FROM example WHERE run_id = ANY($1::text[]) AND target IS NOT NULL GROUP BY target ORDER BY count(*) DESC, target LIMIT $2', MOST_TARGETS + 1)
    const clusters = await ask('SELECT cluster AS value FROM example WHERE run_id = ANY($1::text[]) AND cluster IS NOT NULL GROUP BY cluster HAVING count(DISTINCT item_id) > 1 ORDER BY count(*) DESC, cluster LIMIT $2', MOST_CLUSTERS)
    const tags = await ask('SELECT DISTINCT unnest(tags) AS value FROM annotation WHERE run_id = ANY($1::text[]) ORDER BY 1')
    return { targets: targets.length > MOST_TARGETS ? [] : targets, clusters, tags }
  }
}
