// The weights of a Hugging Face model folder: model.safetensors, or the shards its index names.

import { existsSync, readdirSync, readFileSync, realpathSync } from 'node:fs'
import { basename, join } from 'node:path'
import { EngineError, shown } from '../engine-error.js'
import { readSafetensorsHeader, type TensorEntry } from './safetensors.js'

export interface WeightEntry extends TensorEntry {
  /** Real path of the file that holds the tensor (symbolic links of a hub cache resolved). */
  file: string
}

const INDEX_NAME = 'model.safetensors.index.json'
/** Other ways weights are published. */
const OTHER_WEIGHTS = /\.(bin|pth|pt|ckpt|gguf|h5|msgpack|npz|nemo)$|^consolidated.*\.safetensors$/

/**
 * Tensor name → dtype, shape, file and byte range, over every file of the folder.
 * Throws `weights_missing` where neither model.safetensors nor the index exists, `weights_invalid` where they lie.
 */
export function openWeights(folder: string): Map<string, WeightEntry> {
  const single = join(folder, 'model.safetensors')
  if (existsSync(single)) return entriesOf(single)
  const index = join(folder, INDEX_NAME)
  if (existsSync(index)) return openShards(folder, index)
  throw new EngineError('weights_missing', `no weights in ${folder}: neither model.safetensors nor ${INDEX_NAME} is there; ${mendOf(folder)}`, { folder })
}

function mendOf(folder: string): string {
  const other = existsSync(folder) ? readdirSync(folder).find((name) => OTHER_WEIGHTS.test(name)) : undefined
  if (other === undefined) return 'put a model in Hugging Face layout in this folder'
  return `it holds ${other}, but only safetensors are read; load the model with Transformers and save it again with save_pretrained(folder, safe_serialization=True), or fetch the safetensors of the same model`
}

function openShards(folder: string, indexPath: string): Map<string, WeightEntry> {
  const weightMap = readWeightMap(indexPath)
  const entries = new Map<string, WeightEntry>()
  for (const shard of new Set(weightMap.values())) {
    // A shard name with a folder in it could point anywhere on the machine.
    if (shard !== basename(shard)) throw indexInvalid(indexPath, `shard "${shard}" is not a plain file name`)
    for (const [name, entry] of entriesOf(join(folder, shard))) {
      if (weightMap.get(name) !== shard) {
        throw indexInvalid(indexPath, `shard ${shard} holds tensor "${name}", which the index ${weightMap.has(name) ? `places in ${weightMap.get(name)}` : 'does not name'}`)
      }
      entries.set(name, entry)
    }
  }
  for (const [name, shard] of weightMap) {
    if (!entries.has(name)) throw indexInvalid(indexPath, `tensor "${name}" is not in ${shard}`)
  }
  return entries
}

function readWeightMap(indexPath: string): Map<string, string> {
  let parsed: unknown
  try {
    parsed = JSON.parse(readFileSync(indexPath, 'utf8'))
  } catch (cause) {
    throw indexInvalid(indexPath, `not JSON (${cause instanceof Error ? cause.message : String(cause)})`)
  }
  const weightMap = typeof parsed === 'object' && parsed !== null && 'weight_map' in parsed ? parsed.weight_map : undefined
  if (typeof weightMap !== 'object' || weightMap === null) throw indexInvalid(indexPath, 'weight_map must be an object of tensor name → file name')
  const map = new Map<string, string>()
  for (const [name, shard] of Object.entries(weightMap)) {
    if (typeof shard !== 'string') throw indexInvalid(indexPath, `weight_map["${name}"] is ${shown(shard)}; it must be a file name`)
    map.set(name, shard)
  }
  if (map.size === 0) throw indexInvalid(indexPath, 'weight_map is empty')
  return map
}

function entriesOf(path: string): Map<string, WeightEntry> {
  if (!existsSync(path)) throw new EngineError('weights_missing', `weights file ${path} is not there`, { path })
  // Errors name the path in the model's folder, which may be a link; ONNX Runtime maps only what lies where it is opened.
  const header = readSafetensorsHeader(path)
  const file = realpathSync(path)
  return new Map([...header].map(([name, entry]) => [name, { ...entry, file }]))
}

function indexInvalid(indexPath: string, problem: string): EngineError {
  return new EngineError('weights_invalid', `${indexPath}: ${problem}`, { path: indexPath })
}
