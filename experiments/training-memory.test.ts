import { describe, expect, it } from 'vitest'
import { heldBytes } from '../workers/engine/memory.js'
import type { LlamaConfig, TrainerOptions } from '../workers/engine/engine.js'
import { loraShapes, loraTargets } from '../workers/engine/lora.js'
import { llamaWeightShapes } from '../workers/engine/models/llama.js'
import { tinyOptions } from '../workers/engine/models/tiny-llama.js'
import type { Parameters } from '../workers/engine/parameters.js'
import { trainGraph } from '../workers/engine/step-graph.js'
import { sizeOf } from '../workers/engine/tensor.js'
import { adapterCount, factsOfConfig, parameterCounts, type ModelFacts } from './model-facts.js'
import { activationBytes, servingBytes, stepFlops, totalBytes, trainingMemory, weightBytes, type TrainingShape } from './training-memory.js'

const llama1b: ModelFacts = { hiddenSize: 2048, intermediateSize: 8192, layers: 16, heads: 32, kvHeads: 8, headDim: 64, vocabSize: 128256, tieEmbeddings: true, storedBytes: 2 }
const lora = { rank: 32, targetModules: ['all-linear'], dropout: 0 }
const shape: TrainingShape = { batchSize: 1, length: 256, lora, gradientCheckpointing: false, baseDtype: 'stored' }

describe('known figures', () => {
  it('reproduces M = P·4/(32/Q)·1.2: 168 GB for 70 B weights of 16 bits, 42 GB for 4', () => {
    expect(servingBytes(70e9, 16) / 1e9).toBeCloseTo(168, 9)
    expect(servingBytes(70e9, 4) / 1e9).toBeCloseTo(42, 9)
  })

  it('counts Llama 3.2 1B and its adapter as published', () => {
    expect(parameterCounts(llama1b).all).toBe(1_235_814_400)
    expect(adapterCount(llama1b, lora)).toBe(22_544_384)
    expect(weightBytes(llama1b, 'f32')).toBe(4 * 1_235_814_400)
    expect(weightBytes(llama1b, 'nf4') / weightBytes(llama1b, 'f32')).toBeLessThan(0.25)
  })

  it('asks six operations for each weight and token of full training, and four where weights are frozen', () => {
    const long = { ...shape, lora: null }
    const perToken = stepFlops(llama1b, long) / 256
    expect(perToken / (6 * 1.2358e9)).toBeGreaterThan(1)
    expect(perToken / (6 * 1.2358e9)).toBeLessThan(1.05)
    expect(stepFlops(llama1b, shape) / stepFlops(llama1b, long)).toBeCloseTo(2 / 3, 1)
  })
})

/** What the engine's own graph of this step is held to take. */
function heldBy(model: ModelFacts, { batchSize: B, length: T, lora: adapter, gradientCheckpointing }: TrainingShape): number {
  const { storedBytes: _, ...sizes } = model
  const config: LlamaConfig = { ...sizes, maxPositions: 8192, ropeTheta: 1e4, ropeScaling: null, rmsNormEps: 1e-5, qkvBias: false }
  const options: TrainerOptions = { ...tinyOptions, config, gradientCheckpointing, lora: adapter && { ...adapter, targetModules: [...adapter.targetModules], alpha: 1 } }
  const targets = options.lora ? loraTargets(config, options.lora) : []
  const weights = [...llamaWeightShapes(config)]
  const trainable = options.lora ? [...loraShapes(targets, options.lora)] : weights
  const parameters: Parameters = {
    targets,
    squares: new Map(),
    trainable: new Map(trainable.map(([name, size]) => [name, { shape: size, decays: true, rateFactor: 1, initial: new Float32Array() }])),
    frozen: new Map(options.lora ? weights.map(([name, size]) => [name, { dtype: 'F32', shape: [...size], file: '/model', begin: 0, end: 4 * sizeOf(size) }]) : []),
  }
  return heldBytes(trainGraph({ config, options, parameters, shape: { B, T, R: B * T } }).graph)
}

const small: ModelFacts = { hiddenSize: 256, intermediateSize: 704, layers: 4, heads: 8, kvHeads: 4, headDim: 32, vocabSize: 4096, tieEmbeddings: true, storedBytes: 4 }
const models: [string, ModelFacts][] = [
  ['small', small],
  ['many heads', { ...small, heads: 16, kvHeads: 16, headDim: 16, layers: 6 }],
  ['a large vocabulary', { ...small, vocabSize: 32000, layers: 3 }],
  ['a wide feed-forward layer', { ...small, intermediateSize: 1536, kvHeads: 2 }],
]

describe('activations against the graph of the engine', () => {
  for (const [name, model] of models) {
    for (const adapter of [{ ...lora, rank: 8 }, null]) {
      for (const gradientCheckpointing of [false, true]) {
        it.each([[8, 64], [2, 256], [1, 768]])(`${name}, ${adapter ? 'LoRA' : 'all weights'}${gradientCheckpointing ? ', recomputed' : ''}, %i×%i: within a fifth`, (batchSize, length) => {
          const step = { ...shape, batchSize, length, lora: adapter, gradientCheckpointing }
          const ratio = activationBytes(model, step) / heldBy(model, step)
          expect(ratio).toBeGreaterThan(0.83)
          expect(ratio).toBeLessThan(1.2)
        })
      }
    }
  }
})

describe('whole runs', () => {
  it('shrink with recomputation and with quantised weights', () => {
    const long = { ...shape, length: 1024 }
    const all = totalBytes(trainingMemory(llama1b, long))
    expect(totalBytes(trainingMemory(llama1b, { ...long, gradientCheckpointing: true }))).toBeLessThan(0.8 * all)
    expect(totalBytes(trainingMemory(llama1b, { ...long, baseDtype: 'nf4' }))).toBeLessThan(all)
  })

  it('are not guessed at for other families', () => {
    expect(factsOfConfig({ model_type: 'gpt2', n_embd: 768 }, 4)).toBeNull()
    expect(factsOfConfig({ model_type: 'llama', hidden_size: 64 }, 4)).toBeNull()
    expect(factsOfConfig(null, 4)).toBeNull()
  })
})
