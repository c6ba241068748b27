// Schedules, AdamW with clipping, and label smoothing against PyTorch in double precision.
import { readFileSync } from 'node:fs'
import { describe, expect, it } from 'vitest'
import { z } from 'zod'
import { gradients } from '../../workers/engine/autodiff.js'
import { compile, floats } from '../../workers/engine/executors/executor.js'
import { Graph } from '../../workers/engine/graph.js'
import { tokenLoss } from '../../workers/engine/models/llama.js'
import { binary } from '../../workers/engine/ops/elementwise.js'
import { adamW, clipFactor, globalNorm, learningRateAt, type TensorState } from '../../workers/engine/optim.js'

const schedule = z.enum(['linear', 'cosine', 'constant'])
const numbers = z.array(z.number())
const golden = z.object({
  schedules: z.array(z.object({ schedule, warmupSteps: z.number(), totalSteps: z.number(), rates: numbers })),
  updates: z.object({
    learningRate: z.number(), weightDecay: z.number(), betas: z.tuple([z.number(), z.number()]), eps: z.number(), maxGradNorm: z.number(), warmupSteps: z.number(), totalSteps: z.number(),
    trace: z.array(z.object({ gradNorm: z.number(), decayed: numbers, plain: numbers })),
  }),
  smoothing: z.array(z.object({ labelSmoothing: z.number(), labels: numbers, logits: z.array(numbers), losses: numbers, gradient: z.array(numbers) })),
}).parse(JSON.parse(readFileSync(new URL('optimization.json', import.meta.url), 'utf8')))

const wave = (count: number, phase: number): Float32Array => Float32Array.from({ length: count }, (_, index) => Math.sin(phase + 0.7 * index))

describe('the rate of each update', () => {
  it.each(golden.schedules)('$schedule, $warmupSteps of $totalSteps steps of warm-up', ({ rates, ...shape }) => {
    for (const [index, rate] of rates.entries()) expect(Math.abs(learningRateAt({ learningRate: 3e-4, ...shape }, index + 1) - rate)).toBeLessThan(1e-15)
  })
})

it('AdamW with clipping moves both tensors as torch does', () => {
  const { trace, maxGradNorm, weightDecay, betas, eps, ...rates } = golden.updates
  const state = (value: Float32Array): TensorState => ({ value, mean: new Float32Array(value.length), variance: new Float32Array(value.length) })
  const [decayed, plain] = [state(wave(6, 0.1)), state(wave(3, 1.3))]
  for (const [index, expected] of trace.entries()) {
    const scale = index % 3 === 0 ? 0.05 : 1.5
    const slopes = [wave(6, index), wave(3, index + 0.5)].map((values) => values.map((value) => value * scale))
    const norm = globalNorm(slopes)
    const options = { learningRate: learningRateAt({ ...rates, schedule: 'cosine' }, index + 1), betas, eps, step: index + 1, clip: clipFactor(norm, maxGradNorm) }
    adamW(decayed, slopes[0] ?? new Float32Array(), { ...options, weightDecay })
    adamW(plain, slopes[1] ?? new Float32Array(), { ...options, weightDecay: 0 })
    expect(Math.abs(norm - expected.gradNorm)).toBeLessThan(1e-6)
    expectClose([...decayed.value, ...plain.value], [...expected.decayed, ...expected.plain], 1e-6)
  }
})

it.each(golden.smoothing)('label smoothing of $labelSmoothing gives the loss and the gradient of cross_entropy', async ({ labelSmoothing, labels, logits, losses, gradient }) => {
  const [R, V] = [logits.length, logits[0]?.length ?? 0]
  const graph = new Graph()
  const hidden = graph.input('hidden', [R, V])
  // Behind an identity matrix the hidden states are the logits.
  const head = graph.constant(Float32Array.from({ length: V * V }, (_, index) => (index % (V + 1) === 0 ? 1 : 0)), [V, V])
  const { objective, nll } = tokenLoss(graph, { hidden, head, labels: graph.constant(BigInt64Array.from(labels, BigInt), [R]), labelSmoothing })
  const mean = binary(graph, 'Mul', graph.apply('ReduceSum', [objective], { axes: [0, 1] }), graph.scalar(1 / R))
  graph.output('objective', objective)
  graph.output('nll', nll)
  for (const slope of gradients(graph, mean, [hidden])) graph.output('slope', slope)
  const session = await compile(graph, { device: 'cpu', threads: 1, prepack: true })
  const outputs = await session.run(new Map([['hidden', Float32Array.from(logits.flat())]]))
  await session.dispose()
  expectClose([...floats(outputs, 'objective')], losses, 2e-6)
  expectClose([...floats(outputs, 'slope')], gradient.flat(), 1e-6)
  expectClose([...floats(outputs, 'nll')], golden.smoothing[0]?.losses ?? [], 2e-6)
})

function expectClose(actual: number[], expected: number[], tolerance: number): void {
  expect(actual).toHaveLength(expected.length)
  expect(Math.max(...actual.map((value, index) => Math.abs(value - (expected[index] ?? NaN))))).toBeLessThan(tolerance)
}
