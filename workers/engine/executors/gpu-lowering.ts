/**
 * Rewrites a graph into one that a GPU computes whole. Three things stand in its way:
 * - kernels read no 16-bit weights: they are widened before anything else, which is done once;
 * - kernels read 64-bit indices but none reshapes them: such an index is fed a second time, in the other shape;
 * - a buffer holds one or two GiB, and the embedding of a large vocabulary is bigger: it is cut by rows of the
 *   vocabulary. Rows looked up in it are read on the host from the weights' file, products go piece by piece.
 */
import { EngineError } from '../engine-error.js'
import { readTensorF32, type SafetensorsDtype } from '../formats/safetensors.js'
import { Graph } from '../graph.js'
import type { OperatorName } from '../ops/attributes.js'
import { concat, reshape, slice } from '../ops/layout.js'
import { binary } from '../ops/elementwise.js'
import { at } from '../ops/operator.js'
import { gemm } from '../ops/products.js'
import { graphError, sizeOf, type DType, type ExternalLocation, type Node, type Shape, type Value } from '../tensor.js'
import type { Data } from './executor.js'

/** Half of the smallest limit among usual adapters. */
export const WEIGHT_PIECE_BYTES = 2 ** 29

export interface LoweredGraph {
  graph: Graph
  /** Feeds of the original graph, with what the lowered one wants beside them. */
  prepare(feeds: ReadonlyMap<string, Data>): ReadonlyMap<string, Data>
}

export function lowerForGpu(graph: Graph, { pieceBytes = WEIGHT_PIECE_BYTES } = {}): LoweredGraph {
  return new Lowering(graph, pieceBytes).finish()
}

interface Table {
  location: ExternalLocation
  shape: Shape
  dtype: DType
  name: string
}

class Lowering {
  readonly #from: Graph
  readonly #pieceBytes: number
  readonly #to = new Graph()
  readonly #values = new Map<Value, Value>()
  readonly #extras = new Map<string, (feeds: ReadonlyMap<string, Data>) => Data>()
  readonly #pieces = new Map<string, Value[]>()

  constructor(from: Graph, pieceBytes: number) {
    this.#from = from
    this.#pieceBytes = pieceBytes
  }

