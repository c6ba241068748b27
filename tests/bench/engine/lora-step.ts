/** One LoRA step of the same model on the same tokens: time, peak memory and how near the processor's limit. */
import { makeBatch, singleRows } from '../../../workers/engine/batches.js'
import { openParameters } from '../../../workers/engine/parameters.js'
import { trainGraph } from '../../../workers/engine/step-graph.js'
import { sizeOf } from '../../../workers/engine/tensor.js'
import { interleave } from '../frame/rounds.js'
import type { Contestant } from '../frame/contestant.js'
import { shapeFolder, type BenchShape } from './shapes.js'
import { asItComes, type TorchSetting } from './torch-settings.js'
import { askSteps, loraOptions, openOurs, openTorch, randomExamples, type TrainingJob } from './training.js'

export interface StepResult {
  /** Milliseconds per step. */
  times: { ours: number[]; tuned: number[]; plain: number[]; oursBesidePlain: number[] }
  peakBytes: { ours: number; lowMemory: number; torch: number }
  /** Largest difference of the two sides' losses, relative. */
  lossDifference: number
  /** Floating-point operations of the matrix products of one step, forward and backward. */
  flops: number
}

/** The largest loss difference that is still the same computation in float32. */
const SAME_LOSS = 1e-4

export async function compareStep(shape: BenchShape, tuned: TorchSetting): Promise<StepResult> {
  const job = jobOf(shape)
  const lowMemory = await peakOfLowMemory(job)
  const flops = productFlops(shape, job)
  if (!shape.isLarge) {
    const { times, peakBytes, lossDifference } = await takeTurns(job, { tuned, plain: asItComes }, shape.rounds)
    const { ours, tuned: fast = [], plain = [] } = times
    return { times: { ours, tuned: fast, plain, oursBesidePlain: ours }, peakBytes: { ...peakBytes, lowMemory }, lossDifference, flops }
  }
  // Two PyTorches of this size do not fit beside each other.
  const first = await takeTurns(job, { tuned }, shape.rounds)
  const second = await takeTurns(job, { plain: asItComes }, Math.ceil(shape.rounds / 2))
  const times = { ours: first.times.ours, tuned: first.times.tuned ?? [], plain: second.times.plain ?? [], oursBesidePlain: second.times.ours }
  return { times, peakBytes: { ...first.peakBytes, lowMemory }, lossDifference: Math.max(first.lossDifference, second.lossDifference), flops }
}

type Setting = 'tuned' | 'plain'

interface Turns {
  times: { ours: number[] } & Partial<Record<Setting, number[]>>
  /** PyTorch: of the first setting. */
  peakBytes: { ours: number; torch: number }
  lossDifference: number
}

async function takeTurns(job: TrainingJob, settings: Partial<Record<Setting, TorchSetting>>, rounds: number): Promise<Turns> {
  await using open = new AsyncDisposableStack()
  const ours = open.use(await openOurs(job))
  const peers = new Map<string, Contestant>()
  for (const [name, setting] of Object.entries(settings)) peers.set(name, open.use(await openTorch(job, ours, setting)))
  const losses = new Map<Contestant, number>()
  const step = (contestant: Contestant) => async (): Promise<number> => {
    const answer = await askSteps(contestant, 1)
    losses.set(contestant, answer.losses[0] ?? NaN)
    return answer.ms
  }
  const times = await interleave({ ours: step(ours), ...Object.fromEntries([...peers].map(([name, torch]) => [name, step(torch)])) }, rounds)
  const differences = [...peers.values()].map((torch) => Math.abs((losses.get(ours) ?? NaN) / (losses.get(torch) ?? NaN) - 1))
  const lossDifference = Math.max(...differences)
  if (!(lossDifference < SAME_LOSS)) throw new Error(`the losses of engine and PyTorch differ by ${lossDifference}; the two do not compute the same`)
  return { times, peakBytes: { ours: ours.peakMemoryBytes(), torch: [...peers.values()][0]?.peakMemoryBytes() ?? NaN }, lossDifference }
}

function jobOf(shape: BenchShape): TrainingJob {
  const { rank, rows, tokens, config } = shape
  const examples = randomExamples({ rows, tokens, vocabSize: config.vocabSize })
  const pair: TrainingJob['peerBatches'][number] = [examples.map((example) => [...example.tokens]), examples.map((example) => [...example.labels])]
  return { options: loraOptions(shapeFolder(shape), { rank, batchSize: rows, maxLength: tokens }), examples, peerBatches: [pair] }
}

/** The same step with layers computed again in the backward pass. */
async function peakOfLowMemory(job: TrainingJob): Promise<number> {
  await using ours = await openOurs({ ...job, options: { ...job.options, gradientCheckpointing: true } })
  await askSteps(ours, 2)
  return ours.peakMemoryBytes()
}

function productFlops({ config }: BenchShape, { options, examples }: TrainingJob): number {
  const batch = makeBatch(singleRows(examples))
  const { graph } = trainGraph({ config, options, parameters: openParameters(options, config, false), shape: batch })
  return graph.liveNodes().reduce((sum, { operator, inputs: [left], output, attributes }) => {
    if ((operator !== 'Gemm' && operator !== 'MatMul') || left === undefined) return sum
    const inner = left.shape.at('transA' in attributes && attributes.transA ? -2 : -1) ?? 0
    return sum + 2 * sizeOf(output.shape) * inner
  }, 0)
}
