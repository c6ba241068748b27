/** Small inputs for each operator, for whoever checks operators: by finite differences, or one executor by another. */
import type { Data } from '../executors/executor.js'
import { Graph } from '../graph.js'
import { Random } from '../random.js'
import { nf4Pairs } from '../quantization.js'
import { sizeOf, type Shape, type Value } from '../tensor.js'
import type { OperatorAttributes, OperatorName } from './attributes.js'
import { binary } from './elementwise.js'

export interface OperatorCase<K extends OperatorName> {
  /** Shapes of the float inputs; a list of whole numbers after them is an index input. */
  shapes: Shape[]
  indices?: number[]
  /** Shape of a u8 input before the float inputs, of any bytes. */
  bytes?: Shape
  /** The last so many of the float inputs have no gradient. Default 0. */
  frozen?: number
  /** A table behind them that is always the same. */
  table?: { data: Float32Array; shape: Shape }
  attributes: OperatorAttributes[K]
  /** Inputs are drawn from here, away from where the function is undefined or bends. */
  range?: [number, number]
}

const none = {}

/** At least one case per operator: a new operator without one does not compile. */
export const operatorCases: { [K in OperatorName]: [OperatorCase<K>, ...OperatorCase<K>[]] } = {
  Add: [{ shapes: [[2, 3], [2, 3]], attributes: none }, { shapes: [[2, 3, 4], [3, 1]], attributes: none }, { shapes: [[], [4]], attributes: none }],
  Sub: [{ shapes: [[2, 3], [1, 3]], attributes: none }, { shapes: [[1], [2, 2]], attributes: none }],
  Mul: [{ shapes: [[2, 3], [2, 3]], attributes: none }, { shapes: [[2, 3, 4], [3, 1]], attributes: none }, { shapes: [[], [4]], attributes: none }],
  Div: [{ shapes: [[2, 3], [2, 3]], attributes: none, range: [0.5, 1.5] }, { shapes: [[2, 3], [2, 1]], attributes: none, range: [0.5, 1.5] }, { shapes: [[], [3]], attributes: none, range: [0.5, 1.5] }],
  Neg: [{ shapes: [[3]], attributes: none }],
  Exp: [{ shapes: [[2, 3]], attributes: none }],
  Log: [{ shapes: [[2, 3]], attributes: none, range: [0.5, 1.5] }],
  Sqrt: [{ shapes: [[2, 3]], attributes: none, range: [0.5, 1.5] }],
  Sigmoid: [{ shapes: [[2, 3]], attributes: none, range: [-3, 3] }],
  Silu: [{ shapes: [[2, 3]], attributes: none, range: [-3, 3] }],
  Detach: [{ shapes: [[2]], attributes: none }],
  Cast: [{ shapes: [[2]], attributes: { to: 'f32' } }],
  Gemm: [[false, false], [false, true], [true, false], [true, true]].map(([transA = false, transB = false]): OperatorCase<'Gemm'> => ({
    shapes: [transA ? [3, 2] : [2, 3], transB ? [4, 3] : [3, 4]], attributes: { transA, transB },
  })) as [OperatorCase<'Gemm'>, ...OperatorCase<'Gemm'>[]],
  MatMul: [[false, false], [false, true], [true, false], [true, true]].map(([transA = false, transB = false]): OperatorCase<'MatMul'> => ({
    shapes: [transA ? [2, 2, 3, 2] : [2, 2, 2, 3], transB ? [2, 2, 4, 3] : [2, 2, 3, 4]], attributes: { transA, transB },
  })) as [OperatorCase<'MatMul'>, ...OperatorCase<'MatMul'>[]],
  Reshape: [{ shapes: [[2, 6]], attributes: { shape: [3, 4] } }],
  Transpose: [{ shapes: [[2, 3, 4]], attributes: { perm: [2, 0, 1] } }],
  Expand: [{ shapes: [[2, 1]], attributes: { shape: [3, 2, 4] } }],
  Slice: [{ shapes: [[2, 5]], attributes: { axis: 1, start: 1, end: 3 } }, { shapes: [[4, 2]], attributes: { axis: 0, start: 0, end: 4 } }],
  Concat: [{ shapes: [[2, 1], [2, 3], [2, 2]], attributes: { axis: 1 } }],
  RotateHalf: [{ shapes: [[2, 3, 4]], attributes: none }],
  ReduceSum: [{ shapes: [[2, 3, 4]], attributes: { axes: [1] } }, { shapes: [[2, 3]], attributes: { axes: [0, 1] } }],
  ReduceMax: [{ shapes: [[2, 3]], attributes: { axes: [1] } }],
  Softmax: [{ shapes: [[2, 2, 5]], attributes: none, range: [-2, 2] }],
  ArgMax: [{ shapes: [[2, 3]], attributes: none }],
  Gather: [{ shapes: [[4, 3]], indices: [1, 3, 1, 0, 1], attributes: none }],
  ScatterAdd: [{ shapes: [[5, 3]], indices: [1, 3, 1, 0, 1], attributes: { rows: 4 } }],
  // The codes of the other formats cannot be fed; they are tested where weights lie in files.
  Dequantize: [{ bytes: [2, 32], shapes: [[2], [256, 2]], attributes: { quantization: 'nf4', shape: [4, 32] } }],
  CodedProduct: [{ bytes: [3, 2, 16], shapes: [[2, 64], [6]], attributes: none }],
  // Rows of 96 weights begin in the middle of a block.
  Nf4Product: [{ bytes: [3, 32], shapes: [[2, 96], [3]], frozen: 1, table: { data: nf4Pairs(), shape: [256, 2] }, attributes: none }],
  RmsNorm: [{ shapes: [[3, 5], [5]], attributes: { epsilon: 1e-3 } }],
  Rotary: [{ shapes: [[3, 16], [3, 4], [3, 4]], attributes: none }],
  CachedAttention: [
    { shapes: [[2, 24], [2, 8], [2, 8], [2, 2, 5, 4], [2, 2, 5, 4], [2, 1, 1, 5]], attributes: none },
    { shapes: [[1, 6], [1, 6], [1, 6], [1, 2, 3, 3], [1, 2, 3, 3], [1, 1, 1, 3]], attributes: none },
  ],
}