  finish(): LoweredGraph {
    for (const node of this.#from.liveNodes()) this.#node(node)
    for (const [name, value] of this.#from.outputs) this.#to.output(name, this.#map(value))
    const extras = [...this.#extras]
    return { graph: this.#to, prepare: (feeds) => new Map([...feeds, ...extras.map(([name, make]): [string, Data] => [name, make(feeds)])]) }
  }

  #node<K extends OperatorName>(node: Node<K>): void {
    const { operator, inputs, output, attributes } = node
    if (operator === 'Cast' && this.#tableOf(output) !== null) return
    const special = this.#lookup(node) ?? this.#product(node) ?? this.#reshaped(node) ?? this.#scattered(node) ?? this.#widened(node)
    this.#values.set(output, special ?? this.#to.apply(operator, inputs.map((input) => this.#map(input)), attributes))
  }

  /** The same value in the new graph; inputs, constants and weights come in when first used. */
  #map(value: Value): Value {
    const known = this.#values.get(value)
    if (known !== undefined) return known
    if (this.#tableOf(value) !== null) throw new EngineError('device_limit', `"${value.name}" [${value.shape.join(', ')}] is larger than one buffer of a GPU and is used in a way that cannot be cut; use device "cpu"`, { name: value.name })
    const made = this.#declare(value)
    this.#values.set(value, made)
    return made
  }

  #declare({ name, shape, dtype, source }: Value): Value {
    if (source.kind === 'input') return this.#to.input(name, shape, dtype)
    if (source.kind === 'constant') return this.#to.constant(source.data, shape)
    if (source.kind === 'external') return widen(this.#to, this.#to.external(name, { shape, dtype, location: source.location }))
    throw graphError(`"${name}" is read before it is made`)
  }

  /** A frozen matrix, or one that is only widened, that one buffer cannot hold. */
  #tableOf(value: Value): Table | null {
    const { source } = value
    if (source.kind === 'node' && source.node.operator === 'Cast') return this.#tableOf(at(source.node.inputs, 0))
    if (source.kind !== 'external' || value.shape.length !== 2 || sizeOf(value.shape) * 4 <= this.#pieceBytes) return null
    return { name: value.name, shape: value.shape, dtype: value.dtype, location: source.location }
  }

  /** Rows of a table that is too large: read on the host. */
  #lookup({ operator, inputs, output }: Node): Value | null {
    const table = operator === 'Gather' ? this.#tableOf(at(inputs, 0)) : null
    if (table === null) return null
    const index = fedIndex(at(inputs, 1))
    if (index === null) throw graphError(`rows of "${table.name}" are looked up by an index that is computed; only fed ones can be read on the host`)
    return this.#extra(`rows ${this.#extras.size} of ${table.name}`, { shape: output.shape, dtype: 'f32' }, (feeds) => readRows(table, feeds.get(index.name)))
  }

  /** x·Wᵀ gives columns piece by piece, x·W sums over the pieces. */
  #product(node: Node): Value | null {
    const table = node.operator === 'Gemm' ? this.#tableOf(at(node.inputs, 1)) : null
    if (table === null) return null
    const { transA, transB } = (node as Node<'Gemm'>).attributes
    const x = this.#map(at(node.inputs, 0))
    const pieces = this.#piecesOf(table)
    if (transB) return concat(this.#to, pieces.map((piece) => gemm(this.#to, x, piece, { transA, transB })), 1)
    let start = 0
    return pieces.map((piece) => {
      const end = start + at(piece.shape, 0)
      const part = slice(this.#to, x, { axis: transA ? 0 : 1, start, end })
      start = end
      return gemm(this.#to, part, piece, { transA })
    }).reduce((sum, part) => binary(this.#to, 'Add', sum, part))
  }

  #piecesOf({ name, shape, dtype, location }: Table): Value[] {
    const known = this.#pieces.get(name)
    if (known !== undefined) return known
    const [rows, width] = [at(shape, 0), at(shape, 1)]
    const rowsPerPiece = Math.floor(this.#pieceBytes / (4 * width))
    if (rowsPerPiece === 0) throw new EngineError('device_limit', `one row of "${name}" is larger than a buffer of a GPU`, { name })
    const rowBytes = location.length / rows
    const pieces = Array.from({ length: Math.ceil(rows / rowsPerPiece) }, (_, index) => {
      const start = index * rowsPerPiece
      const count = Math.min(rowsPerPiece, rows - start)
      const part = { file: location.file, offset: location.offset + start * rowBytes, length: count * rowBytes }
      return widen(this.#to, this.#to.external(`${name} from row ${start}`, { shape: [count, width], dtype, location: part }))
    })
    this.#pieces.set(name, pieces)
    return pieces
  }

  /** A Cast of what is f32 already. */
  #widened({ operator, inputs, output }: Node): Value | null {
    const input = operator === 'Cast' ? this.#map(at(inputs, 0)) : null
    return input?.dtype === output.dtype ? input : null
  }

  #reshaped({ operator, inputs, output }: Node): Value | null {
    const index = operator === 'Reshape' ? fedIndex(at(inputs, 0)) : null
    return index === null ? null : this.#fedAgain(index, output.shape)
  }

  /** Its indices as a column, which is what ScatterND reads. */
  #scattered(node: Node): Value | null {
    if (node.operator !== 'ScatterAdd') return null
    const [updates, indices] = [at(node.inputs, 0), at(node.inputs, 1)]
    const column = [at(updates.shape, 0), 1]
    const index = fedIndex(indices)
    const fed = index === null ? reshape(this.#to, this.#map(indices), column) : this.#fedAgain(index, column)
    return this.#to.apply('ScatterAdd', [this.#map(updates), fed], (node as Node<'ScatterAdd'>).attributes)
  }

  #fedAgain(index: Value, shape: Shape): Value {
    return this.#extra(`${index.name} as ${shape.join('×')}`, { shape, dtype: 'i64' }, (feeds) => feeds.get(index.name) ?? new BigInt64Array())
  }

  #extra(name: string, { shape, dtype }: Pick<Value, 'shape' | 'dtype'>, make: (feeds: ReadonlyMap<string, Data>) => Data): Value {
    const known = this.#to.inputs.find((input) => input.name === name)
    if (known !== undefined) return known
    this.#extras.set(name, make)
    return this.#to.input(name, shape, dtype)
  }
}

function widen(graph: Graph, weight: Value): Value {
  return weight.dtype === 'f16' || weight.dtype === 'bf16' ? graph.apply('Cast', [weight], { to: 'f32' }) : weight
}

/** The graph input that a 64-bit index is, perhaps in another shape. */
function fedIndex(value: Value): Value | null {
  if (value.dtype !== 'i64') return null
  if (value.source.kind === 'input') return value
  return value.source.kind === 'node' && value.source.node.operator === 'Reshape' ? fedIndex(at(value.source.node.inputs, 0)) : null
}

/** [count, width] in f32; each row is read once. */
function readRows({ name, location: { file, offset, length }, shape, dtype }: Table, indices: Data | undefined): Float32Array {
  const [rows, width] = [at(shape, 0), at(shape, 1)]
  const stored = storedTypes[dtype]
  if (stored === undefined || indices === undefined) throw graphError(`rows of "${name}" cannot be read on the host`)
  const known = new Map<number, Float32Array>()
  const result = new Float32Array(indices.length * width)
  for (const [place, index] of [...indices].entries()) {
    const row = Number(index)
    const begin = offset + row * (length / rows)
    const numbers = known.get(row) ?? readTensorF32(file, { dtype: stored, shape: [1, width], begin, end: begin + length / rows })
    known.set(row, numbers)
    result.set(numbers, place * width)
  }
  return result
}

const storedTypes: Partial<Record<DType, SafetensorsDtype>> = { f32: 'F32', f16: 'F16', bf16: 'BF16' }
