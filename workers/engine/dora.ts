/**
 * DoRA (Liu et al. 2024, arXiv:2402.09353) with PEFT's semantics: the rows of V = W + s·B·A are brought to trained
 * lengths m, W' = m ⊙ V / ‖V‖ row by row. The norm counts as a constant in the gradient (section 4.3 of the paper).
 */
import type { Graph } from './graph.js'
import { binary, unary } from './ops/elementwise.js'
import { reshape } from './ops/layout.js'
import { at } from './ops/operator.js'
import { gemm } from './ops/products.js'
import { sumLast } from './ops/reductions.js'
import type { Value } from './tensor.js'

/** ‖row‖ of a matrix [out,in] → [out]. */
export function rowNorms(graph: Graph, matrix: Value): Value {
  return reshape(graph, unary(graph, 'Sqrt', sumLast(graph, binary(graph, 'Mul', matrix, matrix))), [at(matrix.shape, 0)])
}

export interface DoraFactors {
  /** [out,in] */
  weight: Value
  /** [r,in] */
  a: Value
  /** [out,r] */
  b: Value
  scaling: number
}

/** W + s·B·A, as large as W: for use once, not in every step. */
export function adaptedWeight(graph: Graph, { weight, a, b, scaling }: DoraFactors): Value {
  return binary(graph, 'Add', weight, gemm(graph, binary(graph, 'Mul', b, graph.scalar(scaling)), a))
}

/**
 * rowNorms(adaptedWeight(…)) without a matrix as large as W: per row ‖w‖² + ⟨b, 2s·A·w + s²·A·Aᵀ·b⟩, where nothing
 * is larger than [out,r]. `squares` [out,1] holds ‖w‖². The same within float32 as long as the update does not cancel W.
 */
export function factoredRowNorms(graph: Graph, { weight, a, b, scaling, squares }: DoraFactors & { squares: Value }): Value {
  const cross = binary(graph, 'Mul', gemm(graph, weight, a, { transB: true }), graph.scalar(2 * scaling))
  const own = binary(graph, 'Mul', gemm(graph, b, gemm(graph, a, a, { transB: true })), graph.scalar(scaling * scaling))
  const change = sumLast(graph, binary(graph, 'Mul', b, binary(graph, 'Add', cross, own)))
  return reshape(graph, unary(graph, 'Sqrt', binary(graph, 'Add', squares, change)), [at(weight.shape, 0)])
}

/** Σ over each row of w², in double precision: ‖w‖² of a matrix with rows of `width`. */
export function rowSquares(matrix: Float32Array, width: number): Float32Array {
  return Float32Array.from({ length: matrix.length / width }, (_, row) => {
    let sum = 0
    for (let index = row * width; index < (row + 1) * width; index++) sum += (matrix[index] ?? 0) ** 2
    return sum
  })
}
