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
  times: { ours: number[]; tuned: number[]; plain: number[] }
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
  await using ours = await openOurs(job)
  await using fast = await openTorch(job, ours, tuned)
  await using plain = await openTorch(job, ours, asItComes)
  const losses = new Map<Contestant, number>()
  const step = (contestant: Contestant) => async (): Promise<number> => {
    const answer = await askSteps(contestant, 1)
    losses.set(contestant, answer.losses[0] ?? NaN)
    return answer.ms
  }
  const times = await interleave({ ours: step(ours), tuned: step(fast), plain: step(plain) }, shape.rounds)
  const lossDifference = Math.max(...[fast, plain].map((torch) => Math.abs((losses.get(ours) ?? NaN) / (losses.get(torch) ?? NaN) - 1)))
  if (!(lossDifference < SAME_LOSS)) throw new Error(`${shape.name}: the losses of engine and PyTorch differ by ${lossDifference}; the two do not compute the same`)
  return { times, peakBytes: { ours: ours.peakMemoryBytes(), lowMemory, torch: fast.peakMemoryBytes() }, lossDifference, flops: productFlops(shape, job) }
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
