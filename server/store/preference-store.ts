/* Which of two answers people prefer, and what is left for them to judge. */
import { AppError } from '../contracts/index.js'
import type { Database } from './database.js'
import { storable } from './text.js'

/** Two runs in the order of whoever asks. */
export interface RunPair {
  a: string
  b: string
}

export interface StoredVote {
  itemId: string
  annotator: string
  choice: 'a' | 'b' | 'tie'
  left: 'a' | 'b'
  updatedAt: string
}

export interface UnjudgedPair {
  itemId: string
  inputA: string
  inputB: string
  outputA: string
  outputB: string
  target: string | null
}

export interface UnjudgedAnswer {
  itemId: string
  input: string
  output: string
  target: string | null
}

interface VoteRow {
  item_id: string
  annotator: string
  choice: 'one' | 'two' | 'tie'
  left_run: string
  updated_at: Date
}

/** Items that both runs answered, and not in the same words: there is nothing to prefer in those. */
const PAIRS = `FROM example x JOIN example y ON y.run_id = $2 AND y.item_id = x.item_id
  WHERE x.run_id = $1 AND x.status <> 'error' AND y.status <> 'error'`
const ordered = ({ a, b }: RunPair): [one: string, two: string] => (a < b ? [a, b] : [b, a])

export class PreferenceStore {
  constructor(private readonly database: Database) {}

  /** Takes the place of what the person said of the item before. @throws `not_found` where not both runs answered it */
  async put(pair: RunPair, { itemId, annotator, choice, left }: Omit<StoredVote, 'updatedAt'>): Promise<void> {
    const [one, two] = ordered(pair)
    const stored = choice === 'tie' ? 'tie' : pair[choice] === one ? 'one' : 'two'
    await this.database.write(async (change) => {
      const [found] = await change.session.$queryRaw<{ answered: number; experiment_id: string }[]>`
        SELECT count(*)::int AS answered, min(r.experiment_id) AS experiment_id FROM example e JOIN run r ON r.id = e.run_id WHERE e.run_id IN (${one}, ${two}) AND e.item_id = ${itemId}`
      if (found?.answered !== 2) throw new AppError('not_found', `The runs ${pair.a} and ${pair.b} have not both answered the item "${itemId}".`)
      await change.session.$executeRaw`
        INSERT INTO preference (run_one, run_two, item_id, annotator, choice, left_run) VALUES (${one}, ${two}, ${itemId}, ${storable(annotator)}, ${stored}, ${pair[left]})
        ON CONFLICT (run_one, run_two, item_id, annotator) DO UPDATE SET choice = excluded.choice, left_run = excluded.left_run, updated_at = now()`
      for (const runId of [one, two]) change.tell('run.annotations', { experimentId: found.experiment_id, runId })
    })
  }

  async remove(pair: RunPair, { itemId, annotator }: Pick<StoredVote, 'itemId' | 'annotator'>): Promise<void> {
    const [one, two] = ordered(pair)
    await this.database.write(async (change) => {
      const removed = await change.session.$executeRaw`DELETE FROM preference WHERE run_one = ${one} AND run_two = ${two} AND item_id = ${itemId} AND annotator = ${annotator}`
      if (removed > 0) for (const runId of [one, two]) change.tell('run.annotations', { runId })
    })
  }

  /** All that was said of the pair, by item and person. */
  async votes(pair: RunPair): Promise<StoredVote[]> {
    const [one, two] = ordered(pair)
    const rows = await this.database.client.$queryRaw<VoteRow[]>`SELECT item_id, annotator, choice, left_run, updated_at FROM preference WHERE run_one = ${one} AND run_two = ${two} ORDER BY item_id, annotator`
    const sideOf = (run: string): 'a' | 'b' => (run === pair.a ? 'a' : 'b')
    return rows.map((row) => ({ itemId: row.item_id, annotator: row.annotator, choice: row.choice === 'tie' ? 'tie' : sideOf(row.choice === 'one' ? one : two), left: sideOf(row.left_run), updatedAt: row.updated_at.toISOString() }))
  }

  /** What a person has not judged yet, in an order that the seed draws and that is the same for everybody. */
  async unjudgedPairs(pair: RunPair, { annotator, seed, limit }: { annotator: string; seed: number; limit: number }): Promise<UnjudgedPair[]> {
    const [one, two] = ordered(pair)
    return this.database.client.$queryRawUnsafe<UnjudgedPair[]>(
      `SELECT x.item_id AS "itemId", x.input AS "inputA", y.input AS "inputB", x.output AS "outputA", y.output AS "outputB", x.target ${PAIRS} AND x.output <> y.output
         AND NOT EXISTS (SELECT FROM preference p WHERE p.run_one = $3 AND p.run_two = $4 AND p.item_id = x.item_id AND p.annotator = $5)
       ORDER BY md5($6::text || x.item_id) LIMIT $7::int`,
      pair.a, pair.b, one, two, annotator, String(seed), limit,
    )
  }

  /** How many pairs can be judged, and on how many items both answer the same. */
  async countPairs(pair: RunPair): Promise<{ total: number; identical: number }> {
    const [row] = await this.database.client.$queryRawUnsafe<{ total: number; identical: number }[]>(
      `SELECT count(*) FILTER (WHERE x.output <> y.output)::int AS total, count(*) FILTER (WHERE x.output = y.output)::int AS identical ${PAIRS}`, pair.a, pair.b,
    )
    return row ?? { total: 0, identical: 0 }
  }

  /** Answers of a run that a person has not called good or bad yet, in an order that the seed draws. */
  async unjudgedAnswers(runId: string, { annotator, seed, limit }: { annotator: string; seed: number; limit: number }): Promise<UnjudgedAnswer[]> {
    return this.database.client.$queryRawUnsafe<UnjudgedAnswer[]>(
      `SELECT item_id AS "itemId", input, output, target FROM example e WHERE run_id = $1 AND status <> 'error'
         AND NOT EXISTS (SELECT FROM annotation a WHERE a.run_id = $1 AND a.item_id = e.item_id AND a.annotator = $2 AND a.verdict IS NOT NULL)
       ORDER BY md5($3::text || item_id) LIMIT $4::int`,
      runId, annotator, String(seed), limit,
    )
  }

  async countAnswers(runId: string): Promise<number> {
    const [row] = await this.database.client.$queryRaw<{ total: number }[]>`SELECT count(*)::int AS total FROM example WHERE run_id = ${runId} AND status <> 'error'`
    return row?.total ?? 0
  }
}
