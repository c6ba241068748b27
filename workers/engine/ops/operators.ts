/** The one table of operators. */
import type { OperatorAttributes, OperatorName } from './attributes.js'
import { Add, Cast, Detach, Div, Exp, Log, Mul, Neg, Sigmoid, Silu, Sqrt, Sub } from './elementwise.js'
import { CachedAttention, RmsNorm, Rotary } from './fused.js'
import { Gather, ScatterAdd } from './indexing.js'
import { Concat, Expand, Reshape, RotateHalf, Slice, Transpose } from './layout.js'
import type { Operator } from './operator.js'
import { Gemm, MatMul } from './products.js'
import { CodedProduct, Dequantize, Nf4Product } from './quantized.js'
import { ArgMax, ReduceMax, ReduceSum, Softmax } from './reductions.js'

export const operators: { [K in OperatorName]: Operator<OperatorAttributes[K]> } = {
  Add, Sub, Mul, Div, Neg, Exp, Log, Sqrt, Sigmoid, Silu, Detach, Cast,
  Gemm, MatMul, Reshape, Transpose, Expand, Slice, Concat, RotateHalf,
  ReduceSum, ReduceMax, Softmax, ArgMax, Gather, ScatterAdd, Dequantize, CodedProduct, Nf4Product,
  RmsNorm, Rotary, CachedAttention,
}
