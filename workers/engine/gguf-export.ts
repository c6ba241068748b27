/**
 * Writes models and adapters as GGUF, for llama.cpp and everything built on it. Names, metadata and number formats are
 * those of llama.cpp's convert_hf_to_gguf.py and convert_lora_to_gguf.py, with two differences: an rsLoRA adapter gets
 * the alpha that makes llama.cpp scale it rightly, and a tokenizer that llama.cpp would cut otherwise is refused.
 */
import { basename } from 'node:path'
import { EngineError } from './engine-error.js'
import type { LlamaConfig } from './engine.js'
import { ggufTokenizer } from './formats/gguf-tokenizer.js'
import type { GgufValue, WrittenType } from './formats/gguf-types.js'
import { fittingType, ggufFloat, ggufString, ggufUint, writeGguf, type GgufTensorToWrite } from './formats/gguf-writer.js'
import { loraScaling } from './formats/peft-config.js'
import { moduleUpdates, readPeftAdapter } from './formats/peft.js'
import { openMergedWeights, type MergedTensor } from './merged-weights.js'
import { readLlamaConfig } from './models/llama-config.js'
import { llamaWeightShapes } from './models/llama.js'
import { inverseFrequencies } from './models/rope.js'
import type { Shape } from './tensor.js'

export interface GgufModelOptions {
  modelFolder: string
  /** PEFT folder merged into the weights; null for the model as it is. */
  adapterFolder: string | null
  /** The file to write. */
  path: string
  dtype: WrittenType
  /** general.name; left out: the name of the model's folder. */
  name?: string
}

/** `general.file_type`: the number format that most tensors have. */
const FILE_TYPES: Record<WrittenType, number> = { F32: 0, F16: 1, Q8_0: 7, BF16: 32 }
const QUANTIZATION_VERSION = 2

/** @returns a warning about texts that llama.cpp will cut into other tokens, or null */
export function exportGgufModel({ modelFolder, adapterFolder, path, dtype, name = basename(modelFolder) }: GgufModelOptions): string | null {
  const config = readLlamaConfig(modelFolder)
  const tokenizer = ggufTokenizer(modelFolder, config.vocabSize)
  const metadata = new Map<string, GgufValue>([
    ['general.architecture', ggufString(architectureOf(config))],
    ['general.type', ggufString('model')],
    ['general.name', ggufString(name)],
    ...modelFields(config),
    ['general.file_type', ggufUint(FILE_TYPES[dtype])],
    ['general.quantization_version', ggufUint(QUANTIZATION_VERSION)],
    ...tokenizer.metadata,
  ])
  const tensors = [...ropeFactors(config), ...modelTensors(openMergedWeights(modelFolder, adapterFolder), config, dtype)]
  writeGguf(path, { metadata, tensors })
  return tokenizer.note
}

export interface GgufAdapterOptions {
  /** The base model; only its config.json is read. */
  modelFolder: string
  adapterFolder: string
  path: string
  dtype: WrittenType
}

/** llama.cpp multiplies B·A by alpha / rank, rank being what the tensors show. Throws for DoRA, which it does not have. */
export function exportGgufAdapter({ modelFolder, adapterFolder, path, dtype }: GgufAdapterOptions): void {
  const config = readLlamaConfig(modelFolder)
  const adapter = readPeftAdapter(adapterFolder)
  if (adapter.config.useDora === true) throw new EngineError('adapter_invalid', 'llama.cpp has no DoRA adapters; merge it into the model and export that as GGUF', { adapterFolder })
  const alpha = loraScaling(adapter.config) * adapter.config.rank
  const shapes = llamaWeightShapes(config)
  const tensors = [...moduleUpdates(adapter)].flatMap(([module, { rank, scaling, a, b }]): GgufTensorToWrite[] => {
    const [out = 0, width = 0] = shapes.get(`${module}.weight`) ?? []
    if (a.length !== rank * width || b.length !== out * rank || out === 0) throw new EngineError('adapter_invalid', `the adapter changes ${module}, which is ${out === 0 ? 'not in the model' : `[${out}, ${width}] in the model`}; it was trained on another model`, { module })
    // One alpha serves the whole file; modules that are scaled otherwise carry the difference in B.
    const factor = (scaling * rank) / alpha
    const scaled = factor === 1 ? b : b.map((value) => value * factor)
    const perHead = rotatedHeadRows(`${module}.weight`, config)
    const name = tensorName(`${module}.weight`)
    return [
      { name: `${name}.lora_a`, shape: [rank, width], type: fittingType(dtype, [rank, width]), rows: () => [a] },
      { name: `${name}.lora_b`, shape: [out, rank], type: fittingType(dtype, [out, rank]), rows: () => [perHead === null ? scaled : interleaveRows(scaled, { headRows: perHead, width: rank })] },
    ]
  })
  const metadata = new Map<string, GgufValue>([
    ['general.architecture', ggufString(architectureOf(config))],
    ['general.type', ggufString('adapter')],
    ['adapter.type', ggufString('lora')],
    ['general.name', ggufString(`${basename(modelFolder)} LoRA`)],
    ['general.base_model.count', ggufUint(1)],
    ['general.base_model.0.name', ggufString(adapter.config.baseModelNameOrPath || basename(modelFolder))],
    ['adapter.lora.alpha', ggufFloat(alpha)],
    ['general.file_type', ggufUint(FILE_TYPES[dtype])],
    ['general.quantization_version', ggufUint(QUANTIZATION_VERSION)],
  ])
  writeGguf(path, { metadata, tensors })
}

