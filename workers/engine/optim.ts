/**
 * AdamW with decoupled weight decay (Loshchilov and Hutter 2019, arXiv:1711.05101), global-norm clipping, schedules.
 * The update runs here and not in the compiled graph: it is bound by memory, as fast in place in this loop, needs no
 * copies of weights and moments each step, and keeps the graph half as large. Arithmetic is double, storage float32.
 */
import type { Schedule } from './engine.js'

export interface TensorState {
  value: Float32Array
  /** First and second moment. */
  mean: Float32Array
  variance: Float32Array
}

export interface AdamWOptions {
  learningRate: number
  weightDecay: number
  betas: [number, number]
  eps: number
  /** 1 for the first update; corrects the moments' bias towards zero. */
  step: number
  /** Factor on the gradient, from `clipFactor`. */
  clip: number
}

/** Updates one tensor in place as torch.optim.AdamW defines it: p ← p·(1 − lr·wd) − lr·m̂/(√v̂ + eps). */
export function adamW({ value, mean, variance }: TensorState, gradient: Float32Array, options: AdamWOptions): void {
  const { learningRate, weightDecay, betas: [beta1, beta2], eps, step, clip } = options
  const stepSize = learningRate / (1 - beta1 ** step)
  const rootCorrection = Math.sqrt(1 - beta2 ** step)
  const kept = 1 - learningRate * weightDecay
  for (let index = 0; index < value.length; index++) {
    const slope = (gradient[index] ?? 0) * clip
    const first = (mean[index] ?? 0) * beta1 + slope * (1 - beta1)
    const second = (variance[index] ?? 0) * beta2 + slope * slope * (1 - beta2)
    mean[index] = first
    variance[index] = second
    value[index] = (value[index] ?? 0) * kept - (stepSize * first) / (Math.sqrt(second) / rootCorrection + eps)
  }
}

/** L2 norm over all gradients together. */
export function globalNorm(gradients: Iterable<Float32Array>): number {
  let sum = 0
  for (const gradient of gradients) {
    for (let index = 0; index < gradient.length; index++) {
      const slope = gradient[index] ?? 0
      sum += slope * slope
    }
  }
  return Math.sqrt(sum)
}

/** min(1, maxNorm / (norm + 1e−6)), as torch's clip_grad_norm_; a maxNorm of 0 turns clipping off. */
export function clipFactor(norm: number, maxNorm: number): number {
  return maxNorm === 0 ? 1 : Math.min(1, maxNorm / (norm + 1e-6))
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
