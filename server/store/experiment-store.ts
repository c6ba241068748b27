/* Experiments: stored with all their runs at once, or not at all. */
import {
  AppError,
  COLOR_SLOTS,
  ExperimentStatusSchema,
  RunStatusSchema,
  type CreatedExperiment,
  type ExperimentChange,
  type ExperimentOrder,
  type ExperimentSpec,
  type ExperimentSummary,
  type Kind,
  type ParameterValue,
  type RacePlan,
  type RaceStanding,
  type SearchTerm,
} from '../contracts/index.js'
import { readBestRuns } from './best-runs.js'
import type { Change, Database, Session } from './database.js'
import { emptyCounts, type RunCounts } from './experiment-status.js'
import { searchExperiments } from './experiment-search.js'
import type { Prisma } from './generated/client.js'
import { makeId } from './ids.js'
import type { WaitingRun } from './run-store.js'
import { storable, storableJson } from './text.js'

export interface PlannedExperiment {
  spec: ExperimentSpec
  datasetHash: string
  axes: Record<string, ParameterValue[]>
  metrics: readonly string[]
  primaryMetric: string
  runs: readonly PlannedRun[]
  /** Null: every run answers every item. */
  race: RacePlan | null
}

interface PlannedRun {
  cell: number
  repeat: number
  seed: number
  name: string
  params: Record<string, ParameterValue>
  varied: Record<string, ParameterValue>
  /** The run whose answers this one scores anew. */
  rescoredFrom?: string
}

export interface ExperimentQuery {
  limit: number
  offset?: number
  terms?: readonly SearchTerm[]
  /** Left out: newest first. */
  order?: ExperimentOrder
  /** Id of the last experiment of the page before, for the order newest first. */
  before?: string | undefined
}

const NEWEST_FIRST: ExperimentOrder = { by: 'created', isDescending: true }

/** What the queue may do within the transaction that stores the runs. */
export type Deliver = (runs: WaitingRun[], session: Session) => Promise<void>

/** Runs are inserted in pieces: a statement of 10,000 runs with long templates would be too large. */
const RUNS_PER_STATEMENT = 1_000

export class ExperimentStore {
  constructor(private readonly database: Database) {}

  /** Stores the experiment and its runs; `deliver` hands them to a queue in the same transaction. */
  async create(plan: PlannedExperiment, deliver: Deliver): Promise<{ created: CreatedExperiment; waiting: WaitingRun[] }> {
    const id = makeId()
    const { spec } = plan
    const runs = plan.runs.map((run, index) => ({ ...run, id: makeId(), colorSlot: index % COLOR_SLOTS }))
    const waiting = await this.database.write(async (change) => {
      await change.session.$executeRaw`
        INSERT INTO experiment (id, name, kind, dataset, dataset_hash, spec, axes, metrics, primary_metric, race, tags, notes)
        VALUES (${id}, ${storable(spec.name)}, ${spec.kind}, ${spec.dataset}, ${plan.datasetHash}, ${storableJson(spec)}::json, ${storableJson(plan.axes)}::json,
                ${[...plan.metrics]}::text[], ${plan.primaryMetric}, ${plan.race === null ? null : storableJson({ plan: plan.race, looks: [] })}::json, ${spec.tags.map(storable)}::text[], ${storable(spec.notes)})`
      const stored: WaitingRun[] = []
      for (let start = 0; start < runs.length; start += RUNS_PER_STATEMENT) {
        stored.push(...(await insertRuns(change, { id, plan, runs: runs.slice(start, start + RUNS_PER_STATEMENT) })))
      }
      change.tell('experiment.created', { experimentId: id })
      await deliver(stored, change.session)
      return stored
    })
    return { created: { id, name: spec.name, runs: runs.map((run) => ({ id: run.id, params: run.params })) }, waiting }
  }

