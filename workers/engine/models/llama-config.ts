/** config.json of the Llama family, read strictly: a field that would change the mathematics and is not implemented is refused by name. */
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { EngineError, shown } from '../engine-error.js'
import type { Llama3RopeScaling, LlamaConfig } from '../engine.js'

type Fields = Record<string, unknown>
type ModelType = 'llama' | 'mistral' | 'qwen2'

/** What a field means where config.json leaves it out: Hugging Face's defaults of each configuration class. */
const defaults: Record<ModelType, { kvHeads: number | null; slidingWindow: number | null }> = {
  llama: { kvHeads: null, slidingWindow: null },
  mistral: { kvHeads: 8, slidingWindow: 4096 },
  qwen2: { kvHeads: 32, slidingWindow: null },
}

/** Fields that change the mathematics, with the one value that leaves it as it is; another value is refused. */
const neutral: Record<string, unknown> = {
  attention_bias: false, mlp_bias: false, use_sliding_window: false, rope_interleaved: false, is_causal: true, add_cross_attention: false,
  use_mrope: false, use_qk_norm: false, qk_layernorm: false, attention_dropout: 0, partial_rotary_factor: 1,
  embedding_multiplier: 1, residual_multiplier: 1, attention_multiplier: 1, logits_scaling: 1, logit_scale: 1,
}
/** Fields that only models outside the family set. */
const foreign = ['quantization_config', 'auto_map', 'final_logit_softcapping', 'attn_logit_softcapping', 'clip_qkv', 'num_local_experts', 'num_experts', 'no_rope_layers', 'vision_config', 'encoder']

