// LoRA adapters in the layout of Hugging Face PEFT: adapter_config.json + adapter_model.safetensors.
// Layout: peft/utils/save_and_load.py; the configuration is in peft-config.ts.

import { existsSync, mkdirSync } from 'node:fs'
import { join } from 'node:path'
import { EngineError } from '../engine-error.js'
import { findNonFinite } from './non-finite.js'
import { adapterConfigJson, moduleScaling, readAdapterConfig, type LoraAdapterConfig } from './peft-config.js'
import { writeAtomically } from './file-bytes.js'
import { readSafetensorsHeader, readTensorF32, writeSafetensors, type TensorToWrite } from './safetensors.js'

const ADAPTER_CONFIG_FILE = 'adapter_config.json'
const ADAPTER_WEIGHTS_FILE = 'adapter_model.safetensors'
const KEY_PREFIX = 'base_model.model.'

export interface AdapterTensor {
  shape: number[]
  /** float32, row-major: lora_A is [rank, in], lora_B is [out, rank], lora_magnitude_vector is [out]. */
  data: Float32Array
}

export interface LoraAdapter {
  config: LoraAdapterConfig
  /** Keys are module path + `.lora_A.weight`, `.lora_B.weight` and, for DoRA, `.lora_magnitude_vector`, as in `model.layers.0.self_attn.q_proj.lora_A.weight`. */
  weights: Map<string, AdapterTensor>
}

/** What an adapter does to one linear layer: W + scaling·B·A, each row then brought to its length where there is a magnitude. */
export interface ModuleUpdate {
  rank: number
  scaling: number
  /** [rank, in] */
  a: Float32Array
  /** [out, rank] */
  b: Float32Array
  /** [out], DoRA only. */
  magnitude: Float32Array | null
}

/**
 * Writes both adapter files into `folder` (made if absent), each atomically, weights first. `marks` go into the weights' metadata, which
 * no reader minds. Throws `adapter_invalid` on names or shapes PEFT would not load.
 */
export function writePeftAdapter(folder: string, adapter: LoraAdapter, marks: Record<string, string> = {}): void {
  checkWeights(folder, adapter)
  mkdirSync(folder, { recursive: true })
  const tensors = new Map<string, TensorToWrite>()
  for (const [name, { shape, data }] of adapter.weights) tensors.set(KEY_PREFIX + name, { dtype: 'F32', shape, data })
  writeSafetensors(join(folder, ADAPTER_WEIGHTS_FILE), tensors, { format: 'pt', ...marks })
  writeAtomically(join(folder, ADAPTER_CONFIG_FILE), [Buffer.from(adapterConfigJson(adapter.config))])
}

/** Reads a PEFT LoRA adapter folder. Throws `adapter_invalid` naming the file, the field and what is supported. */
export function readPeftAdapter(folder: string): LoraAdapter {
  const config = readAdapterConfig(join(folder, ADAPTER_CONFIG_FILE))
  const path = join(folder, ADAPTER_WEIGHTS_FILE)
  if (!existsSync(path)) throw invalid(path, 'is not there')
  const weights = new Map<string, AdapterTensor>()
  for (const [name, entry] of readSafetensorsHeader(path)) {
    if (!name.startsWith(KEY_PREFIX)) throw invalid(path, `tensor "${name}" does not begin with "${KEY_PREFIX}"; it is not a PEFT LoRA tensor`)
    const broken = findNonFinite(path, entry)
    if (broken) throw invalid(path, `tensor "${name}" holds ${broken.kind} at [${broken.place.join(', ')}]; the training that wrote it diverged or the file is damaged. Use an earlier checkpoint.`)
    weights.set(name.slice(KEY_PREFIX.length), { shape: entry.shape, data: readTensorF32(path, entry) })
  }
  checkWeights(path, { config, weights })
  return { config, weights }
}

