/**
 * Model folders of any size with random weights that another language can draw again: every value is a hash of its
 * tensor's name and its place, so golden files need not hold weights. Written piece by piece: a folder shaped like
 * Llama 3.2 1B needs no more memory than a tiny one. tests/golden/llama/random_weights.py draws the same numbers.
 */
import { copyFileSync, mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import type { LlamaConfig } from '../../workers/engine/engine.js'
import { float32ToBfloat16, float32ToFloat16 } from '../../workers/engine/formats/half-floats.js'
import { writeSafetensors, type TensorToWrite } from '../../workers/engine/formats/safetensors.js'
import { writeLlamaConfig } from '../../workers/engine/models/llama-config.js'
import { llamaWeightShapes } from '../../workers/engine/models/llama.js'
import { sizeOf, type Shape } from '../../workers/engine/tensor.js'

export type StoredDtype = 'F32' | 'BF16' | 'F16'

export interface RandomLlamaOptions {
  folder: string
  config: LlamaConfig
  dtype: StoredDtype
  seed: number
  /** Weight files; more than one come with an index. Default 1. */
  shards?: number
  /** config.json, where it is to say the same as `config` in other words. */
  configJson?: Record<string, unknown>
}

/** config.json of meta-llama/Llama-3.2-1B. */
export const llama32Of1B: LlamaConfig = {
  hiddenSize: 2048, intermediateSize: 8192, layers: 16, heads: 32, kvHeads: 8, headDim: 64, vocabSize: 128256, maxPositions: 131072,
  ropeTheta: 500000, ropeScaling: { factor: 32, lowFreqFactor: 1, highFreqFactor: 4, originalMaxPositions: 8192 },
  rmsNormEps: 1e-5, tieEmbeddings: true, qkvBias: false,
}

const PIECE_ELEMENTS = 2 ** 20
const torchDtypes: Record<StoredDtype, string> = { F32: 'float32', BF16: 'bfloat16', F16: 'float16' }
/** From the repository's folder, where npm runs tests and benches. Its vocabulary is far smaller than that of the large
 * shapes; any model may have rows that no token uses. */
const tokenizerFolder = join(process.cwd(), 'models/nano-pt-en')

/** Writes config.json, weights and a tokenizer: that of models/nano-pt-en, or one token per character where the vocabulary is too small for it. */
export function writeRandomLlama({ folder, config, dtype, seed, shards = 1, configJson }: RandomLlamaOptions): void {
  mkdirSync(folder, { recursive: true })
  writeFileSync(join(folder, 'config.json'), JSON.stringify(configJson ?? { ...writeLlamaConfig(config), torch_dtype: torchDtypes[dtype] }, null, 2))
  const names = [...llamaWeightShapes(config)]
  const perShard = Math.ceil(names.length / shards)
  const weightMap: Record<string, string> = {}
  for (let shard = 0; shard < shards; shard++) {
    const file = shards === 1 ? 'model.safetensors' : `model-${String(shard + 1).padStart(5, '0')}-of-${String(shards).padStart(5, '0')}.safetensors`
    const tensors = new Map<string, TensorToWrite>()
    for (const [name, shape] of names.slice(shard * perShard, (shard + 1) * perShard)) {
      tensors.set(name, { dtype, shape, data: () => pieces(name, shape, { dtype, seed }) })
      weightMap[name] = file
    }
    writeSafetensors(join(folder, file), tensors, { format: 'pt' })
  }
  if (shards > 1) writeFileSync(join(folder, 'model.safetensors.index.json'), JSON.stringify({ metadata: {}, weight_map: weightMap }))
  if (config.vocabSize < 4096) return writeFileSync(join(folder, 'tokenizer.json'), JSON.stringify(characterTokenizer(config.vocabSize)))
  for (const name of ['tokenizer.json', 'tokenizer_config.json', 'special_tokens_map.json', 'generation_config.json']) copyFileSync(join(tokenizerFolder, name), join(folder, name))
}

/** Token i is the i-th character from "!" on. */
function characterTokenizer(vocabSize: number): unknown {
  const vocab = Object.fromEntries(Array.from({ length: vocabSize }, (_, id) => [String.fromCharCode(33 + id), id]))
  return { added_tokens: [], normalizer: null, pre_tokenizer: null, post_processor: null, decoder: { type: 'Fuse' }, model: { type: 'BPE', vocab, merges: [], unk_token: '!' } }
}

function* pieces(name: string, shape: Shape, { dtype, seed }: { dtype: StoredDtype; seed: number }): Iterable<ArrayBufferView> {
  const size = sizeOf(shape)
  for (let start = 0; start < size; start += PIECE_ELEMENTS) {
    const values = randomWeights(name, shape, { seed, start, end: Math.min(start + PIECE_ELEMENTS, size) })
    yield dtype === 'F32' ? values : dtype === 'BF16' ? float32ToBfloat16(values) : float32ToFloat16(values)
  }
}

/** Elements start … end−1 of a tensor: matrices uniform with variance 1/columns, norm weights around 1, biases around 0. */
export function randomWeights(name: string, shape: Shape, { seed, start, end }: { seed: number; start: number; end: number }): Float32Array {
  const isMatrix = shape.length === 2
  const width = isMatrix ? 2 * Math.sqrt(3 / (shape[1] ?? 1)) : 0.5
  const middle = isMatrix || name.endsWith('.bias') ? 0 : 1
  const key = streamKey(name, seed)
  const values = new Float32Array(end - start)
  for (let index = start; index < end; index++) values[index - start] = middle + width * (hash(index, key) / 2 ** 24 - 0.5)
  return values
}

/** FNV-1a over the seed's four bytes and the name. */
function streamKey(name: string, seed: number): number {
  let key = 0x811c9dc5
  for (const byte of [...Buffer.from(Uint32Array.of(seed).buffer), ...Buffer.from(name)]) key = Math.imul(key ^ byte, 0x01000193)
  return key >>> 0
}

/** 24 uniform bits: two rounds of multiply and xor-shift (the finalizer of MurmurHash3) over key + index. */
function hash(index: number, key: number): number {
  let bits = (Math.imul(index, 0x9e3779b1) + key) | 0
  bits = Math.imul(bits ^ (bits >>> 16), 0x85ebca6b)
  bits = Math.imul(bits ^ (bits >>> 13), 0xc2b2ae35)
  return (bits ^ (bits >>> 16)) >>> 8
}
