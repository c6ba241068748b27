/** A model small enough to check number by number, with every feature of the family turned on; for tests. */
import type { LlamaConfig, TrainerOptions, TrainingExample } from '../engine.js'
import { Random } from '../random.js'

export const tinyConfig: LlamaConfig = {
  hiddenSize: 8, intermediateSize: 12, layers: 2, heads: 4, kvHeads: 2, headDim: 4, vocabSize: 23, maxPositions: 64,
  ropeTheta: 100, ropeScaling: { factor: 4, lowFreqFactor: 1, highFreqFactor: 4, originalMaxPositions: 32 },
  rmsNormEps: 1e-5, tieEmbeddings: false, qkvBias: true,
}

export const tinyOptions: TrainerOptions = {
  modelFolder: '', lora: null, config: tinyConfig, learningRate: 0.01, schedule: 'linear', warmupSteps: 1, totalSteps: 12, weightDecay: 0.1,
  maxGradNorm: 1, betas: [0.9, 0.999], eps: 1e-8, batchSize: 2, maxLength: 32, packing: false, seed: 5, threads: 1, device: 'cpu',
}

/** Random examples of 4 to 12 tokens whose first three labels are masked, as a prompt's would be. */
export function tinyExamples(count: number, seed = 9): TrainingExample[] {
  return Array.from({ length: count }, (_, index) => {
    const random = new Random(seed, index)
    const tokens = Array.from({ length: 4 + (random.uint32() % 9) }, () => random.uint32() % tinyConfig.vocabSize)
    return { id: `example-${index}`, tokens, labels: tokens.map((token, position) => (position < 3 ? -100 : token)) }
  })
}
