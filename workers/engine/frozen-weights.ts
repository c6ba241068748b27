/** Weights that are not trained, as they lie in files: plain numbers, or the codes and scales of a quantised matrix. */
import type { LlamaConfig } from './engine.js'
import { readTensorBytes, readTensorF32, type SafetensorsDtype } from './formats/safetensors.js'
import type { WeightEntry } from './formats/weights.js'
import type { Graph } from './graph.js'
import { openLlamaWeights } from './models/llama-weights.js'
import { concat } from './ops/layout.js'
import { gemm } from './ops/products.js'
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

/** Bytes of the matrices that kernels can read as they are stored, and so be repacked. */
export function plainBytes(weights: ReadonlyMap<string, FrozenWeight>): number {
  return [...weights.values()].reduce((sum, weight) => sum + (isQuantized(weight) || weight.dtype !== 'F32' ? 0 : weight.end - weight.begin), 0)
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

/** x·Wᵀ over the codes of a weight in one of these formats; null for others, and where its codes are not such that a product reads them. */
export function codedProduct(graph: Graph, x: Value, { name, weight, formats }: { name: string; weight: FrozenWeight | undefined; formats: ReadonlySet<Quantization> }): Value | null {
  if (weight === undefined || !isQuantized(weight) || !formats.has(weight.quantization)) return null
  if (weight.quantization === 'nf4') {
    const [codes, ...factors] = codesOf(graph, `${name} as stored`, weight)
    return codes === undefined ? null : graph.apply('Nf4Product', [codes, x, ...factors], {})
  }
  const { rows, scales } = weight
  if (rows === undefined) return null
  const codes = graph.external(`${name}.rows`, { shape: rows.shape, dtype: 'u8', location: locationOf(rows) })
  return graph.apply('CodedProduct', [codes, x, graph.external(`${name}.row scales`, { shape: scales.shape, dtype: 'f32', location: locationOf(scales) })], {})
}

/** Matrices of 16 bits that take no more than this in f32 are widened whole. */
const WHOLE_LIMIT_BYTES = 128 * 2 ** 20
/** Rows that are widened at once take no more than this in f32: they are multiplied while they are still in the caches. */
const PIECE_BYTES = 16 * 2 ** 20

/**
 * x·Wᵀ over a large matrix of 16 bits, some of its rows after the others: what is widened never takes more than a
 * piece. Undefined where W is not such a matrix.
 */
export function pieceProduct(graph: Graph, { name, weight, wholeLimitBytes = WHOLE_LIMIT_BYTES, pieceBytes = PIECE_BYTES }: PieceOptions): ((x: Value) => Value) | undefined {
  if (weight === undefined || isQuantized(weight) || weight.dtype === 'F32' || 4 * sizeOf(weight.shape) <= wholeLimitBytes) return undefined
  const { shape: [rows = 0, width = 0], begin, end, ...plain } = weight
  const [rowBytes, count] = [(end - begin) / rows, Math.max(1, Math.floor(pieceBytes / (4 * width)))]
  const pieces = Array.from({ length: Math.ceil(rows / count) }, (_, index) => {
    const [first, last] = [index * count, Math.min(rows, (index + 1) * count)]
    return declareFrozen(graph, `${name} from row ${first}`, { ...plain, shape: [last - first, width], begin: begin + first * rowBytes, end: begin + last * rowBytes })
  })
  return (x) => concat(graph, pieces.map((piece) => gemm(graph, x, piece(), { transB: true })), 1)
}

interface PieceOptions {
  name: string
  weight: FrozenWeight | undefined
  wholeLimitBytes?: number | undefined
  pieceBytes?: number | undefined
}

function declareQuantized(graph: Graph, name: string, weight: QuantizedWeight): () => Value {
  const { quantization, shape } = weight
  const inputs = codesOf(graph, name, weight)
  return () => graph.apply('Dequantize', inputs, { quantization, shape })
}

/** Codes and scales, and for NF4 the table of what codes stand for. */
function codesOf(graph: Graph, name: string, { quantization, shape, codes, scales }: QuantizedWeight): Value[] {
  const blocks = sizeOf(shape) / BLOCK_SIZES[quantization]
  const dtype: DType = quantization === 'int8' ? 'i8' : quantization === 'int4' ? 'i4' : 'u8'
  const row = quantization === 'nf4' ? BLOCK_SIZES.nf4 / 2 : BLOCK_SIZES[quantization]
  return [
    graph.external(`${name}.codes`, { shape: [blocks, row], dtype, location: locationOf(codes) }),
    graph.external(`${name}.scales`, { shape: [blocks], dtype: 'f32', location: locationOf(scales) }),
    ...(quantization === 'nf4' ? [graph.constant(nf4Pairs(), [256, 2])] : []),
  ]
}

function locationOf({ file, begin, end }: WeightEntry): { file: string; offset: number; length: number } {
  return { file, offset: begin, length: end - begin }
}
