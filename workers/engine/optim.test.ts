import { describe, expect, it } from 'vitest'
import { floats, OrtSession, type Data } from './executors/ort.js'
import { Graph } from './graph.js'
import { tinyOptions } from './models/tiny-llama.js'
import { adamW, declareScalars, globalNorm, learningRateAt, scalarFeeds } from './optim.js'

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
  it.each([[0, true], [1, true], [1, false], [100, true]])('agrees with its definition: clip at %f, decay %s', async (maxNorm, decays) => {
    const options = { ...tinyOptions, learningRate: 0.1, schedule: 'constant' as const, warmupSteps: 0, weightDecay: 0.3 }
    const graph = new Graph()
    const [parameter, gradient, mean, variance] = ['p', 'g', 'm', 'v'].map((name) => graph.input(name, [3]))
    if (!parameter || !gradient || !mean || !variance) throw new RangeError('four inputs')
    const { norm, coefficient, squares: [square] } = globalNorm(graph, [gradient], maxNorm)
    if (!square) throw new RangeError('one square')
    const next = adamW(graph, { parameter, gradient, square, mean, variance, decays }, { scalars: declareScalars(graph), clip: coefficient, betas: [0.9, 0.999], eps: 1e-8 })
    graph.output('norm', norm)
    graph.output('p+', next.parameter)
    graph.output('m+', next.mean)
    graph.output('v+', next.variance)
    const session = await OrtSession.create(graph, { device: 'cpu', threads: 1, prepack: true })
    const gradients = [[1, -2, 0.5], [0.1, 0.2, -0.3], [-4, 0, 1]]
    const feeds = new Map<string, Data>([['p', Float32Array.of(0.5, -1, 2)], ['m', new Float32Array(3)], ['v', new Float32Array(3)]])
    const norms: number[] = []
    for (const [index, values] of gradients.entries()) {
      for (const [name, value] of scalarFeeds(options, index + 1)) feeds.set(name, value)
      const outputs = await session.run(feeds.set('g', Float32Array.from(values)))
      norms.push(floats(outputs, 'norm')[0] ?? NaN)
      for (const name of ['p', 'm', 'v']) feeds.set(name, floats(outputs, `${name}+`))
    }
    await session.dispose()
    const expected = reference([0.5, -1, 2], gradients, { rate: 0.1, decay: decays ? 0.3 : 0, maxNorm })
    for (const [index, value] of floats(feeds, 'p').entries()) expect(value).toBeCloseTo(expected.p[index] ?? NaN, 6)
    for (const [index, value] of norms.entries()) expect(value).toBeCloseTo(expected.norms[index] ?? NaN, 5)
  })
})
