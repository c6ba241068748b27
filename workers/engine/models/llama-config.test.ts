import { describe, expect, it } from 'vitest'
import type { LlamaConfig } from '../engine.js'
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
    expect(parseLlamaConfig({ ...llama32, model_type: 'qwen2', use_sliding_window: false, sliding_window: 4096 })).toMatchObject({ qkvBias: true, maxPositions: 131072 })
    expect(parseLlamaConfig({ ...llama32, model_type: 'mistral', sliding_window: 1024 }).maxPositions).toBe(1024)
    expect(parseLlamaConfig({ ...llama32, model_type: 'mistral', sliding_window: null }).maxPositions).toBe(131072)
  })

  it('takes what a file leaves out as the configuration classes of Transformers do', () => {
    const { num_key_value_heads: _, ...rest } = llama32
    expect(parseLlamaConfig(rest).kvHeads).toBe(32)
    expect(parseLlamaConfig({ ...rest, model_type: 'mistral' })).toMatchObject({ kvHeads: 8, maxPositions: 4096 })
    expect(parseLlamaConfig({ ...rest, model_type: 'mistral', num_key_value_heads: null }).kvHeads).toBe(32)
    expect(parseLlamaConfig({ ...rest, rms_norm_eps: undefined, tie_word_embeddings: undefined, rope_theta: undefined, rope_scaling: null })).toMatchObject({ rmsNormEps: 1e-6, tieEmbeddings: false, ropeTheta: 10000, ropeScaling: null })
  })

  it.each<[string, Record<string, unknown>, Partial<LlamaConfig>]>([
    ['meta-llama/Llama-2-7b-hf', { model_type: 'llama', hidden_size: 4096, intermediate_size: 11008, num_hidden_layers: 32, num_attention_heads: 32, num_key_value_heads: 32, vocab_size: 32000, max_position_embeddings: 4096, rms_norm_eps: 1e-5, hidden_act: 'silu', pretraining_tp: 1, rope_scaling: null, tie_word_embeddings: false, use_cache: true, torch_dtype: 'float16', bos_token_id: 1, eos_token_id: 2 }, { headDim: 128, tieEmbeddings: false, ropeTheta: 10000 }],
    ['mistralai/Mistral-7B-v0.1', { model_type: 'mistral', hidden_size: 4096, intermediate_size: 14336, num_hidden_layers: 32, num_attention_heads: 32, num_key_value_heads: 8, vocab_size: 32000, max_position_embeddings: 32768, rms_norm_eps: 1e-5, hidden_act: 'silu', rope_theta: 10000, sliding_window: 4096, tie_word_embeddings: false }, { kvHeads: 8, maxPositions: 4096 }],
    ['mistralai/Mistral-Nemo-Base-2407', { model_type: 'mistral', hidden_size: 5120, intermediate_size: 14336, num_hidden_layers: 40, num_attention_heads: 32, num_key_value_heads: 8, head_dim: 128, vocab_size: 131072, max_position_embeddings: 128000, rms_norm_eps: 1e-5, hidden_act: 'silu', rope_theta: 1e6, sliding_window: null, tie_word_embeddings: false }, { headDim: 128, maxPositions: 128000 }],
    ['Qwen/Qwen2.5-0.5B', { model_type: 'qwen2', attention_dropout: 0, hidden_size: 896, intermediate_size: 4864, num_hidden_layers: 24, num_attention_heads: 14, num_key_value_heads: 2, vocab_size: 151936, max_position_embeddings: 32768, max_window_layers: 24, rms_norm_eps: 1e-6, hidden_act: 'silu', rope_theta: 1e6, sliding_window: 32768, use_sliding_window: false, use_mrope: false, tie_word_embeddings: true }, { headDim: 64, qkvBias: true, tieEmbeddings: true }],
    ['HuggingFaceTB/SmolLM2-135M', { model_type: 'llama', hidden_size: 576, intermediate_size: 1536, is_llama_config: true, num_hidden_layers: 30, num_attention_heads: 9, num_key_value_heads: 3, vocab_size: 49152, max_position_embeddings: 8192, rms_norm_eps: 1e-5, hidden_act: 'silu', rope_interleaved: false, rope_scaling: null, rope_theta: 1e5, tie_word_embeddings: true, attention_bias: false, mlp_bias: false }, { headDim: 64, kvHeads: 3, tieEmbeddings: true }],
    ['TinyLlama/TinyLlama-1.1B', { model_type: 'llama', hidden_size: 2048, intermediate_size: 5632, num_hidden_layers: 22, num_attention_heads: 32, num_key_value_heads: 4, vocab_size: 32000, max_position_embeddings: 2048, rms_norm_eps: 1e-5, hidden_act: 'silu', rope_scaling: null, tie_word_embeddings: false }, { headDim: 64, kvHeads: 4, tieEmbeddings: false }],
  ])('reads the fields of %s', (_, fields, expected) => {
    expect(parseLlamaConfig(fields)).toMatchObject(expected)
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
    ['a size beyond reason', { num_hidden_layers: 1e9 }, 'num_hidden_layers is 1000000000; it must be a whole number from 1 to 8192'],
    ['custom code', { auto_map: { AutoModelForCausalLM: 'modeling.Custom' } }, 'auto_map is {"AutoModelForCausalLM"'],
    ['a classifier', { architectures: ['LlamaForSequenceClassification'] }, 'architectures is ["LlamaForSequenceClassification"]; only causal language models'],
    ['windowed layers', { layer_types: ['full_attention', 'sliding_attention'] }, 'layer_types is "sliding_attention"'],
    ['interleaved rotation', { rope_interleaved: true }, 'rope_interleaved is true; only false'],
    ['attention both ways', { is_causal: false }, 'is_causal is false; only true'],
    ['dropout in attention', { attention_dropout: 0.1 }, 'attention_dropout is 0.1; only 0'],
    ['rotary angles by layer', { rope_parameters: { full_attention: { rope_type: 'default' } } }, 'rope_parameters.full_attention is'],
    ['another rotary scaling in newer files', { rope_parameters: { rope_type: 'linear', factor: 2 } }, 'rope_parameters.rope_type is "linear"'],
    ['scaling without a slope', { rope_scaling: { ...llama32.rope_scaling, low_freq_factor: 4 } }, 'rope_scaling.high_freq_factor is 4; it must be above'],
    ['half a rotation', { partial_rotary_factor: 0.5 }, 'partial_rotary_factor is 0.5'],
  ])('refuses %s by name', (_, change, message) => {
    expect(() => parseLlamaConfig({ ...llama32, ...change })).toThrow(message)
  })
})
