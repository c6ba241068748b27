import { describe, expect, it } from 'vitest'
import type { LlamaConfig } from './engine.js'
import { initialLora, keepMask, loraShapes, loraTargets } from './lora.js'
import { tinyConfig } from './models/tiny-llama.js'
import { sizeOf } from './tensor.js'

const llama1B: LlamaConfig = {
  hiddenSize: 2048, intermediateSize: 8192, layers: 16, heads: 32, kvHeads: 8, headDim: 64, vocabSize: 128256, maxPositions: 131072,
  ropeTheta: 5e5, ropeScaling: null, rmsNormEps: 1e-5, tieEmbeddings: true, qkvBias: false,
}
const options = { rank: 2, alpha: 2, dropout: 0, targetModules: ['q_proj', 'down_proj'] }

describe('targets', () => {
  it('train 22,544,384 numbers on all linear layers of Llama 3.2 1B at rank 32', () => {
    const shapes = loraShapes(loraTargets(llama1B, { ...options, targetModules: ['all-linear'] }), { rank: 32 })
    expect([...shapes.values()].reduce((sum, shape) => sum + sizeOf(shape), 0)).toBe(22_544_384)
  })

  it('are matched by suffix, layer by layer', () => {
    expect(loraTargets(tinyConfig, options)).toEqual([0, 1].flatMap((layer) => [
      { module: `model.layers.${layer}.self_attn.q_proj`, outSize: 16, inSize: 8 },
      { module: `model.layers.${layer}.mlp.down_proj`, outSize: 8, inSize: 12 },
    ]))
    expect(loraTargets(tinyConfig, { ...options, targetModules: ['layers.1.self_attn.q_proj'] })).toHaveLength(1)
  })

  it('are matched whole by a regular expression where one text is given, and all of them by all-linear', () => {
    const modules = (targetModules: string): string[] => loraTargets(tinyConfig, { ...options, targetModules }).map(({ module }) => module)
    expect(modules('.*\\.1\\.(mlp\\.up|self_attn\\.k)_proj')).toEqual(['model.layers.1.self_attn.k_proj', 'model.layers.1.mlp.up_proj'])
    expect(modules('all-linear')).toHaveLength(14)
    expect(() => modules('q_proj')).toThrow('matches no layer')
    expect(() => modules('(?P<layer>.*)')).toThrow('cannot be read as a regular expression')
  })

  it('have a magnitude for each output under DoRA', () => {
    const shapes = loraShapes(loraTargets(tinyConfig, options), { rank: 2, useDora: true })
    expect([...shapes].slice(0, 3)).toEqual([
      ['model.layers.0.self_attn.q_proj.lora_A.weight', [2, 8]],
      ['model.layers.0.self_attn.q_proj.lora_B.weight', [16, 2]],
      ['model.layers.0.self_attn.q_proj.lora_magnitude_vector', [16]],
    ])
  })
})

describe('first values', () => {
  const initial = initialLora(loraTargets(llama1B, options), { rank: 16, seed: 1 })
  const a = initial.get('model.layers.0.self_attn.q_proj.lora_A.weight') ?? new Float32Array()
  it('spread A evenly over ±1/√in', () => {
    const bound = 1 / Math.sqrt(2048)
    expect(a.length).toBe(16 * 2048)
    expect(a.every((value) => Math.abs(value) <= bound)).toBe(true)
    expect(Math.abs(a.reduce((sum, value) => sum + value, 0) / a.length)).toBeLessThan(bound * 0.02)
    expect(a.reduce((sum, value) => sum + value * value, 0) / a.length / (bound * bound / 3)).toBeCloseTo(1, 1)
  })
  it('spread A as N(0, 1/r) where gaussian is asked for', () => {
    const gaussian = initialLora(loraTargets(llama1B, options), { rank: 16, seed: 1, init: 'gaussian' }).get('model.layers.0.self_attn.q_proj.lora_A.weight') ?? new Float32Array()
    expect(Math.sqrt(gaussian.reduce((sum, value) => sum + value * value, 0) / gaussian.length) * 16).toBeCloseTo(1, 1)
    expect(gaussian.filter((value) => Math.abs(value) > 2 / 16).length / gaussian.length).toBeCloseTo(0.0455, 2)
  })
  it('set B to zero, and differ by layer and seed', () => {
    expect(initial.get('model.layers.0.self_attn.q_proj.lora_B.weight')?.every((value) => value === 0)).toBe(true)
    expect(initial.get('model.layers.1.self_attn.q_proj.lora_A.weight')).not.toEqual(a)
    expect(initialLora(loraTargets(llama1B, options), { rank: 16, seed: 2 }).get('model.layers.0.self_attn.q_proj.lora_A.weight')).not.toEqual(a)
  })
})

describe('dropout masks', () => {
  it('keep the asked share, and repeat by step and layer', () => {
    const spec = { dropout: 0.1, seed: 3, step: 7, part: 0, index: 2 }
    const mask = keepMask(100_001, spec)
    expect(mask.reduce((sum, kept) => sum + kept, 0) / mask.length).toBeCloseTo(0.9, 2)
    expect(keepMask(100_001, spec)).toEqual(mask)
    expect(keepMask(100_001, { ...spec, step: 8 })).not.toEqual(mask)
    expect(keepMask(100_001, { ...spec, index: 3 })).not.toEqual(mask)
  })
})
