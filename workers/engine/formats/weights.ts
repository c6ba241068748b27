// The weights of a Hugging Face model folder: model.safetensors, or the shards its index names.

import { existsSync, readFileSync, realpathSync } from 'node:fs'
import { basename, join } from 'node:path'
import { EngineError } from '../engine-error.js'
import { readSafetensorsHeader, type TensorEntry } from './safetensors.js'

export interface WeightEntry extends TensorEntry {
  /** Real path of the file that holds the tensor (symbolic links of a hub cache resolved). */
  file: string
}

const INDEX_NAME = 'model.safetensors.index.json'

/**
 * Tensor name → dtype, shape, file and byte range, over every file of the folder.
 * Throws `weights_missing` where neither model.safetensors nor the index exists, `weights_invalid` where they lie.
 */
export function openWeights(folder: string): Map<string, WeightEntry> {
  const single = join(folder, 'model.safetensors')
  if (existsSync(single)) return entriesOf(single)
  const index = join(folder, INDEX_NAME)
  if (existsSync(index)) return openShards(folder, index)
  throw new EngineError('weights_missing', `no weights in ${folder}: neither model.safetensors nor ${INDEX_NAME} is there; put a model in Hugging Face layout in this folder`, { folder })
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
    if (typeof shard !== 'string') throw indexInvalid(indexPath, `weight_map["${name}"] is ${JSON.stringify(shard)}; it must be a file name`)
    map.set(name, shard)
  }
  if (map.size === 0) throw indexInvalid(indexPath, 'weight_map is empty')
  return map
}

function entriesOf(path: string): Map<string, WeightEntry> {
  if (!existsSync(path)) throw new EngineError('weights_missing', `weights file ${path} is not there`, { path })
  const file = realpathSync(path)
  const header = readSafetensorsHeader(file)
  return new Map([...header].map(([name, entry]) => [name, { ...entry, file }]))
}

function indexInvalid(indexPath: string, problem: string): EngineError {
  return new EngineError('weights_invalid', `${indexPath}: ${problem}`, { path: indexPath })
}