/** "Nano-Q8_0.gguf", as such files are called. */
export function ggufFileName(name: string, dtype: WrittenType): string {
  return `${name.replaceAll(/[^\w.-]+/g, '-')}-${dtype}.gguf`
}

function architectureOf({ qkvBias }: LlamaConfig): 'llama' | 'qwen2' {
  return qkvBias ? 'qwen2' : 'llama'
}

function modelFields(config: LlamaConfig): [string, GgufValue][] {
  const architecture = architectureOf(config)
  const fields: [string, GgufValue][] = [
    ['block_count', ggufUint(config.layers)],
    ['context_length', ggufUint(config.maxPositions)],
    ['embedding_length', ggufUint(config.hiddenSize)],
    ['feed_forward_length', ggufUint(config.intermediateSize)],
    ['attention.head_count', ggufUint(config.heads)],
    ['attention.head_count_kv', ggufUint(config.kvHeads)],
    ['rope.freq_base', ggufFloat(config.ropeTheta)],
    ['attention.layer_norm_rms_epsilon', ggufFloat(config.rmsNormEps)],
    ['attention.key_length', ggufUint(config.headDim)],
    ['attention.value_length', ggufUint(config.headDim)],
    ['vocab_size', ggufUint(config.vocabSize)],
    ['rope.dimension_count', ggufUint(config.headDim)],
  ]
  return fields.map(([name, value]) => [`${architecture}.${name}`, value])
}

/** Llama 3's rotary scaling goes by what each frequency is divided by; llama.cpp reads it from a tensor. */
function ropeFactors(config: LlamaConfig): GgufTensorToWrite[] {
  if (config.ropeScaling === null) return []
  const plain = inverseFrequencies({ ...config, ropeScaling: null })
  const factors = Float32Array.from(inverseFrequencies(config), (frequency, index) => (plain[index] ?? NaN) / frequency)
  return [{ name: 'rope_freqs.weight', shape: [factors.length], type: 'F32', rows: () => [factors] }]
}

function modelTensors(weights: readonly MergedTensor[], config: LlamaConfig, dtype: WrittenType): GgufTensorToWrite[] {
  const shapes = llamaWeightShapes(config)
  const byName = new Map(weights.map((tensor) => [tensor.name, tensor]))
  return [...shapes].map(([name, shape]) => {
    const tensor = byName.get(name)
    if (tensor === undefined || tensor.shape.join() !== shape.join()) throw new EngineError('weights_invalid', `the model's weight "${name}" is ${tensor === undefined ? 'missing' : `[${tensor.shape.join(', ')}]`}; config.json implies [${shape.join(', ')}]`, { name })
    const perHead = rotatedHeadRows(name, config)
    return { name: tensorName(name), shape, type: typeOf(shape, dtype), rows: () => (perHead === null ? tensor.rows() : interleaved(tensor, perHead)) }
  })
}

/** Norms and biases stay in float32. */
function typeOf(shape: Shape, dtype: WrittenType): WrittenType {
  return shape.length === 1 ? 'F32' : fittingType(dtype, shape)
}

function* interleaved(tensor: MergedTensor, headRows: number): Iterable<Float32Array> {
  for (const rows of tensor.rows(headRows)) yield interleaveRows(rows, { headRows, width: tensor.shape.at(-1) ?? 1 })
}

/**
 * The architecture "llama" of llama.cpp rotates neighbouring pairs of a head's values, Hugging Face its two halves: so
 * queries and keys get their rows in the order 0, d/2, 1, d/2+1, … in each head. Null where rows keep their order.
 */
function rotatedHeadRows(name: string, config: LlamaConfig): number | null {
  return architectureOf(config) === 'llama' && /\.self_attn\.[qk]_proj\.weight$/.test(name) ? config.headDim : null
}

function interleaveRows(rows: Float32Array, { headRows, width }: { headRows: number; width: number }): Float32Array {
  const out = new Float32Array(rows.length)
  for (let row = 0; row < rows.length / width; row++) {
    const inHead = row % headRows
    const from = row - inHead + (inHead % 2) * (headRows / 2) + Math.floor(inHead / 2)
    out.set(rows.subarray(from * width, (from + 1) * width), row * width)
  }
  return out
}

const LAYER_NAMES: Readonly<Record<string, string>> = {
  input_layernorm: 'attn_norm', 'self_attn.q_proj': 'attn_q', 'self_attn.k_proj': 'attn_k', 'self_attn.v_proj': 'attn_v', 'self_attn.o_proj': 'attn_output',
  post_attention_layernorm: 'ffn_norm', 'mlp.gate_proj': 'ffn_gate', 'mlp.up_proj': 'ffn_up', 'mlp.down_proj': 'ffn_down',
}
const OTHER_NAMES: Readonly<Record<string, string>> = { 'model.embed_tokens': 'token_embd', 'model.norm': 'output_norm', lm_head: 'output' }

/** llama.cpp's name for a weight of Hugging Face's. */
function tensorName(name: string): string {
  const [, path = '', suffix = ''] = /^(.*)\.(weight|bias)$/.exec(name) ?? []
  const [, layer, inner = ''] = /^model\.layers\.(\d+)\.(.+)$/.exec(path) ?? []
  const known = layer === undefined ? OTHER_NAMES[path] : LAYER_NAMES[inner]
  if (known === undefined) throw new EngineError('weights_invalid', `llama.cpp has no name for the weight "${name}"`, { name })
  return `${layer === undefined ? '' : `blk.${layer}.`}${known}.${suffix}`
}