/** Module path → its update, in the order of the tensors. */
export function moduleUpdates({ config, weights }: LoraAdapter): Map<string, ModuleUpdate> {
  const updates = new Map<string, ModuleUpdate>()
  for (const [name, { data: a }] of weights) {
    if (!name.endsWith('.lora_A.weight')) continue
    const module = name.slice(0, -'.lora_A.weight'.length)
    const b = weights.get(`${module}.lora_B.weight`)
    if (b === undefined) throw invalid(module, 'has lora_A without lora_B')
    updates.set(module, { ...moduleScaling(config, module), a, b: b.data, magnitude: weights.get(`${module}.lora_magnitude_vector`)?.data ?? null })
  }
  return updates
}

/** The values that vLLM's `--max-lora-rank` takes; 16 is its default. */
const VLLM_RANKS = [1, 8, 16, 32, 64, 128, 256, 320, 512]

/** The `--max-lora-rank` with which vLLM serves this adapter, or what keeps it from serving it. */
export function vllmServing({ rank, useDora, rankPattern, alphaPattern }: LoraAdapterConfig): { maxLoraRank: number } | { obstacle: string } {
  if (useDora === true) return { obstacle: 'vLLM does not serve DoRA adapters; merge it into the model' }
  if (rankPattern !== undefined || alphaPattern !== undefined) return { obstacle: 'vLLM reads one rank and alpha for all layers and would scale this adapter wrongly; merge it into the model' }
  const maxLoraRank = VLLM_RANKS.find((largest) => largest >= rank)
  return maxLoraRank === undefined ? { obstacle: `vLLM serves ranks up to ${VLLM_RANKS.at(-1)}, and this one is ${rank}; merge it into the model` } : { maxLoraRank }
}

const PARTS = { lora_A: '.lora_A.weight', lora_B: '.lora_B.weight', magnitude: '.lora_magnitude_vector' } as const

function checkWeights(path: string, { config, weights }: LoraAdapter): void {
  if (weights.size === 0) throw invalid(path, 'holds no LoRA tensors')
  for (const [name, { shape, data }] of weights) {
    const suffix = Object.values(PARTS).find((part) => name.endsWith(part))
    if (suffix === undefined) throw invalid(path, `tensor "${name}" must end with .lora_A.weight or .lora_B.weight${config.useDora === true ? ' or .lora_magnitude_vector' : ''}`)
    const module = name.slice(0, -suffix.length)
    const needed = [PARTS.lora_A, PARTS.lora_B, ...(config.useDora === true ? [PARTS.magnitude] : [])]
    if (!needed.includes(suffix)) throw invalid(path, `tensor "${name}" belongs to DoRA, but use_dora is false`)
    for (const partner of needed) {
      if (!weights.has(module + partner)) throw invalid(path, `tensor "${name}" has no partner "${module}${partner}"`)
    }
    checkShape(path, { name, shape, out: weights.get(module + PARTS.lora_B)?.shape[0], rank: moduleScaling(config, module).rank })
    if (data.length !== shape.reduce((product, size) => product * size, 1)) throw invalid(path, `tensor "${name}" has ${data.length} values for shape ${JSON.stringify(shape)}`)
  }
}

function checkShape(path: string, { name, shape, out, rank }: { name: string; shape: number[]; out: number | undefined; rank: number }): void {
  if (name.endsWith(PARTS.magnitude)) {
    if (shape.length !== 1 || shape[0] !== out) throw invalid(path, `tensor "${name}" has shape ${JSON.stringify(shape)}; its lora_B has ${out} rows, so it must be [${out}]`)
    return
  }
  const isA = name.endsWith(PARTS.lora_A)
  if (shape.length === 2 && shape[isA ? 0 : 1] === rank) return
  throw invalid(path, `tensor "${name}" has shape ${JSON.stringify(shape)}; with r = ${rank} it must be ${isA ? `[${rank}, in]` : `[out, ${rank}]`}`)
}

function invalid(path: string, problem: string, cause?: unknown): EngineError {
  return new EngineError('adapter_invalid', `adapter ${path}: ${problem}`, { path }, cause)
}
