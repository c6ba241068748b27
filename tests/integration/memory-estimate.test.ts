/* What a training run is said to need, against the peak of real processes that go through it: training, evaluations, samples and the test. */
import { execFile } from 'node:child_process'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { afterAll, describe, expect, it } from 'vitest'
import { z } from 'zod'
import type { ModelFacts } from '../../experiments/model-facts.js'
import { totalBytes, trainingMemory, type TrainingShape } from '../../experiments/training-memory.js'
import type { LlamaConfig, TrainerOptions } from '../../workers/engine/engine.js'
import { writeRandomLlama, type StoredDtype } from '../support/random-llama.js'

const folder = mkdtempSync(join(tmpdir(), 'bancada-memory-'))
afterAll(() => rmSync(folder, { recursive: true, force: true }))

const sizes = { hiddenSize: 512, intermediateSize: 1408, layers: 8, heads: 8, kvHeads: 4, headDim: 64, vocabSize: 16384, tieEmbeddings: true }
const config: LlamaConfig = { ...sizes, maxPositions: 2048, ropeTheta: 1e4, ropeScaling: null, rmsNormEps: 1e-5, qkvBias: false }
const adapter = { rank: 16, targetModules: ['all-linear'], dropout: 0 }
const plain = { batchSize: 2, lora: adapter, gradientCheckpointing: false, baseDtype: 'stored' } as const

const MeasuredSchema = z.object({ bytes: z.number() })

/** Peak resident bytes of a process that trains three steps, and evaluates and answers before and after them. */
async function measured(shape: TrainingShape, dtype: StoredDtype): Promise<number> {
  const modelFolder = join(folder, dtype)
  writeRandomLlama({ folder: modelFolder, config, dtype, seed: 1 })
  const { batchSize, length, gradientCheckpointing, baseDtype } = shape
  const options: TrainerOptions = {
    modelFolder, batchSize, gradientCheckpointing, maxLength: length, packing: false, seed: 1, threads: 2, device: 'cpu',
    lora: shape.lora === null ? null : { rank: adapter.rank, alpha: 32, dropout: 0, targetModules: ['all-linear'] },
    learningRate: 1e-4, schedule: 'constant', warmupSteps: 0, totalSteps: 10, weightDecay: 0, maxGradNorm: 1, betas: [0.9, 0.999], eps: 1e-8,
    ...(baseDtype === 'stored' ? {} : { base: { dtype: baseDtype, cacheFolder: join(folder, 'cache') } }),
  }
  const script = fileURLToPath(new URL('../support/train-and-measure.mjs', import.meta.url))
  const { stdout } = await promisify(execFile)(process.execPath, [script, JSON.stringify({ options, vocabSize: config.vocabSize, steps: 3, folder: join(folder, 'run'), answers: true })])
  return MeasuredSchema.parse(JSON.parse(stdout)).bytes
}

describe('the estimate of training memory', () => {
  it.each<[string, StoredDtype, TrainingShape]>([
    ['an adapter on f32 weights', 'F32', { ...plain, length: 512 }],
    ['an adapter on bf16 weights, recomputed', 'BF16', { ...plain, length: 512, gradientCheckpointing: true }],
    ['an adapter on 4-bit weights', 'BF16', { ...plain, length: 512, baseDtype: 'nf4' }],
    ['an adapter on 4-bit weights, with rows so short that weights weigh most', 'F32', { ...plain, length: 64, baseDtype: 'nf4' }],
    ['all weights', 'F32', { ...plain, length: 256, lora: null }],
  ])('of %s is within a fifth of the real peak', async (_, dtype, shape) => {
    const model: ModelFacts = { ...sizes, storedBytes: dtype === 'F32' ? 4 : 2 }
    const ratio = totalBytes(trainingMemory(model, shape)) / (await measured(shape, dtype))
    expect(ratio).toBeGreaterThan(0.8)
    expect(ratio).toBeLessThan(1.2)
  })
})
