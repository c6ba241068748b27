/**
 * Writes a whole model in Hugging Face's layout: a model folder with an adapter merged into its weights, or in
 * another number format, or both. Tensors pass through piece by piece; large models become several files and an index.
 */
import { copyFileSync, existsSync, mkdirSync, readdirSync, readFileSync, realpathSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { EngineError } from './engine-error.js'
import { writeAtomically } from './formats/file-bytes.js'
import { float32ToBfloat16, float32ToFloat16 } from './formats/half-floats.js'
import { writeSafetensors, type TensorToWrite } from './formats/safetensors.js'
import { openMergedWeights, type FloatDtype, type MergedTensor } from './merged-weights.js'
import { readLlamaConfig } from './models/llama-config.js'
import { sizeOf } from './tensor.js'

export interface MergeOptions {
  modelFolder: string
  /** PEFT folder; null only changes the format. */
  adapterFolder: string | null
  /** Made if absent. */
  folder: string
  /** Number format of the weights; left out: as the model has them. */
  dtype?: FloatDtype
  /** Default 5 GB, as Hugging Face writes. */
  maxShardBytes?: number
}

const DEFAULT_SHARD_BYTES = 5e9
const WIDTHS: Record<FloatDtype, number> = { F32: 4, BF16: 2, F16: 2 }
const TORCH_NAMES: Record<FloatDtype, string> = { F32: 'float32', BF16: 'bfloat16', F16: 'float16' }
/** What a model folder holds besides its weights: tokenizer, generation settings, chat template, and the licence that goes with the weights. */
const COMPANIONS = /^(tokenizer.*|special_tokens_map\.json|added_tokens\.json|vocab\.json|merges\.txt|generation_config\.json|chat_template\.(jinja|json)|(LICENSE|LICENCE|NOTICE|USE_POLICY)(\..*)?)$/i

/** @returns the names of the files written */
export function mergeModel({ modelFolder, adapterFolder, folder, dtype, maxShardBytes = DEFAULT_SHARD_BYTES }: MergeOptions): string[] {
  // A model the engine cannot read is refused before anything is written.
  readLlamaConfig(modelFolder)
  if (!existsSync(join(modelFolder, 'tokenizer.json'))) throw new EngineError('tokenizer_invalid', `${modelFolder} has no tokenizer.json; a model without its tokenizer is of no use`, { folder: modelFolder })
  mkdirSync(folder, { recursive: true })
  if (realpathSync(folder) === realpathSync(modelFolder)) throw new EngineError('input_invalid', `the merged model cannot be written over the model it is made from, ${folder}; name another folder`, { folder })
  const tensors = openMergedWeights(modelFolder, adapterFolder)
  return [...writeShards(folder, tensors, { dtype, maxShardBytes }), ...writeConfig(modelFolder, folder, dtype), ...copyCompanions(modelFolder, folder)]
}

function writeShards(folder: string, tensors: readonly MergedTensor[], { dtype, maxShardBytes }: { dtype: FloatDtype | undefined; maxShardBytes: number }): string[] {
  const shards = planShards(tensors, { dtype, maxShardBytes })
  const nameOf = (index: number): string => (shards.length === 1 ? 'model.safetensors' : `model-${numbered(index + 1)}-of-${numbered(shards.length)}.safetensors`)
  for (const [index, shard] of shards.entries()) {
    writeSafetensors(join(folder, nameOf(index)), new Map(shard.map((tensor) => [tensor.name, toWrite(tensor, dtype)])), { format: 'pt' })
  }
  const names = shards.map((_, index) => nameOf(index))
  if (shards.length === 1) return names
  const index = {
    metadata: { total_size: tensors.reduce((sum, tensor) => sum + bytesOf(tensor, dtype), 0) },
    weight_map: Object.fromEntries(shards.flatMap((shard, index) => shard.map(({ name }) => [name, nameOf(index)]))),
  }
  writeJson(join(folder, 'model.safetensors.index.json'), index)
  return [...names, 'model.safetensors.index.json']
}

/** Tensors in order, a new file whenever the next would not fit; one that is larger than a file has one to itself. */
function planShards(tensors: readonly MergedTensor[], { dtype, maxShardBytes }: { dtype: FloatDtype | undefined; maxShardBytes: number }): MergedTensor[][] {
  const shards: MergedTensor[][] = []
  let room = 0
  for (const tensor of tensors) {
    const size = bytesOf(tensor, dtype)
    const shard = shards.at(-1)
    if (shard === undefined || size > room) {
      shards.push([tensor])
      room = maxShardBytes - size
    } else {
      shard.push(tensor)
      room -= size
    }
  }
  return shards
}

const numbered = (value: number): string => String(value).padStart(5, '0')

function bytesOf({ shape, dtype: stored }: MergedTensor, dtype: FloatDtype | undefined): number {
  return sizeOf(shape) * WIDTHS[dtype ?? stored]
}

/** What nothing changes is copied as it is. */
function toWrite(tensor: MergedTensor, wanted: FloatDtype | undefined): TensorToWrite {
  const { name, shape, dtype: stored } = tensor
  const dtype = wanted ?? stored
  if (dtype === stored && !tensor.isChanged) return { dtype, shape, data: () => tensor.storedBytes() }
  return {
    dtype, shape,
    *data() {
      for (const values of tensor.rows()) yield encode(values, { dtype, name })
    },
  }
}

function encode(values: Float32Array, { dtype, name }: { dtype: FloatDtype; name: string }): ArrayBufferView {
  if (dtype === 'F32') return values
  if (dtype === 'BF16') return float32ToBfloat16(values)
  const halves = float32ToFloat16(values)
  const lost = values.findIndex((value, index) => ((halves[index] ?? 0) & 0x7fff) === 0x7c00 && Number.isFinite(value))
  if (lost >= 0) throw new EngineError('weights_invalid', `"${name}" holds ${values[lost]}, which F16 cannot (its largest is 65504); choose BF16 or F32`, { name })
  return halves
}

function writeConfig(modelFolder: string, folder: string, dtype: FloatDtype | undefined): string[] {
  const fields = JSON.parse(readFileSync(join(modelFolder, 'config.json'), 'utf8')) as Record<string, unknown>
  if (dtype !== undefined) fields['dtype' in fields ? 'dtype' : 'torch_dtype'] = TORCH_NAMES[dtype]
  writeJson(join(folder, 'config.json'), fields)
  return ['config.json']
}

function copyCompanions(modelFolder: string, folder: string): string[] {
  const names = readdirSync(modelFolder).filter((name) => COMPANIONS.test(name) && statSync(join(modelFolder, name)).isFile())
  for (const name of names) copyFileSync(join(modelFolder, name), join(folder, name))
  return names
}

function writeJson(path: string, value: unknown): void {
  writeAtomically(path, [Buffer.from(`${JSON.stringify(value, null, 2)}\n`)])
}
