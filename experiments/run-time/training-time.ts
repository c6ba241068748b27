/*
 * How long a training run will take: its steps at the pace of earlier runs, scaled by floating-point operations where
 * the shapes differ, or else at the measured speed of the device; and around them opening, evaluations and the test.
 */
import type { Kind, RunTime, TimeRange, PastRun } from '../../server/contracts/index.js'
import { agree, combined, exactly, isHere, nearest, plus, threadsOf, times, type Machine, type Nearness, type Params, type Sample } from './past-run.js'

export interface TrainingWork {
  kind: Kind
  params: Params
  dataset: string
  flopsPerStep: number
  rowsPerStep: number
  /** Optimizer steps with each example in a row of its own. */
  steps: number
  /** Share of a row that an example fills, 0 to 1; null: not known. */
  fill: number | null
  /** Items that a run of so many steps looks at besides: at each evaluation, and at the end. */
  looksOf: (steps: number) => number
}

type PastWork = Pick<TrainingWork, 'flopsPerStep' | 'rowsPerStep' | 'looksOf'>

export interface TrainingEvidence {
  machine: Machine
  pastRuns: readonly PastRun[]
  /** The work of an earlier run as far as it can be told; null where its model is not known here. */
  workOf: (run: PastRun) => PastWork | null
}

interface TrainingSample extends Sample {
  /** Everything but the steps: opening and compiling, evaluations, checkpoints, the test. */
  rest: TimeRange
}

const MODEL = ['model', 'method', 'device', 'hiddenSize', 'intermediateSize', 'layers', 'heads', 'kvHeads', 'vocabSize']
const SHAPE = ['batchSize', 'accumulationSteps', 'maxLength', 'packing', 'gradientCheckpointing', 'baseDtype', 'useDora']
/** What decides how many rows an epoch has, besides the dataset. */
const ROWS = ['batchSize', 'accumulationSteps', 'maxLength', 'packing', 'trainLimit', 'template', 'completion', 'chatTemplate', 'system', 'steps']

/** Share of the speed of one large product that steps reached in the benches: 0.44 for tiny models to 0.76 for large ones. */
const REACHED: TimeRange = { seconds: 0.5, low: 0.9, high: 0.2 }
const OPENING: TimeRange = { seconds: 3, low: 0.5, high: 15 }
/** Packed rows of texts of unknown lengths are foreseen no better than this. */
const PACKING_SPREAD = 1.5

/** Null where no run and no measured speed tells. */
export function trainingTime(work: TrainingWork, evidence: TrainingEvidence): RunTime | null {
  const { machine, pastRuns } = evidence
  const steps = stepCount(work, pastRuns)
  const found = nearest(pastRuns.flatMap((run) => sampleOf(run, { ...work, steps: steps.seconds }, evidence) ?? []))
  if (machine.gflops !== null && (found === null || found.nearness === 'elsewhere')) return byThroughput(work, steps, machine.gflops)
  if (found === null) return null
  const { nearness, samples } = found
  const step = combined(samples.map(({ range }) => range), nearness)
  const rest = combined(samples.map((sample) => sample.rest), nearness)
  return { ...plus(times(step, steps), rest), step, basis: nearness, pastRuns: samples.length }
}

function sampleOf(run: PastRun, work: TrainingWork, { machine, workOf }: TrainingEvidence): TrainingSample | null {
  const past = workOf(run)
  if (run.training === null || past === null) return null
  const { steps, secondsPerStep } = run.training
  const threads = machine.threads ?? run.threads
  const pace = threadsOf(run.params, run.threads) / threadsOf(work.params, threads)
  const range = exactly(secondsPerStep * pace * (work.flopsPerStep / past.flopsPerStep))
  const seconds = Math.max(0, run.seconds - steps * secondsPerStep)
  return { nearness: nearnessOf(run, work, machine), range, rest: restOf(seconds * pace, { run, pastSteps: steps, past, work }) }
}

/** Part of it does not depend on what is looked at: from as long as it was to in proportion. */
function restOf(seconds: number, { run, pastSteps, past, work }: { run: PastRun; pastSteps: number; past: PastWork; work: TrainingWork }): TimeRange {
  const pastLooks = past.looksOf(pastSteps)
  const looks = run.dataset === work.dataset && pastLooks > 0 ? work.looksOf(work.steps) / pastLooks : 1
  const row = work.flopsPerStep / work.rowsPerStep / (past.flopsPerStep / past.rowsPerStep)
  const factor = looks * row
  const [low, high] = [seconds * Math.min(1, factor), seconds * Math.max(1, factor)]
  return { seconds: (low + high) / 2, low, high }
}

function nearnessOf(run: PastRun, work: TrainingWork, machine: Machine): Nearness {
  if (!isHere(machine, run)) return 'elsewhere'
  if (run.kind !== work.kind || !agree(run.params, work.params, MODEL)) return 'device'
  return run.dataset === work.dataset && agree(run.params, work.params, SHAPE) ? 'same' : 'model'
}

/** As the file says; else as many as an earlier run over the same rows took; else by how full packed rows get. */
function stepCount({ params, dataset, steps, fill }: TrainingWork, pastRuns: readonly PastRun[]): TimeRange {
  if (params['steps'] !== undefined) return exactly(steps)
  const run = pastRuns.find(({ training, ...past }) => training?.isWhole === true && past.dataset === dataset && agree(past.params, params, ROWS))
  if (run?.training != null) return exactly((run.training.steps * Number(params['epochs'])) / Number(run.params['epochs']))
  if (params['packing'] !== true || fill === null) return exactly(steps)
  // Each epoch has a batch at least.
  const packed = Math.max(steps * fill, Number(params['epochs']) / Number(params['accumulationSteps']))
  return { seconds: packed, low: packed / PACKING_SPREAD, high: Math.max(packed, Math.min(steps, packed * PACKING_SPREAD)) }
}

function byThroughput(work: TrainingWork, steps: TimeRange, gflops: number): RunTime {
  const { flopsPerStep, rowsPerStep, fill, params } = work
  const looks = work.looksOf(steps.seconds)
  const paceOf = (flops: number): TimeRange => ({ seconds: flops / (gflops * 1e9 * REACHED.seconds), low: flops / (gflops * 1e9 * REACHED.low), high: flops / (gflops * 1e9 * REACHED.high) })
  const whole = paceOf(flopsPerStep)
  // Rows that are not packed are as long as their examples.
  const filled = params['packing'] === true || fill === null ? 1 : fill
  const step = { seconds: whole.seconds * filled, low: (whole.low * filled) / PACKING_SPREAD, high: whole.high * Math.min(1, filled * PACKING_SPREAD) }
  // A look is a forward pass, a third of a row's step or less; a test item may be asked for several tokens.
  const look = paceOf(flopsPerStep / rowsPerStep / 3)
  return { ...plus(times(step, steps), plus(times(look, { seconds: looks, low: looks / 3, high: looks * 3 }), OPENING)), step, basis: 'throughput', pastRuns: 0 }
}
