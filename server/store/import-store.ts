/* Runs that were executed elsewhere: stored finished, with all their answers, at once or not at all. */
import { COLOR_SLOTS, type CreatedExperiment, type ImportedExperiment, type ImportedRun, type Summary } from '../contracts/index.js'
import type { Change, Database } from './database.js'
import { insertExamples } from './example-store.js'
import { makeId } from './ids.js'
import { storable, storableJson } from './text.js'

/** An import with what was made of its answers. */
export interface SummarizedImport {
  experiment: ImportedExperiment
  datasetHash: string
  /** One for each run. */
  summaries: readonly Summary[]
}

/** Answers carry whole prompts: a statement of all of them would be too large. */
const EXAMPLES_PER_STATEMENT = 500

export class ImportStore {
  constructor(private readonly database: Database) {}

  async create(imports: readonly SummarizedImport[]): Promise<CreatedExperiment[]> {
    return this.database.write(async (change) => {
      const created: CreatedExperiment[] = []
      for (const one of imports) created.push(await insertExperiment(change, one))
      return created
    })
  }
}

async function insertExperiment(change: Change, { experiment, datasetHash, summaries }: SummarizedImport): Promise<CreatedExperiment> {
  const id = makeId()
  const { name, dataset, metrics, runs, source, tags, notes } = experiment
  const ids = metrics.map((metric) => storable(metric.id))
  const spec = { kind: 'prompt', name, dataset, imported: source, metrics: ids, axes: {}, tags, notes }
  await change.session.$executeRaw`
    INSERT INTO experiment (id, name, kind, dataset, dataset_hash, spec, axes, metrics, primary_metric, tags, notes, status, finished_at)
    VALUES (${id}, ${storable(name)}, 'prompt', ${storable(dataset)}, ${datasetHash}, ${storableJson(spec)}::json, '{}'::json,
            ${ids}::text[], ${ids[0] ?? ''}, ${tags.map(storable)}::text[], ${storable(notes)}, 'succeeded', now())`
  const stored: CreatedExperiment['runs'] = []
  for (const [cell, run] of runs.entries()) {
    const runId = makeId()
    await insertRun(change, { experimentId: id, runId, cell, run, dataset, datasetHash, summary: summaries[cell] ?? null })
    stored.push({ id: runId, params: run.params })
  }
  change.tell('experiment.created', { experimentId: id })
  return { id, name, runs: stored }
}

async function insertRun(change: Change, at: { experimentId: string; runId: string; cell: number; run: ImportedRun; dataset: string; datasetHash: string; summary: Summary | null }): Promise<void> {
  const { experimentId, runId, cell, run, dataset, datasetHash, summary } = at
  const progress = { done: run.examples.length, total: run.examples.length, unit: 'items' }
  await change.session.$executeRaw`
    INSERT INTO run (id, experiment_id, kind, name, cell, repeat, seed, params, varied, dataset, dataset_hash, color_slot, status, progress, summary, finished_at)
    VALUES (${runId}, ${experimentId}, 'prompt', ${storable(run.name)}, ${cell}, 0, 0, ${storableJson(run.params)}::json, '{}'::json, ${storable(dataset)}, ${datasetHash},
            ${cell % COLOR_SLOTS}, 'succeeded', ${storableJson(progress)}::json, ${storableJson(summary)}::json, now())`
  for (let start = 0; start < run.examples.length; start += EXAMPLES_PER_STATEMENT) {
    await insertExamples(change.session, runId, run.examples.slice(start, start + EXAMPLES_PER_STATEMENT), 'skipped')
  }
}
