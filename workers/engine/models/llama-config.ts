/** config.json of the Llama family, read strictly: a field that would change the mathematics and is not implemented is refused by name. */
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { EngineError } from '../engine-error.js'
import type { Llama3RopeScaling, LlamaConfig } from '../engine.js'

const architectures = ['llama', 'mistral', 'qwen2'] as const
type Fields = Record<string, unknown>

export function readLlamaConfig(folder: string): LlamaConfig {
  const path = join(folder, 'config.json')
  let parsed: unknown
  try {
    parsed = JSON.parse(readFileSync(path, 'utf8'))
  } catch (cause) {
    throw new EngineError('config_invalid', `cannot read ${path}: ${cause instanceof Error ? cause.message : String(cause)}. A model folder holds config.json, *.safetensors and tokenizer.json.`, { path }, cause)
  }
  if (!isRecord(parsed)) throw new EngineError('config_invalid', `${path} does not hold a JSON object`, { path })
  return parseLlamaConfig(parsed)
}

export function parseLlamaConfig(fields: Fields): LlamaConfig {
  const modelType = fields.model_type
  if (!architectures.some((name) => name === modelType)) throw invalid('model_type', modelType, `the engine trains ${architectures.join(', ')}`)
  refuseUnsupported(fields)
  const hiddenSize = whole(fields, 'hidden_size')
  const heads = whole(fields, 'num_attention_heads')
  const kvHeads = isAbsent(fields.num_key_value_heads) ? heads : whole(fields, 'num_key_value_heads')
  if (heads % kvHeads !== 0) throw invalid('num_key_value_heads', kvHeads, `it must divide num_attention_heads, ${heads}`)
  const headDim = isAbsent(fields.head_dim) ? hiddenSize / heads : whole(fields, 'head_dim')
  if (!Number.isInteger(headDim) || headDim % 2 !== 0) throw invalid('head_dim', headDim, 'it must be an even whole number (hidden_size / num_attention_heads where absent)')
  const rope = isRecord(fields.rope_parameters) ? fields.rope_parameters : fields
  return {
    hiddenSize, heads, kvHeads, headDim,
    intermediateSize: whole(fields, 'intermediate_size'),
    layers: whole(fields, 'num_hidden_layers'),
    vocabSize: whole(fields, 'vocab_size'),
    maxPositions: longestSequence(fields),
    ropeTheta: isAbsent(rope.rope_theta) ? 10000 : positive(rope, 'rope_theta'),
    ropeScaling: readRopeScaling(isRecord(fields.rope_parameters) ? fields.rope_parameters : fields.rope_scaling),
    rmsNormEps: isAbsent(fields.rms_norm_eps) ? 1e-6 : positive(fields, 'rms_norm_eps'),
    tieEmbeddings: readBoolean(fields, 'tie_word_embeddings'),
    qkvBias: modelType === 'qwen2',
  }
}

/** The same fields in the layout of Hugging Face's LlamaConfig (or Qwen2Config where query, key and value have biases). */
export function writeLlamaConfig(config: LlamaConfig): Fields {
  const scaling = config.ropeScaling
  return {
    architectures: [config.qkvBias ? 'Qwen2ForCausalLM' : 'LlamaForCausalLM'],
    model_type: config.qkvBias ? 'qwen2' : 'llama',
    hidden_size: config.hiddenSize,
    intermediate_size: config.intermediateSize,
    num_hidden_layers: config.layers,
    num_attention_heads: config.heads,
    num_key_value_heads: config.kvHeads,
    head_dim: config.headDim,
    vocab_size: config.vocabSize,
    max_position_embeddings: config.maxPositions,
    rope_theta: config.ropeTheta,
    rope_scaling: scaling === null ? null : {
      rope_type: 'llama3',
      factor: scaling.factor,
      low_freq_factor: scaling.lowFreqFactor,
      high_freq_factor: scaling.highFreqFactor,
      original_max_position_embeddings: scaling.originalMaxPositions,
    },
    rms_norm_eps: config.rmsNormEps,
    tie_word_embeddings: config.tieEmbeddings,
    hidden_act: 'silu',
    attention_bias: false,
    mlp_bias: false,
    torch_dtype: 'float32',
  }
}

function refuseUnsupported(fields: Fields): void {
  if (!isAbsent(fields.hidden_act) && fields.hidden_act !== 'silu') throw invalid('hidden_act', fields.hidden_act, 'only "silu" is supported')
  for (const name of ['attention_bias', 'mlp_bias', 'use_sliding_window']) {
    if (!isAbsent(fields[name]) && fields[name] !== false) throw invalid(name, fields[name], 'only false is supported')
  }
  if (!isAbsent(fields.quantization_config)) throw invalid('quantization_config', fields.quantization_config, 'quantized weights are not supported; use the model in bf16, f16 or f32')
  if (!isAbsent(fields.partial_rotary_factor) && fields.partial_rotary_factor !== 1) throw invalid('partial_rotary_factor', fields.partial_rotary_factor, 'only 1 is supported')
}

/** Within the sliding window of Mistral 0.1, windowed and full attention are the same. */
function longestSequence(fields: Fields): number {
  const positions = whole(fields, 'max_position_embeddings')
  const windowed = fields.model_type === 'mistral' && !isAbsent(fields.sliding_window)
  return windowed ? Math.min(positions, whole(fields, 'sliding_window')) : positions
}

function readRopeScaling(value: unknown): Llama3RopeScaling | null {
  if (isAbsent(value)) return null
  if (!isRecord(value)) throw invalid('rope_scaling', value, 'it must be an object or null')
  const kind = value.rope_type ?? value.type ?? 'default'
  if (kind === 'default') return null
  if (kind !== 'llama3') throw invalid('rope_scaling.rope_type', kind, 'only "default" and "llama3" are supported')
  return {
    factor: positive(value, 'factor'),
    lowFreqFactor: positive(value, 'low_freq_factor'),
    highFreqFactor: positive(value, 'high_freq_factor'),
    originalMaxPositions: whole(value, 'original_max_position_embeddings'),
  }
}

function whole(fields: Fields, name: string): number {
  const value = fields[name]
  if (typeof value !== 'number' || !Number.isInteger(value) || value < 1) throw invalid(name, value, 'it must be a whole number of 1 or more')
  return value
}

function positive(fields: Fields, name: string): number {
  const value = fields[name]
  if (typeof value !== 'number' || !(value > 0) || !Number.isFinite(value)) throw invalid(name, value, 'it must be a number above 0')
  return value
}

function readBoolean(fields: Fields, name: string): boolean {
  const value = fields[name]
  if (isAbsent(value)) return false
  if (typeof value !== 'boolean') throw invalid(name, value, 'it must be true or false')
  return value
}

function isAbsent(value: unknown): value is null | undefined {
  return value === null || value === undefined
}

function isRecord(value: unknown): value is Fields {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

function invalid(field: string, value: unknown, mend: string): EngineError {
  return new EngineError('config_invalid', `config.json: ${field} is ${JSON.stringify(value)}; ${mend}`, { field, value })
}
