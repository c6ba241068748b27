/** AdamW with decoupled weight decay (Loshchilov and Hutter 2019, arXiv:1711.05101), global-norm clipping, schedules. */
import type { Graph } from './graph.js'
import type { Schedule, TrainerOptions } from './engine.js'
import { binary, unary } from './ops/elementwise.js'
import { reshape } from './ops/layout.js'
import type { Value } from './tensor.js'

/** The numbers of one update, fed anew each step. */
export interface StepScalars {
  /** learningRate / (1 − β₁ᵗ) */
  stepSize: Value
  /** 1 − learningRate · weightDecay */
  decay: Value
  /** √(1 − β₂ᵗ) */
  rootCorrection: Value
}

export const scalarNames = ['step:size', 'step:decay', 'step:root-correction'] as const

export function declareScalars(graph: Graph): StepScalars {
  const [stepSize, decay, rootCorrection] = scalarNames.map((name) => graph.input(name, []))
  if (!stepSize || !decay || !rootCorrection) throw new RangeError('scalarNames must hold three names')
  return { stepSize, decay, rootCorrection }
}

/** Values of the scalars for update `step` (1 for the first). */
export function scalarFeeds(options: TrainerOptions, step: number): [string, Float32Array][] {
  const rate = learningRateAt(options, step)
  const [beta1, beta2] = options.betas
  const values = [rate / (1 - beta1 ** step), 1 - rate * options.weightDecay, Math.sqrt(1 - beta2 ** step)]
  return scalarNames.map((name, index) => [name, Float32Array.of(values[index] ?? NaN)])
}

/**
 * The rate of update `step` (1 for the first), as Hugging Face's LambdaLR schedules give it: with k = step − 1 done
 * updates, warm-up is k/W (so the first of W warm-up updates has rate 0), then linear (T−k)/(T−W) or
 * ½(1 + cos(π(k−W)/(T−W))).
 */
export function learningRateAt(options: { learningRate: number; schedule: Schedule; warmupSteps: number; totalSteps: number }, step: number): number {
  const { learningRate, schedule, warmupSteps, totalSteps } = options
  const done = step - 1
  if (done < warmupSteps) return (learningRate * done) / warmupSteps
  if (schedule === 'constant') return learningRate
  const span = Math.max(1, totalSteps - warmupSteps)
  if (schedule === 'linear') return learningRate * Math.max(0, (totalSteps - done) / span)
  return learningRate * Math.max(0, 0.5 * (1 + Math.cos((Math.PI * (done - warmupSteps)) / span)))
}

export interface ClippedGradients {
  /** Global L2 norm before clipping, [1]. */
  norm: Value
  /** min(1, maxNorm / (norm + 1e−6)); null where clipping is off. */
  coefficient: Value | null
  squares: Value[]
}

export function globalNorm(graph: Graph, gradients: readonly Value[], maxNorm: number): ClippedGradients {
  const squares = gradients.map((gradient) => binary(graph, 'Mul', gradient, gradient))
  const sums = squares.map((square) => reshape(graph, graph.apply('ReduceSum', [square], { axes: square.shape.map((_, axis) => axis) }), [1]))
  const total = sums.reduce((sum, next) => binary(graph, 'Add', sum, next))
  const norm = unary(graph, 'Sqrt', total)
  if (maxNorm === 0) return { norm, coefficient: null, squares }
  const ratio = binary(graph, 'Div', graph.scalar(maxNorm), binary(graph, 'Add', norm, graph.scalar(1e-6)))
  return { norm, coefficient: graph.apply('ClampMax', [ratio], { max: 1 }), squares }
}

export interface AdamWInputs {
  parameter: Value
  gradient: Value
  square: Value
  mean: Value
  variance: Value
  decays: boolean
}

/** One tensor's update. The clip coefficient scales the two moving-average weights instead of a copy of the gradient. */
export function adamW(graph: Graph, tensor: AdamWInputs, context: { scalars: StepScalars; clip: Value | null; betas: [number, number]; eps: number }): { parameter: Value; mean: Value; variance: Value } {
  const { scalars, clip, betas: [beta1, beta2], eps } = context
  const mul = (a: Value, b: Value): Value => binary(graph, 'Mul', a, b)
  const add = (a: Value, b: Value): Value => binary(graph, 'Add', a, b)
  const fresh1 = clip === null ? graph.scalar(1 - beta1) : mul(clip, graph.scalar(1 - beta1))
  const fresh2 = clip === null ? graph.scalar(1 - beta2) : mul(mul(clip, clip), graph.scalar(1 - beta2))
  const mean = add(mul(tensor.mean, graph.scalar(beta1)), mul(tensor.gradient, fresh1))
  const variance = add(mul(tensor.variance, graph.scalar(beta2)), mul(tensor.square, fresh2))
  const denominator = add(binary(graph, 'Div', unary(graph, 'Sqrt', variance), scalars.rootCorrection), graph.scalar(eps))
  const kept = tensor.decays ? mul(tensor.parameter, scalars.decay) : tensor.parameter
  const parameter = binary(graph, 'Sub', kept, mul(binary(graph, 'Div', mean, denominator), scalars.stepSize))
  return { parameter, mean, variance }
}
