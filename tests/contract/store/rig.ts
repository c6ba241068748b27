/* What the store's promises are tried with: its stores on one database, and runs in the states that tests begin with. */
import { AppError, type Assignment, type Example, type ExperimentSummary, type Finish, type Kind, type MetricPoint, type Summary } from '../../../server/contracts/index.js'
import { CheckpointStore } from '../../../server/store/checkpoint-store.js'
import { ClaimStore } from '../../../server/store/claim-store.js'
import type { Database } from '../../../server/store/database.js'
import { EventStore } from '../../../server/store/event-store.js'
import { ExampleStore } from '../../../server/store/example-store.js'
import { ExperimentStore, type ExperimentQuery, type PlannedExperiment } from '../../../server/store/experiment-store.js'
import { MetricStore } from '../../../server/store/metric-store.js'
import { RaceStore } from '../../../server/store/race-store.js'
import { RunStore } from '../../../server/store/run-store.js'

export const SUMMARY: Summary = { metrics: {}, primaryMetric: 'accuracy', latency: null, tokensIn: null, tokensOut: null, costUsd: null, durationMs: 5, generalizationGap: 'NaN' }
export const done = (attempt: number): Finish => ({ attempt, status: 'succeeded', summary: SUMMARY })

export function plan(kind: Kind = 'lora', runs = 2): PlannedExperiment {
  const spec = { kind, name: 'A sweep', dataset: 'spam', axes: {}, repeats: 1, seed: 1, tags: ['a', 'b'], notes: '', budget: { minutes: 3 } }
  return {
    spec: spec as PlannedExperiment['spec'],
    datasetHash: 'hash',
    axes: { zeta: [1], alpha: [2] },
    metrics: ['accuracy'],
    primaryMetric: 'accuracy',
    race: null,
    runs: Array.from({ length: runs }, (_, cell) => ({ cell, repeat: 0, seed: 7, name: `cell ${cell}`, params: { zeta: 1, alpha: [1, 'x'] }, varied: { zeta: 1 } })),
  }
}

export function example(itemId: string, fields: Partial<Example> = {}): Example {
  return {
    itemId, cluster: null, input: 'in', output: 'out', target: 'out', status: 'scored', scores: { accuracy: 1 }, error: null,
    latencyMs: 1.5, ttftMs: null, tokensIn: 3, tokensOut: null, costUsd: null, cached: false, tokensCached: null, tokensReasoning: null, judgeCostUsd: null,
    details: {}, ...fields,
  }
}

export function points(key: string, steps: number[], value: (step: number) => MetricPoint['value'] = (step) => step / 2): MetricPoint[] {
  return steps.map((step) => ({ key, step, value: value(step), time: 1_000 + step }))
}

export const upTo = (count: number): number[] => Array.from({ length: count }, (_, step) => step)

export const isFenced = (error: unknown): boolean => error instanceof AppError && error.code === 'fenced'

type Claimed = Omit<Assignment, 'prices'>
export type StoreRig = ReturnType<typeof storeRig>

export function storeRig(database: Database) {
  const experiments = new ExperimentStore(database)
  const claims = new ClaimStore(database)
  const metrics = new MetricStore(database)
  const checkpoints = new CheckpointStore(database)

  const queue = async (kind?: Kind, count?: number): Promise<string[]> => {
    const { created } = await experiments.create(plan(kind, count), () => Promise.resolve())
    return created.runs.map((run) => run.id)
  }
  const list = async (search: Partial<ExperimentQuery>): Promise<ExperimentSummary[]> => (await experiments.list({ limit: 10, ...search })).experiments
  const claimAgain = async (id: string, worker = 'w1'): Promise<Claimed> => {
    const assignment = await claims.claim(id, worker, 2_000)
    if (assignment === null) throw new Error(`run ${id} could not be claimed`)
    return assignment
  }
  const claimed = async (kind: Kind = 'lora'): Promise<{ id: string; assignment: Claimed }> => {
    const [id = ''] = await queue(kind, 1)
    return { id, assignment: await claimAgain(id) }
  }
  const silence = (id: string): Promise<unknown> => database.client.$executeRaw`UPDATE run SET heartbeat_at = now() - interval '1 hour' WHERE id = ${id}`
  const stepsOf = async (id: string, key: string): Promise<number[]> => {
    const [series] = await metrics.read(id, { keys: [key], maxPoints: 1_000_000 })
    return series?.buckets.map((bucket) => bucket.firstStep) ?? []
  }
  const commitCheckpoint = async (id: string, attempt: number, step: number): Promise<void> => {
    const file = { name: 'adapter.bin', sizeBytes: 3, sha256: `${step}`.padStart(64, '0') }
    await checkpoints.addFile({ runId: id, step, attempt }, file)
    await checkpoints.commit(id, step, { attempt, metrics: { 'eval/loss': 1 / (step + 1), 'eval/odd': 'NaN' }, samples: [{ step, index: 0, prompt: 'p', output: 'o', expected: null }], losses: [], files: [file] })
  }
  const stores = { experiments, runs: new RunStore(database), claims, metrics, examples: new ExampleStore(database), checkpoints, events: new EventStore(database), races: new RaceStore(database) }
  return { database, ...stores, queue, list, claimed, claimAgain, silence, stepsOf, commitCheckpoint }
}
