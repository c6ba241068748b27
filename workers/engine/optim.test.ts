import { describe, expect, it } from 'vitest'
import { adamW, clipFactor, globalNorm, learningRateAt } from './optim.js'

describe('learningRateAt follows the LambdaLR schedules', () => {
  const base = { learningRate: 1, warmupSteps: 2, totalSteps: 6 }
  const series = (schedule: 'linear' | 'cosine' | 'constant'): number[] => [1, 2, 3, 4, 5, 6].map((step) => learningRateAt({ ...base, schedule }, step))
  it('linear', () => expect(series('linear')).toEqual([0, 0.5, 1, 0.75, 0.5, 0.25]))
  it('constant', () => expect(series('constant')).toEqual([0, 0.5, 1, 1, 1, 1]))
  it('cosine', () => {
    const expected = [0, 0.5, 1, 0.8535533905932737, 0.5, 0.1464466094067262]
    for (const [index, rate] of series('cosine').entries()) expect(rate).toBeCloseTo(expected[index] ?? NaN, 12)
  })
})

/** The update as torch.optim.AdamW and clip_grad_norm_ define it, in double precision. */
function reference(p: number[], gradients: number[][], options: { rate: number; decay: number; maxNorm: number }): { p: number[]; norms: number[] } {
  const [beta1, beta2, eps] = [0.9, 0.999, 1e-8]
  const m = p.map(() => 0)
  const v = p.map(() => 0)
  const norms: number[] = []
  let current = p
  for (const [index, raw] of gradients.entries()) {
    const norm = Math.hypot(...raw)
    norms.push(norm)
    const clip = options.maxNorm === 0 ? 1 : Math.min(1, options.maxNorm / (norm + 1e-6))
    const t = index + 1
    current = current.map((value, i) => {
      const g = (raw[i] ?? 0) * clip
      m[i] = beta1 * (m[i] ?? 0) + (1 - beta1) * g
      v[i] = beta2 * (v[i] ?? 0) + (1 - beta2) * g * g
      const denominator = Math.sqrt(v[i] ?? 0) / Math.sqrt(1 - beta2 ** t) + eps
      return value * (1 - options.rate * options.decay) - ((options.rate / (1 - beta1 ** t)) * (m[i] ?? 0)) / denominator
    })
  }
  return { p: current, norms }
}

describe('AdamW with clipping', () => {
  it.each([[0, 0.3], [1, 0.3], [1, 0], [100, 0.3]])('agrees with its definition: clip at %f, decay %f', (maxNorm, weightDecay) => {
    const gradients = [[1, -2, 0.5], [0.1, 0.2, -0.3], [-4, 0, 1]]
    const tensor = { value: Float32Array.of(0.5, -1, 2), mean: new Float32Array(3), variance: new Float32Array(3) }
    const norms = gradients.map((values, index) => {
      const gradient = Float32Array.from(values)
      const norm = globalNorm([gradient.subarray(0, 1), gradient.subarray(1)])
      adamW(tensor, gradient, { learningRate: 0.1, weightDecay, betas: [0.9, 0.999], eps: 1e-8, step: index + 1, clip: clipFactor(norm, maxNorm) })
      return norm
    })
    const expected = reference([0.5, -1, 2], gradients, { rate: 0.1, decay: weightDecay, maxNorm })
    for (const [index, value] of tensor.value.entries()) expect(value).toBeCloseTo(expected.p[index] ?? NaN, 6)
    for (const [index, value] of norms.entries()) expect(value).toBeCloseTo(expected.norms[index] ?? NaN, 6)
  })
})
