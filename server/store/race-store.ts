/*
 * The state of races. A race is due when every run that is still in it has answered what it may;
 * a decision is stored whole, by one server, and only if nothing has changed since it was made.
 */
import { RacePlanSchema, type Kind, type RacePlan, type RaceStanding, type Summary } from '../contracts/index.js'
import type { Change, Database } from './database.js'
import { refreshExperiment } from './experiment-status.js'
import type { WaitingRun } from './run-store.js'
import { storable, storableJson } from './text.js'

export interface RacingRun {
  id: string
  name: string
  summary: Summary | null
}

/** A race whose next decision can be made. */
export interface DueRace {
  experimentId: string
  kind: Kind
  metric: string
  plan: RacePlan
  /** Numbers of items at the looks taken before. */
  looks: number[]
  /** Items that each run in the race has been allowed. */
  items: number
  /** Answers allowed to all runs so far, those that have ended included. */
  spent: number
  runs: RacingRun[]
}

/** A sentence in each language of the pages. */
export type Sentences = Readonly<Record<'en' | 'pt', string>>

export interface Verdict {
  stopped: { id: string; reason: Sentences }[]
  left: string[]
  /** Items allowed from now on; null ends the race. */
  next: number | null
  outcome: 'running' | 'won' | 'tied'
  reason: Sentences | null
}

interface DueRow {
  experiment_id: string
  kind: Kind
  primary_metric: string
  race: { plan: unknown; looks: number[] }
  items: number
  spent: number
}

/** Runs that are in a race: neither over nor outside of one. */
const RACING = `allowance IS NOT NULL AND status IN ('queued', 'running', 'waiting')`

export class RaceStore {
  constructor(private readonly database: Database) {}

  /** Races in which every run waits. */
  async due(): Promise<DueRace[]> {
    const rows = await this.database.client.$queryRawUnsafe<DueRow[]>(
      `SELECT e.id AS experiment_id, e.kind, e.primary_metric, e.race, max(r.allowance) AS items,
              (SELECT sum(allowance)::float8 FROM run WHERE experiment_id = e.id) AS spent
       FROM experiment e JOIN run r ON r.experiment_id = e.id
       WHERE e.status = 'running' AND e.race IS NOT NULL AND r.allowance IS NOT NULL AND r.status IN ('queued', 'running', 'waiting')
       GROUP BY e.id HAVING bool_and(r.status = 'waiting') ORDER BY e.seq`,
    )
    const races: DueRace[] = []
    for (const row of rows) {
      const runs = await this.database.client.run.findMany({ where: { experimentId: row.experiment_id, status: 'waiting' }, orderBy: [{ cell: 'asc' }, { repeat: 'asc' }], select: { id: true, name: true, summary: true } })
      races.push({
        experimentId: row.experiment_id,
        kind: row.kind,
        metric: row.primary_metric,
        plan: RacePlanSchema.parse(row.race.plan),
        looks: row.race.looks,
        items: row.items,
        spent: row.spent,
        runs: runs.map((run) => ({ id: run.id, name: run.name, summary: run.summary as Summary | null })),
      })
    }
    return races
  }

  /** Stores a decision and returns the runs to queue; null when the race has moved on meanwhile. */
  async settle(race: DueRace, verdict: Verdict): Promise<WaitingRun[] | null> {
    return this.database.write(async (change) => {
      // Runs before their experiment, as everybody locks them.
      const rows = await change.session.$queryRawUnsafe<{ id: string; status: string }[]>(`SELECT id, status FROM run WHERE experiment_id = $1 AND ${RACING} ORDER BY seq FOR UPDATE`, race.experimentId)
      const [experiment] = await change.session.$queryRaw<{ looks: number[] }[]>`SELECT race->'looks' AS looks FROM experiment WHERE id = ${race.experimentId} FOR NO KEY UPDATE`
      const isSame = rows.length === race.runs.length && rows.every(({ id, status }) => status === 'waiting' && race.runs.some((run) => run.id === id))
      if (experiment === undefined || experiment.looks.length !== race.looks.length || !isSame) return null
      const state = storableJson({ plan: race.plan, looks: [...race.looks, race.items] })
      await change.session.$executeRaw`UPDATE experiment SET race = ${state}::json WHERE id = ${race.experimentId}`
      for (const { id, reason } of verdict.stopped) await stop(change, race, { id, reason })
      const waiting = await goOn(change, race, verdict)
      await refreshExperiment(change, race.experimentId)
      return waiting
    })
  }
}

function standing(race: DueRace, { reason, ...more }: Pick<RaceStanding, 'outcome'> & { reason: Sentences | null; items?: number }): string {
  return storableJson({ items: race.items, of: race.plan.items, look: race.looks.length + 1, looks: race.plan.looks.length, ...more, reason: reason?.en ?? null, reasonPt: reason?.pt ?? null })
}

async function stop(change: Change, race: DueRace, { id, reason }: { id: string; reason: Sentences }): Promise<void> {
  await change.session.$executeRaw`
    UPDATE run SET status = 'stopped', finished_at = now(), race = ${standing(race, { outcome: 'stopped', reason })}::json WHERE id = ${id}`
  await tell(change, race, { id, reason: reason.en })
}

async function goOn(change: Change, race: DueRace, { left, next, outcome, reason }: Verdict): Promise<WaitingRun[]> {
  if (next === null) {
    await change.session.$executeRaw`
      UPDATE run SET status = 'succeeded', finished_at = now(), race = ${standing(race, { outcome, reason })}::json WHERE id = ANY(${left}::text[])`
    for (const id of left) await tell(change, race, { id, reason: reason?.en ?? 'the race is over' })
    return []
  }
  const rows = await change.session.$queryRaw<{ id: string; order: number }[]>`
    UPDATE run SET status = 'queued', allowance = ${next}::int, race = ${standing(race, { outcome, reason: null, items: next })}::json
    WHERE id = ANY(${left}::text[]) RETURNING id, coalesce(queue_order, seq)::float8 AS order`
  for (const { id } of rows) change.tell('run.updated', { experimentId: race.experimentId, runId: id })
  return rows.map((row) => ({ runId: row.id, kind: race.kind, order: row.order })).sort((a, b) => a.order - b.order)
}

async function tell(change: Change, { experimentId }: DueRace, { id, reason }: { id: string; reason: string }): Promise<void> {
  const message = storable(reason)
  await change.session.$executeRaw`
    INSERT INTO log_line (run_id, time, level, message, digest) VALUES (${id}, ${Date.now()}, 'info', ${message}, md5(${message}))`
  change.tell('run.log', { experimentId, runId: id })
  change.tell('run.updated', { experimentId, runId: id })
}
