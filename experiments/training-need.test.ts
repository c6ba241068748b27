import { describe, expect, it } from 'vitest'
import { PARAMETERS_BY_KIND } from '../server/contracts/index.js'
import type { ModelFacts } from './model-facts.js'
import { loraNeed, memoryTogether, pretrainNeed, tooLarge } from './training-need.js'

const llama1b: ModelFacts = { hiddenSize: 2048, intermediateSize: 8192, layers: 16, heads: 32, kvHeads: 8, headDim: 64, vocabSize: 128256, tieEmbeddings: true, storedBytes: 2 }
const lora = (more: Record<string, unknown>) => loraNeed(PARAMETERS_BY_KIND.lora.parse({ rank: 16, batchSize: 1, maxLength: 512, ...more }), llama1b)

describe('the need of a training run', () => {
  it('falls with recomputation, quantised weights and shorter rows, and rises when all is trained', () => {
    const plain = lora({}).memoryBytes
    for (const smaller of [{ gradientCheckpointing: true }, { baseDtype: 'nf4' }, { maxLength: 256 }]) expect(lora(smaller).memoryBytes, JSON.stringify(smaller)).toBeLessThan(plain)
    expect(lora({ method: 'full' }).memoryBytes).toBeGreaterThan(20e9)
  })

  it('counts accumulated batches as work, not as memory', () => {
    const [one, four] = [lora({}), lora({ accumulationSteps: 4 })]
    expect(four.memoryBytes).toBe(one.memoryBytes)
    expect(four.flopsPerStep).toBe(4 * one.flopsPerStep)
  })

  it('of runs side by side is their sum, with weights that they share counted once', () => {
    const [one, other] = [lora({}), lora({ rank: 32 })]
    const together = (names: [string | null, string | null]) => memoryTogether([{ need: one, weights: names[0] }, { need: other, weights: names[1] }])
    expect(together(['a', 'b'])).toBe(one.memoryBytes + other.memoryBytes)
    expect(together([null, null])).toBe(one.memoryBytes + other.memoryBytes)
    expect(together(['a', 'a'])).toBe(one.memoryBytes + other.memoryBytes - other.memory.weights)
    expect(other.memory.weights).toBeGreaterThan(2e9)
  })

  it('of pretraining follows from the parameters alone', () => {
    const need = pretrainNeed(PARAMETERS_BY_KIND.pretrain.parse({}))
    expect(need.memoryBytes).toBeGreaterThan(3e8)
    expect(need.memoryBytes).toBeLessThan(8e9)
  })

  it('that no machine holds is told with its parts and the mends', () => {
    const need = lora({ method: 'full' })
    expect(tooLarge(need, { haveBytes: 1e15, where: 'x' })).toBeNull()
    expect(tooLarge(need, { haveBytes: 24e9, where: 'worker w1' })).toMatch(/needs about [\d.]+ GB of memory \(process .*optimizer [\d.]+ GB\), and worker w1 has 24\.0 GB; set gradientCheckpointing/)
  })
})
