/* How long one run of any kind will take, from what was measured before. */
import type { Kind, RunTime, TimeUnknown, PastRun } from '../../server/contracts/index.js'
import type { ModelFacts } from '../model-facts.js'
import { rowsPerStep, trainingNeedOf } from '../training-need.js'
import { isEndpoint, promptTime, retrievalTime } from './answering-time.js'
import type { Machine, Params } from './past-run.js'
import { trainingTime, type TrainingWork } from './training-time.js'

export interface TimeEvidence {
  /** Finished runs of the same kind of work, newest first. */
  pastRuns: readonly PastRun[]
  /** The workers that have a device, named as in the parameter `device`. */
  machineOf: (device: string) => Machine
}

interface Input {
  datasetSizes: Readonly<Record<string, number>>
  itemCharacters?: number
  models?: ReadonlyMap<string, ModelFacts>
  evidence?: TimeEvidence
}

export interface Job {
  kind: Kind
  dataset: string
  params: Params
  /** Items that are asked; null: the dataset has no such split. */
  items: number | null
  /** Optimizer steps with each example in a row of its own; null: the dataset has nothing to train on. */
  steps: number | null
}

const CHARACTERS_PER_TOKEN = 4
const NO_MACHINE: Machine = { workers: 0, hosts: new Set(), threads: null, gflops: null }

function deviceOf(params: Params): string {
  return String(params['device'] ?? 'cpu')
}

/** Null where nothing that was measured tells. */
export function runTime(job: Job, input: Input): RunTime | null {
  const { kind, dataset, params, items } = job
  const machine = input.evidence?.machineOf(deviceOf(params)) ?? NO_MACHINE
  const pastRuns = input.evidence?.pastRuns ?? []
  if (kind === 'lora' || kind === 'pretrain') return ofTraining(job, input, machine)
  if (items === null) return null
  return (kind === 'prompt' ? promptTime : retrievalTime)({ params, dataset, items }, { machine, pastRuns })
}

function ofTraining(job: Job, input: Input, machine: Machine): RunTime | null {
  const work = workOf(job, input)
  if (work === null) return null
  return trainingTime(work, {
    machine,
    // Another device's pace tells nothing of this one's.
    pastRuns: (input.evidence?.pastRuns ?? []).filter(({ params }) => deviceOf(params) === deviceOf(job.params)),
    workOf: ({ kind, dataset, params, training }) => workOf({ kind, dataset, params, items: null, steps: training?.steps ?? null }, input),
  })
}

function workOf({ kind, dataset, params, steps }: Job, input: Input): TrainingWork | null {
  const need = trainingNeedOf({ kind }, params, input.models)
  if (need === null || steps === null) return null
  return { kind, dataset, params, steps, flopsPerStep: need.flopsPerStep, rowsPerStep: rowsPerStep(params), fill: kind === 'lora' ? fillOf(params, input) : null, looksOf: (count) => looksOf(kind, params, { steps: count, sizes: input.datasetSizes }) }
}

/** Examples of lora runs; texts of pretraining follow one another without a gap. */
function fillOf(params: Params, { itemCharacters }: Input): number | null {
  return itemCharacters === undefined ? null : Math.min(1, itemCharacters / CHARACTERS_PER_TOKEN / Number(params['maxLength']))
}

function looksOf(kind: Kind, params: Params, { steps, sizes }: { steps: number; sizes: Input['datasetSizes'] }): number {
  const capped = (split: unknown, limit: unknown): number => Math.min(sizes[String(split)] ?? 0, Number(limit ?? Infinity))
  const evaluations = 1 + Math.ceil(steps / Number(params['evalEvery']))
  const validation = capped(params['evalSplit'] ?? 'validation', params['evalLimit'])
  return evaluations * validation + (kind === 'lora' ? capped(params['testSplit'], params['testLimit']) : 0)
}

/** Calls of endpoints go side by side in as many runs as the workers have threads; what computes here shares them. */
export function lanesOf(runs: readonly Params[], evidence: TimeEvidence | undefined): number {
  return runs.every(isEndpoint) ? Math.max(1, evidence?.machineOf('cpu').threads ?? 1) : 1
}

export function timeUnknown(kind: Kind, cells: readonly { calls: number | null; flops: number | null }[]): TimeUnknown {
  const isTraining = kind === 'lora' || kind === 'pretrain'
  if (isTraining && cells.some(({ flops }) => flops === null)) return 'unknown_model'
  return !isTraining && cells.some(({ calls }) => calls === null) ? 'unknown_items' : 'no_past_runs'
}

/** Workers that have the device which the fewest have. */
export function workersOf(runs: readonly Params[], evidence: TimeEvidence | undefined): number {
  return Math.min(...runs.map((params) => evidence?.machineOf(deviceOf(params)).workers ?? 0))
}
