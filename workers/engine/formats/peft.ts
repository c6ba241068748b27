// LoRA adapters in the layout of Hugging Face PEFT: adapter_config.json + adapter_model.safetensors.
// The keys written are the stable set that every PEFT from 0.10 on and vLLM read; what changes the
// mathematics and is not supported here (DoRA, biases, saved modules, per-module alpha) is refused on
// reading, never ignored. Layout: peft/utils/save_and_load.py, peft/tuners/lora/config.py.

import { existsSync, mkdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { EngineError } from '../engine-error.js'
import { readSafetensorsHeader, readTensorF32, writeAtomically, writeSafetensors, type TensorToWrite } from './safetensors.js'

export const ADAPTER_CONFIG_FILE = 'adapter_config.json'
export const ADAPTER_WEIGHTS_FILE = 'adapter_model.safetensors'
const KEY_PREFIX = 'base_model.model.'
/** The PEFT release whose file layout is written. */
const PEFT_LAYOUT_VERSION = '0.18.0'

export interface AdapterTensor {
  shape: number[]
  /** float32, row-major: lora_A is [rank, in], lora_B is [out, rank]. */
  data: Float32Array
}

export interface LoraAdapterConfig {
  rank: number
  alpha: number
  dropout: number
  /** Module names ("q_proj"), or PEFT's single string ("all-linear" or a regular expression). */
  targetModules: string[] | string
  /** Scale by alpha / √rank instead of alpha / rank (rsLoRA, Kalajdzievski 2023, arXiv 2312.03732). */
  useRslora: boolean
  baseModelNameOrPath: string
}

export interface LoraAdapter {
  config: LoraAdapterConfig
  /** Keys are module path + `.lora_A.weight` / `.lora_B.weight`, as in `model.layers.0.self_attn.q_proj.lora_A.weight`. */
  weights: Map<string, AdapterTensor>
}

/** The factor on B·A·x: alpha / rank, or alpha / √rank under rsLoRA. */
export function loraScaling(config: Pick<LoraAdapterConfig, 'rank' | 'alpha' | 'useRslora'>): number {
  return config.alpha / (config.useRslora ? Math.sqrt(config.rank) : config.rank)
}

/** Writes both adapter files into `folder` (made if absent), each atomically, weights first. Throws `adapter_invalid` on names or shapes PEFT would not load. */
export function writePeftAdapter(folder: string, adapter: LoraAdapter): void {
  checkWeights(folder, adapter.weights, adapter.config.rank)
  mkdirSync(folder, { recursive: true })
  const tensors = new Map<string, TensorToWrite>()
  for (const [name, { shape, data }] of adapter.weights) tensors.set(KEY_PREFIX + name, { dtype: 'F32', shape, data })
  writeSafetensors(join(folder, ADAPTER_WEIGHTS_FILE), tensors, { format: 'pt' })
  writeAtomically(join(folder, ADAPTER_CONFIG_FILE), [Buffer.from(adapterConfigJson(adapter.config))])
}

/** Text of adapter_config.json, byte for byte as Python's json.dumps(indent=2, sort_keys=True) would print it. */
export function adapterConfigJson(config: LoraAdapterConfig): string {
  const fields: Record<string, unknown> = {
    alpha_pattern: {},
    auto_mapping: null,
    base_model_name_or_path: config.baseModelNameOrPath,
    bias: 'none',
    fan_in_fan_out: false,
    inference_mode: true,
    init_lora_weights: true,
    layer_replication: null,
    layers_pattern: null,
    layers_to_transform: null,
    loftq_config: {},
    lora_alpha: config.alpha,
    lora_dropout: config.dropout,
    megatron_config: null,
    megatron_core: 'megatron.core',
    modules_to_save: null,
    peft_type: 'LORA',
    peft_version: PEFT_LAYOUT_VERSION,
    r: config.rank,
    rank_pattern: {},
    revision: null,
    target_modules: typeof config.targetModules === 'string' ? config.targetModules : [...config.targetModules].sort(),
    task_type: 'CAUSAL_LM',
    use_dora: false,
    use_rslora: config.useRslora,
  }
  return JSON.stringify(fields, null, 2)
    .replace(/("lora_dropout": \d+)(?=,)/, '$1.0')
    .replace(/[\u007f-\uffff]/g, (char) => `\\u${char.charCodeAt(0).toString(16).padStart(4, '0')}`)
}

/** Reads a PEFT LoRA adapter folder. Throws `adapter_invalid` naming the file, the field and what is supported. */
export function readPeftAdapter(folder: string): LoraAdapter {
  const config = readConfig(join(folder, ADAPTER_CONFIG_FILE))
  const path = join(folder, ADAPTER_WEIGHTS_FILE)
  if (!existsSync(path)) throw invalid(path, 'is not there')
  const weights = new Map<string, AdapterTensor>()
  for (const [name, entry] of readSafetensorsHeader(path)) {
    if (!name.startsWith(KEY_PREFIX)) throw invalid(path, `tensor "${name}" does not begin with "${KEY_PREFIX}"; it is not a PEFT LoRA tensor`)
    weights.set(name.slice(KEY_PREFIX.length), { shape: entry.shape, data: readTensorF32(path, entry) })
  }
  checkWeights(path, weights, config.rank)
  return { config, weights }
}

function readConfig(path: string): LoraAdapterConfig {
  const fields = readJsonObject(path)
  const must = (name: string, ok: boolean, wanted: string): void => {
    if (!ok) throw invalid(path, `${name} is ${JSON.stringify(fields[name])}; ${wanted}`)
  }
  const isEmpty = (value: unknown): boolean => value === undefined || value === null || (typeof value === 'object' && Object.keys(value).length === 0)
  must('peft_type', fields['peft_type'] === 'LORA', 'only "LORA" adapters can be read')
  for (const name of ['alpha_pattern', 'rank_pattern', 'modules_to_save', 'layer_replication']) {
    must(name, isEmpty(fields[name]), 'only adapters with one rank and alpha on linear modules are supported, so it must be empty')
  }
  for (const name of ['use_dora', 'fan_in_fan_out', 'lora_bias']) must(name, !fields[name], 'it must be false')
  must('bias', fields['bias'] === undefined || fields['bias'] === 'none', 'it must be "none"')
  const { r: rank, lora_alpha: alpha, lora_dropout: dropout = 0, target_modules: target, base_model_name_or_path: base } = fields
  if (typeof rank !== 'number' || !Number.isInteger(rank) || rank < 1) throw invalid(path, `r is ${JSON.stringify(rank)}; it must be a whole number of 1 or more`)
  if (typeof alpha !== 'number' || !Number.isFinite(alpha)) throw invalid(path, `lora_alpha is ${JSON.stringify(alpha)}; it must be a number`)
  if (typeof dropout !== 'number' || !(dropout >= 0 && dropout < 1)) throw invalid(path, `lora_dropout is ${JSON.stringify(dropout)}; it must be in [0, 1)`)
  const targetModules = typeof target === 'string' ? target : Array.isArray(target) && target.every((item) => typeof item === 'string') ? target : undefined
  if (targetModules === undefined) throw invalid(path, `target_modules is ${JSON.stringify(target)}; it must be a string or a list of module names`)
  return { rank, alpha, dropout, targetModules, useRslora: fields['use_rslora'] === true, baseModelNameOrPath: typeof base === 'string' ? base : '' }
}

function readJsonObject(path: string): Record<string, unknown> {
  let parsed: unknown
  try {
    parsed = JSON.parse(readFileSync(path, 'utf8'))
  } catch (cause) {
    throw invalid(path, `cannot be read as JSON (${cause instanceof Error ? cause.message : String(cause)})`, cause)
  }
  if (typeof parsed !== 'object' || parsed === null || Array.isArray(parsed)) throw invalid(path, 'must hold a JSON object')
  return { ...parsed }
}

function checkWeights(path: string, weights: ReadonlyMap<string, AdapterTensor>, rank: number): void {
  if (weights.size === 0) throw invalid(path, 'holds no LoRA tensors')
  for (const [name, { shape, data }] of weights) {
    const side = /\.lora_([AB])\.weight$/.exec(name)?.[1]
    if (side === undefined) throw invalid(path, `tensor "${name}" must end with .lora_A.weight or .lora_B.weight`)
    const partner = name.replace(/lora_[AB]\.weight$/, `lora_${side === 'A' ? 'B' : 'A'}.weight`)
    if (!weights.has(partner)) throw invalid(path, `tensor "${name}" has no partner "${partner}"`)
    const seenRank = shape[side === 'A' ? 0 : 1]
    if (shape.length !== 2 || seenRank !== rank) {
      throw invalid(path, `tensor "${name}" has shape ${JSON.stringify(shape)}; with r = ${rank} it must be ${side === 'A' ? `[${rank}, in]` : `[out, ${rank}]`}`)
    }
    if (data.length !== (shape[0] ?? 0) * (shape[1] ?? 0)) throw invalid(path, `tensor "${name}" has ${data.length} values for shape ${JSON.stringify(shape)}`)
  }
}

function invalid(path: string, problem: string, cause?: unknown): EngineError {
  return new EngineError('adapter_invalid', `adapter ${path}: ${problem}`, { path }, cause)
}