  async list({ before, limit, offset = 0, terms = [], order = NEWEST_FIRST }: ExperimentQuery): Promise<{ experiments: ExperimentSummary[]; total: number }> {
    const beforeSeq = before === undefined ? undefined : (await this.#row(before)).seq
    const { ids, total } = await searchExperiments(this.database.client, { limit, offset, terms, order, beforeSeq })
    const rows = await this.database.client.experiment.findMany({ where: { id: { in: ids } } })
    const byId = new Map(rows.map((row) => [row.id, row]))
    return { experiments: await this.#summaries(ids.flatMap((id) => byId.get(id) ?? [])), total }
  }

  async read(id: string): Promise<ExperimentSummary & { spec: unknown }> {
    const row = await this.#row(id)
    const [summary] = await this.#summaries([row])
    if (summary === undefined) throw noSuchExperiment(id)
    return { ...summary, spec: row.spec }
  }

  /** Of the data that its runs answered. */
  async datasetHash(id: string): Promise<string> {
    return (await this.#row(id)).datasetHash
  }

  async change(id: string, changes: ExperimentChange): Promise<void> {
    await this.database.write(async (change) => {
      const data = {
        ...(changes.notes === undefined ? {} : { notes: storable(changes.notes) }),
        ...(changes.tags === undefined ? {} : { tags: changes.tags.map(storable) }),
        ...(changes.starred === undefined ? {} : { starred: changes.starred }),
        ...(changes.archived === undefined ? {} : { archivedAt: changes.archived ? new Date() : null }),
      }
      const { count } = await change.session.experiment.updateMany({ where: { id }, data })
      if (count === 0) throw noSuchExperiment(id)
      change.tell('experiment.updated', { experimentId: id })
    })
  }

  async count(): Promise<number> {
    return this.database.client.experiment.count({ where: { deletedAt: null } })
  }

  /** Whether nobody has ever queued anything here, or all of it was purged. */
  async isEmpty(): Promise<boolean> {
    return (await this.database.client.experiment.count()) === 0
  }

  async #row(id: string): Promise<Prisma.ExperimentModel> {
    const row = await this.database.client.experiment.findUnique({ where: { id } })
    if (row === null) throw noSuchExperiment(id)
    return row
  }

  async #summaries(rows: Prisma.ExperimentModel[]): Promise<ExperimentSummary[]> {
    const best = await readBestRuns(this.database.client, rows.map((row) => row.id))
    const counted = await this.database.client.run.groupBy({ by: ['experimentId', 'status'], where: { experimentId: { in: rows.map((row) => row.id) } }, _count: { _all: true } })
    const countsOf = new Map<string, RunCounts>(rows.map((row) => [row.id, emptyCounts()]))
    for (const row of counted) {
      const counts = countsOf.get(row.experimentId)
      if (counts !== undefined) counts[RunStatusSchema.parse(row.status)] = row._count._all
    }
    return rows.map((row) => ({
      id: row.id,
      name: row.name,
      kind: row.kind as Kind,
      dataset: row.dataset,
      status: ExperimentStatusSchema.parse(row.status),
      tags: row.tags,
      notes: row.notes,
      starred: row.starred,
      archivedAt: row.archivedAt?.toISOString() ?? null,
      deletedAt: row.deletedAt?.toISOString() ?? null,
      axes: row.axes as Record<string, ParameterValue[]>,
      primaryMetric: row.primaryMetric,
      runCounts: countsOf.get(row.id) ?? emptyCounts(),
      best: best.get(row.id) ?? null,
      createdAt: row.createdAt.toISOString(),
      finishedAt: row.finishedAt?.toISOString() ?? null,
    }))
  }
}

async function insertRuns(change: Change, at: { id: string; plan: PlannedExperiment; runs: (PlannedRun & { id: string; colorSlot: number })[] }): Promise<WaitingRun[]> {
  const { kind, dataset } = at.plan.spec
  const allowance = at.plan.race?.looks[0] ?? null
  const standing = at.plan.race === null ? null : storableJson(startOf(at.plan.race))
  const records = storableJson(at.runs.map((run) => ({ ...run, color_slot: run.colorSlot })))
  const rows = await change.session.$queryRaw<{ id: string; order: number }[]>`
    INSERT INTO run (id, experiment_id, kind, name, cell, repeat, seed, params, varied, dataset, dataset_hash, color_slot, allowance, race, rescored_from)
    SELECT id, ${at.id}, ${kind}, name, cell, repeat, seed, params, varied, ${dataset}, ${at.plan.datasetHash}, color_slot, ${allowance}::int, ${standing}::json, "rescoredFrom"
    FROM json_to_recordset(${records}::json) AS x (id text, name text, cell int, repeat int, seed int, params json, varied json, color_slot int, "rescoredFrom" text)
    ORDER BY cell, repeat RETURNING id, seq::float8 AS order`
  return rows.map((row) => ({ runId: row.id, kind, order: row.order })).sort((a, b) => a.order - b.order)
}

function startOf({ items, looks }: RacePlan): RaceStanding {
  return { items: looks[0] ?? items, of: items, look: 0, looks: looks.length, outcome: 'running', reason: null }
}

function noSuchExperiment(id: string): AppError {
  return new AppError('not_found', `There is no experiment "${id}".`)
}
