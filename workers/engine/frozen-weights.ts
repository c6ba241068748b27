/** Weights that are not trained, as they lie in files: plain numbers, or the codes and scales of a quantised matrix. */
import type { LlamaConfig } from './engine.js'
import { readTensorBytes, readTensorF32, type SafetensorsDtype } from './formats/safetensors.js'
import type { WeightEntry } from './formats/weights.js'
import type { Graph } from './graph.js'
import { openLlamaWeights } from './models/llama-weights.js'
import { BLOCK_SIZES, dequantize, nf4Pairs, type Quantization } from './quantization.js'
import { graphError, sizeOf, type DType, type Shape, type Value } from './tensor.js'
import { cachedWeights, type BaseWeights } from './weight-cache.js'

export interface QuantizedWeight {
  quantization: Quantization
  shape: Shape
  codes: WeightEntry
  scales: WeightEntry
  /** int4 only, where rows are whole blocks: codes 0 … 15 as [out, blocks of a row, bytes of a block], which a product with few rows computes on as they are. */
  rows?: WeightEntry
}

export type FrozenWeight = WeightEntry | QuantizedWeight

/** Every weight of the model by Hugging Face name: where the folder has them or, in another number format, from the cache. */
export function openFrozenWeights(folder: string, config: LlamaConfig, base?: BaseWeights): Map<string, FrozenWeight> {
  const stored = openLlamaWeights(folder, config)
  return base === undefined ? stored : cachedWeights(folder, stored, base)
}

export function isQuantized(weight: FrozenWeight): weight is QuantizedWeight {
  return 'quantization' in weight
}

function entriesOf(weight: FrozenWeight): WeightEntry[] {
  return isQuantized(weight) ? [weight.codes, weight.scales] : [weight]
}

/** The entries of all weights, each under the name of its weight. */
export function* namedEntries(weights: ReadonlyMap<string, FrozenWeight>): Iterable<[string, WeightEntry]> {
  for (const [name, weight] of weights) for (const entry of entriesOf(weight)) yield [name, entry]
}

export function storedBytes(weights: ReadonlyMap<string, FrozenWeight>): number {
  let sum = 0
  for (const [, { begin, end }] of namedEntries(weights)) sum += end - begin
  return sum
}

/** All its values in float32. */
export function readFrozen(weight: FrozenWeight): Float32Array {
  if (!isQuantized(weight)) return readTensorF32(weight.file, weight)
  const { quantization, codes, scales } = weight
  return dequantize(readTensorBytes(codes.file, codes), readTensorF32(scales.file, scales), quantization)
}

const graphTypes: Partial<Record<SafetensorsDtype, DType>> = { F32: 'f32', F16: 'f16', BF16: 'bf16' }

/** Declares a stored weight; the function it gives widens it to f32 anew at each use, so that the wide form lives no longer than that. */
export function declareFrozen(graph: Graph, name: string, weight: FrozenWeight): () => Value {
  if (isQuantized(weight)) return declareQuantized(graph, name, weight)
  const dtype = graphTypes[weight.dtype]
  if (dtype === undefined) throw graphError(`"${name}" is stored as ${weight.dtype}; the engine reads F32, F16 and BF16`)
  const value = graph.external(name, { shape: weight.shape, dtype, location: locationOf(weight) })
  return () => (dtype === 'f32' ? value : graph.apply('Cast', [value], { to: 'f32' }))
}

/** x·Wᵀ over the codes of a weight, never widened; null where it has none that a product reads. */
export function codedProduct(graph: Graph, x: Value, { name, weight }: { name: string; weight: FrozenWeight | undefined }): Value | null {
  if (weight === undefined || !isQuantized(weight) || weight.rows === undefined) return null
  const { rows, scales } = weight
  const codes = graph.external(`${name}.rows`, { shape: rows.shape, dtype: 'u8', location: locationOf(rows) })
  return graph.apply('CodedProduct', [codes, x, graph.external(`${name}.scales`, { shape: scales.shape, dtype: 'f32', location: locationOf(scales) })], {})
}

function declareQuantized(graph: Graph, name: string, { quantization, shape, codes, scales }: QuantizedWeight): () => Value {
  const blocks = sizeOf(shape) / BLOCK_SIZES[quantization]
  const dtype: DType = quantization === 'int8' ? 'i8' : quantization === 'int4' ? 'i4' : 'u8'
  const row = quantization === 'nf4' ? BLOCK_SIZES.nf4 / 2 : BLOCK_SIZES[quantization]
  const inputs = [
    graph.external(`${name}.codes`, { shape: [blocks, row], dtype, location: locationOf(codes) }),
    graph.external(`${name}.scales`, { shape: [blocks], dtype: 'f32', location: locationOf(scales) }),
    ...(quantization === 'nf4' ? [graph.constant(nf4Pairs(), [256, 2])] : []),
  ]
  return () => graph.apply('Dequantize', inputs, { quantization, shape })
}

function locationOf({ file, begin, end }: WeightEntry): { file: string; offset: number; length: number } {
  return { file, offset: begin, length: end - begin }
}
