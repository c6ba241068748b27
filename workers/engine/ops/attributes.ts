/** What each operator is told besides its inputs. A new operator is a line here and in the table of operators.ts. */
import type { DType, Shape } from '../tensor.js'
import type { DequantizeAttributes } from './quantized.js'

export type None = Record<string, never>

export interface ProductAttributes {
  transA: boolean
  transB: boolean
}

export interface OperatorAttributes {
  Add: None
  Sub: None
  Mul: None
  Div: None
  Neg: None
  Exp: None
  Log: None
  Sqrt: None
  Sigmoid: None
  Silu: None
  Detach: None
  Cast: { to: DType }
  Gemm: ProductAttributes
  MatMul: ProductAttributes
  Reshape: { shape: Shape }
  Transpose: { perm: readonly number[] }
  Expand: { shape: Shape }
  Slice: { axis: number; start: number; end: number }
  Concat: { axis: number }
  RotateHalf: None
  ReduceSum: { axes: readonly number[] }
  ReduceMax: { axes: readonly number[] }
  Softmax: None
  ArgMax: None
  Gather: None
  ScatterAdd: { rows: number }
  Dequantize: DequantizeAttributes
  CodedProduct: None
  Nf4Product: None
  RmsNorm: { epsilon: number }
  Rotary: None
  CachedAttention: None
}

export type OperatorName = keyof OperatorAttributes