/** Far above any model there is; a file that claims more is damaged, and believing it would exhaust the memory. */
const MAX_LAYERS = 2 ** 13
const MAX_SIZE = 2 ** 24
const MAX_POSITIONS = 2 ** 31

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
  const modelType = readModelType(fields)
  refuseUnsupported(fields)
  const hiddenSize = whole(fields, 'hidden_size')
  const heads = whole(fields, 'num_attention_heads')
  const kvHeads = readKvHeads(fields, heads, defaults[modelType].kvHeads)
  const headDim = isAbsent(fields.head_dim) ? hiddenSize / heads : whole(fields, 'head_dim')
  if (!Number.isInteger(headDim) || headDim % 2 !== 0) throw invalid('head_dim', headDim, 'it must be an even whole number (hidden_size / num_attention_heads where absent)')
  const layers = whole(fields, 'num_hidden_layers', MAX_LAYERS)
  refuseOtherLayers(fields)
  return {
    hiddenSize, heads, kvHeads, headDim, layers,
    intermediateSize: whole(fields, 'intermediate_size'),
    vocabSize: whole(fields, 'vocab_size'),
    maxPositions: longestSequence(fields, defaults[modelType].slidingWindow),
    ...readRope(fields),
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

function readModelType(fields: Fields): ModelType {
  const { model_type: modelType, architectures } = fields
  if (modelType !== 'llama' && modelType !== 'mistral' && modelType !== 'qwen2') throw invalid('model_type', modelType, `the engine trains ${Object.keys(defaults).join(', ')}`)
  const isLanguageModel = isAbsent(architectures) || (Array.isArray(architectures) && architectures.every((name) => typeof name === 'string' && name.endsWith('ForCausalLM')))
  if (!isLanguageModel) throw invalid('architectures', architectures, 'only causal language models (…ForCausalLM) are supported')
  return modelType
}

function refuseUnsupported(fields: Fields): void {
  const { hidden_act: activation } = fields
  if (!isAbsent(activation) && activation !== 'silu' && activation !== 'swish') throw invalid('hidden_act', activation, 'only "silu" is supported')
  for (const [name, value] of Object.entries(neutral)) {
    if (!isAbsent(fields[name]) && fields[name] !== value) throw invalid(name, fields[name], `only ${String(value)} is supported`)
  }
  for (const name of foreign) {
    if (isAbsent(fields[name])) continue
    const mend = name === 'quantization_config' ? 'quantized weights are not supported; use the model in bf16, f16 or f32' : 'no model of the supported families sets it'
    throw invalid(name, fields[name], mend)
  }
}

function readKvHeads(fields: Fields, heads: number, byDefault: number | null): number {
  const kvHeads = fields.num_key_value_heads === null ? heads : fields.num_key_value_heads === undefined ? (byDefault ?? heads) : whole(fields, 'num_key_value_heads')
  if (heads % kvHeads !== 0) throw invalid('num_key_value_heads', kvHeads, `it must divide num_attention_heads, ${heads}`)
  return kvHeads
}

function refuseOtherLayers({ layer_types: types }: Fields): void {
  if (isAbsent(types)) return
  if (!Array.isArray(types)) throw invalid('layer_types', types, 'it must be a list')
  const other = types.find((type) => type !== 'full_attention')
  if (other !== undefined) throw invalid('layer_types', other, 'only "full_attention" layers are supported')
}

/** Within the sliding window of Mistral 0.1, windowed and full attention are the same. */
function longestSequence(fields: Fields, byDefault: number | null): number {
  const positions = whole(fields, 'max_position_embeddings', MAX_POSITIONS)
  if (fields.model_type !== 'mistral' || fields.sliding_window === null) return positions
  const window = fields.sliding_window === undefined ? byDefault : whole(fields, 'sliding_window', MAX_POSITIONS)
  return Math.min(positions, window ?? positions)
}

/** `rope_theta` and `rope_scaling`, or both in `rope_parameters`, as Transformers 5 writes them. */
function readRope(fields: Fields): Pick<LlamaConfig, 'ropeTheta' | 'ropeScaling'> {
  const { rope_parameters: parameters } = fields
  if (isAbsent(parameters)) return { ropeTheta: readTheta(fields), ropeScaling: readRopeScaling('rope_scaling', fields.rope_scaling) }
  if (!isRecord(parameters)) throw invalid('rope_parameters', parameters, 'it must be an object or null')
  const nested = Object.entries(parameters).find(([, value]) => isRecord(value))
  if (nested) throw invalid(`rope_parameters.${nested[0]}`, nested[1], 'one rotary embedding for all layers is supported')
  return { ropeTheta: readTheta(isAbsent(parameters.rope_theta) ? fields : parameters), ropeScaling: readRopeScaling('rope_parameters', parameters) }
}

function readTheta(fields: Fields): number {
  return isAbsent(fields.rope_theta) ? 10000 : positive(fields, 'rope_theta')
}

function readRopeScaling(field: string, value: unknown): Llama3RopeScaling | null {
  if (isAbsent(value)) return null
  if (!isRecord(value)) throw invalid(field, value, 'it must be an object or null')
  const kind = value.rope_type ?? value.type ?? 'default'
  if (!isAbsent(value.partial_rotary_factor) && value.partial_rotary_factor !== 1) throw invalid(`${field}.partial_rotary_factor`, value.partial_rotary_factor, 'only 1 is supported')
  if (kind === 'default') return null
  if (kind !== 'llama3') throw invalid(`${field}.rope_type`, kind, 'only "default" and "llama3" are supported')
  const scaling = {
    factor: positive(value, 'factor'),
    lowFreqFactor: positive(value, 'low_freq_factor'),
    highFreqFactor: positive(value, 'high_freq_factor'),
    originalMaxPositions: whole(value, 'original_max_position_embeddings', MAX_POSITIONS),
  }
  if (scaling.highFreqFactor <= scaling.lowFreqFactor) throw invalid(`${field}.high_freq_factor`, scaling.highFreqFactor, `it must be above low_freq_factor, ${scaling.lowFreqFactor}`)
  return scaling
}

function whole(fields: Fields, name: string, most = MAX_SIZE): number {
  const value = fields[name]
  if (typeof value !== 'number' || !Number.isInteger(value) || value < 1 || value > most) throw invalid(name, value, `it must be a whole number from 1 to ${most}`)
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
  return new EngineError('config_invalid', `config.json: ${field} is ${shown(value)}; ${mend}`, { field, value })
}
