import { describe, expect, it } from 'vitest'
import { parseLlamaConfig, writeLlamaConfig } from './llama-config.js'
import { tinyConfig } from './tiny-llama.js'

const llama32 = {
  architectures: ['LlamaForCausalLM'], model_type: 'llama', hidden_size: 2048, intermediate_size: 8192, num_hidden_layers: 16, num_attention_heads: 32, num_key_value_heads: 8,
  head_dim: 64, vocab_size: 128256, max_position_embeddings: 131072, rope_theta: 500000, rms_norm_eps: 1e-5, tie_word_embeddings: true, hidden_act: 'silu', attention_bias: false,
  rope_scaling: { factor: 32, high_freq_factor: 4, low_freq_factor: 1, original_max_position_embeddings: 8192, rope_type: 'llama3' },
}

describe('parseLlamaConfig', () => {
  it('reads Llama 3.2', () => {
    expect(parseLlamaConfig(llama32)).toEqual({
      hiddenSize: 2048, intermediateSize: 8192, layers: 16, heads: 32, kvHeads: 8, headDim: 64, vocabSize: 128256, maxPositions: 131072, ropeTheta: 500000,
      ropeScaling: { factor: 32, lowFreqFactor: 1, highFreqFactor: 4, originalMaxPositions: 8192 }, rmsNormEps: 1e-5, tieEmbeddings: true, qkvBias: false,
    })
  })

  it('reads rope_parameters of newer files, and defaults of older ones', () => {
    const { rope_scaling: rope, rope_theta: theta, head_dim: _, num_key_value_heads: __, ...rest } = llama32
    const parsed = parseLlamaConfig({ ...rest, rope_parameters: { ...rope, rope_theta: theta } })
    expect(parsed).toMatchObject({ ropeTheta: 500000, ropeScaling: { factor: 32 }, headDim: 64, kvHeads: 32 })
  })

  it('gives Qwen2 its biases and Mistral its window', () => {
    expect(parseLlamaConfig({ ...llama32, model_type: 'qwen2', use_sliding_window: false }).qkvBias).toBe(true)
    expect(parseLlamaConfig({ ...llama32, model_type: 'mistral', sliding_window: 4096 }).maxPositions).toBe(4096)
  })

  it('comes back from what it writes', () => {
    expect(parseLlamaConfig(writeLlamaConfig(tinyConfig))).toEqual(tinyConfig)
    const plain = { ...tinyConfig, qkvBias: false, ropeScaling: null, tieEmbeddings: true }
    expect(parseLlamaConfig(writeLlamaConfig(plain))).toEqual(plain)
  })

  it.each<[string, Record<string, unknown>, string]>([
    ['another family', { model_type: 'gpt2' }, 'model_type is "gpt2"'],
    ['another activation', { hidden_act: 'gelu' }, 'hidden_act is "gelu"; only "silu"'],
    ['attention bias', { attention_bias: true }, 'attention_bias is true'],
    ['another rotary scaling', { rope_scaling: { rope_type: 'yarn', factor: 4 } }, 'rope_scaling.rope_type is "yarn"'],
    ['quantized weights', { quantization_config: { bits: 4 } }, 'quantization_config is {"bits":4}'],
    ['a missing size', { hidden_size: undefined }, 'hidden_size is undefined; it must be a whole number'],
    ['heads that do not divide', { num_key_value_heads: 5 }, 'num_key_value_heads is 5; it must divide'],
    ['half a rotation', { partial_rotary_factor: 0.5 }, 'partial_rotary_factor is 0.5'],
  ])('refuses %s by name', (_, change, message) => {
    expect(() => parseLlamaConfig({ ...llama32, ...change })).toThrow(message)
  })
})