export interface PreparedCase {
  graph: Graph
  /** Those that have a gradient. */
  inputs: Value[]
  output: Value
  feeds: Map<string, Data>
}

/** In a graph of its own, or in a larger one where `prefix` keeps the names of its inputs apart. */
export function prepareCase<K extends OperatorName>(name: K, { shapes, indices, bytes, frozen = 0, table, attributes, range: [low, high] = [-1, 1] }: OperatorCase<K>, { graph = new Graph(), prefix = '' } = {}): PreparedCase {
  const random = new Random(1, shapes.length)
  const feeds = new Map<string, Data>()
  const inputs = shapes.map((shape, index) => {
    feeds.set(`${prefix}x${index}`, Float32Array.from({ length: sizeOf(shape) }, () => low + (high - low) * random.uniform()))
    return graph.input(`${prefix}x${index}`, shape)
  })
  const extra = [...(indices ? [graph.constant(BigInt64Array.from(indices, BigInt), [indices.length])] : []), ...(table ? [graph.constant(table.data, table.shape)] : [])]
  const first = bytes ? [graph.input(`${prefix}bytes`, bytes, 'u8')] : []
  if (bytes) feeds.set(`${prefix}bytes`, Uint8Array.from({ length: sizeOf(bytes) }, () => random.uint32()))
  return { graph, inputs: inputs.slice(0, inputs.length - frozen), output: graph.apply(name, [...first, ...inputs, ...extra], attributes), feeds }
}

/** Σ w ⊙ output with fixed random w, so that no element's gradient can hide behind another's. */
export function weightedSum(graph: Graph, output: Value): Value {
  const random = new Random(2)
  const weights = graph.constant(Float32Array.from({ length: sizeOf(output.shape) }, () => 0.5 + random.uniform()), output.shape)
  const product = binary(graph, 'Mul', output, weights)
  return product.shape.length === 0 ? product : graph.apply('ReduceSum', [product], { axes: product.shape.map((_, axis) => axis) })
}
