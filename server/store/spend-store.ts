/* What experiments paid, beside their budgets. */
import { AppError, type Kind, type Spend, type SpendFigures } from '../contracts/index.js'
import type { Database } from './database.js'

export interface SpendQuery {
  dataset?: string | undefined
  limit: number
  /** Id of the last experiment of the page before. */
  before?: string | undefined
}

interface FiguresRow {
  runs: number
  spent: number
  answers: number
  judge: number
  calls: number
  unknown: number
  budget: number | null
  budget_spent: number
  budgeted: number
}

/**
 * Per run: what it paid, whether all its answers have a known cost (an unfinished one is asked answer by answer), and its
 * limit. A run without answers yet has cost nothing so far and is not unknown.
 */
const PER_RUN = `
  SELECT r.experiment_id, r.spent_usd, r.spent_calls, (r.summary->>'costUsd')::float8 AS answers, (r.summary->>'judgeCostUsd')::float8 AS judge,
         (coalesce(r.budget, e.spec->'budget')->>'usd')::float8 AS budget,
         CASE WHEN json_typeof(r.summary) = 'object' THEN (r.summary->>'costUsd') IS NULL
              ELSE EXISTS (SELECT 1 FROM example x WHERE x.run_id = r.id AND x.status <> 'error' AND x.cost_usd IS NULL) END AS is_unknown
  FROM run r JOIN experiment e ON e.id = r.experiment_id`
const FIGURES = `count(*)::int AS runs, coalesce(sum(spent_usd), 0)::float8 AS spent, coalesce(sum(answers), 0)::float8 AS answers, coalesce(sum(judge), 0)::float8 AS judge,
  coalesce(sum(spent_calls), 0)::int AS calls, count(*) FILTER (WHERE is_unknown)::int AS unknown, sum(budget)::float8 AS budget,
  coalesce(sum(spent_usd) FILTER (WHERE budget IS NOT NULL), 0)::float8 AS budget_spent, count(budget)::int AS budgeted`

export class SpendStore {
  constructor(private readonly database: Database) {}

  async read({ dataset, limit, before }: SpendQuery): Promise<Spend> {
    const { client } = this.database
    if (before !== undefined && (await client.experiment.count({ where: { id: before } })) === 0) throw new AppError('not_found', `There is no experiment "${before}".`)
    const matches = `e.deleted_at IS NULL AND ($1::text IS NULL OR e.dataset = $1)`
    const [total] = await client.$queryRawUnsafe<FiguresRow[]>(`SELECT ${FIGURES} FROM (${PER_RUN} WHERE ${matches}) AS one`, dataset ?? null)
    const rows = await client.$queryRawUnsafe<(FiguresRow & { id: string; name: string; kind: Kind; dataset: string })[]>(
      `WITH page AS (SELECT * FROM experiment e WHERE ${matches} AND ($2::text IS NULL OR e.seq < (SELECT seq FROM experiment WHERE id = $2)) ORDER BY e.seq DESC LIMIT $3::int)
       SELECT page.id, page.name, page.kind, page.dataset, figures.*
       FROM page JOIN (SELECT experiment_id, ${FIGURES} FROM (${PER_RUN} WHERE e.id IN (SELECT id FROM page)) AS one GROUP BY experiment_id) AS figures ON figures.experiment_id = page.id
       ORDER BY page.seq DESC`,
      dataset ?? null, before ?? null, limit + 1,
    )
    const page = rows.slice(0, limit)
    return {
      total: figuresOf(total),
      experiments: page.map((row) => ({ id: row.id, name: row.name, kind: row.kind, dataset: row.dataset, ...figuresOf(row) })),
      next: rows.length > limit ? (page.at(-1)?.id ?? null) : null,
    }
  }
}

function figuresOf(row: FiguresRow | undefined): SpendFigures {
  return {
    runs: row?.runs ?? 0,
    spentUsd: row?.spent ?? 0,
    answersUsd: row?.answers ?? 0,
    judgeUsd: row?.judge ?? 0,
    calls: row?.calls ?? 0,
    unknownRuns: row?.unknown ?? 0,
    budgetUsd: row?.budget ?? null,
    budgetSpentUsd: row?.budget_spent ?? 0,
    budgetedRuns: row?.budgeted ?? 0,
  }
}
