/**
 * The operators of ops/operators.ts by TensorFlow.js kernels; the type of the table refuses a missing one.
 * Whole numbers of every width are int32 here: ids, row numbers and codes fit, and nothing is computed on them.
 */
import type * as Tfjs from '@tensorflow/tfjs-core'
import type { OperatorAttributes, OperatorName, ProductAttributes } from '../ops/attributes.js'
import { at } from '../ops/operator.js'
import { graphError, type DType, type Shape } from '../tensor.js'

export type Tf = typeof Tfjs
export type Tensor = Tfjs.Tensor

export interface KernelCall<A> {
  tf: Tf
  inputs: readonly Tensor[]
  attributes: A
  shape: Shape
  /** The library has no fast product of transposed matrices. */
  copiesTransposes: boolean
}

type Kernel<A> = (call: KernelCall<A>) => Tensor

export const kernels: { [K in OperatorName]: Kernel<OperatorAttributes[K]> } = {
  Add: ({ tf, inputs }) => tf.add(at(inputs, 0), at(inputs, 1)),
  Sub: ({ tf, inputs }) => tf.sub(at(inputs, 0), at(inputs, 1)),
  Mul: ({ tf, inputs }) => tf.mul(at(inputs, 0), at(inputs, 1)),
  Div: ({ tf, inputs }) => tf.div(at(inputs, 0), at(inputs, 1)),
  Neg: ({ tf, inputs }) => tf.neg(at(inputs, 0)),
  Exp: ({ tf, inputs }) => tf.exp(at(inputs, 0)),
  Log: ({ tf, inputs }) => tf.log(at(inputs, 0)),
  Sqrt: ({ tf, inputs }) => tf.sqrt(at(inputs, 0)),
  Sigmoid: ({ tf, inputs }) => tf.sigmoid(at(inputs, 0)),
  Silu: ({ tf, inputs }) => tf.mul(at(inputs, 0), tf.sigmoid(at(inputs, 0))),
  Detach: ({ tf, inputs }) => tf.clone(at(inputs, 0)),
  Cast: ({ tf, inputs, attributes }) => (at(inputs, 0).dtype === tfjsType(attributes.to) ? tf.clone(at(inputs, 0)) : tf.cast(at(inputs, 0), tfjsType(attributes.to))),
  Gemm: product,
  MatMul: product,
  Reshape: ({ tf, inputs, shape }) => tf.reshape(at(inputs, 0), [...shape]),
  Transpose: ({ tf, inputs, attributes }) => tf.transpose(at(inputs, 0), [...attributes.perm]),
  Expand: ({ tf, inputs, shape }) => tf.broadcastTo(at(inputs, 0), [...shape]),
  Slice: ({ tf, inputs, attributes: { axis, start, end } }) => slice(tf, at(inputs, 0), { axis, start, size: end - start }),
  Concat: ({ tf, inputs, attributes }) => tf.concat([...inputs], attributes.axis),
  RotateHalf: ({ tf, inputs }) => {
    const x = at(inputs, 0)
    const [axis, size] = [x.rank - 1, at(x.shape, -1) / 2]
    return tf.concat([tf.neg(slice(tf, x, { axis, start: size, size })), slice(tf, x, { axis, start: 0, size })], axis)
  },
  ReduceSum: ({ tf, inputs, attributes }) => tf.sum(at(inputs, 0), [...attributes.axes], true),
  ReduceMax: ({ tf, inputs, attributes }) => tf.max(at(inputs, 0), [...attributes.axes], true),
  Softmax: ({ tf, inputs }) => tf.softmax(at(inputs, 0)),
  ArgMax: ({ tf, inputs }) => tf.argMax(at(inputs, 0), -1),
  Gather: ({ tf, inputs }) => tf.gather(at(inputs, 0), at(inputs, 1)),
  ScatterAdd: ({ tf, inputs, shape }) => tf.scatterND(tf.reshape(at(inputs, 1), [-1, 1]), at(inputs, 0), [...shape]),
  Dequantize: ({ tf, inputs, attributes: { quantization }, shape }) => {
    const [codes, scales] = [at(inputs, 0), at(inputs, 1)]
    const levels = quantization === 'nf4' ? tf.reshape(tf.gather(at(inputs, 2), codes), [scales.size, -1]) : tf.cast(codes, 'float32')
    return tf.reshape(tf.mul(levels, tf.reshape(scales, [-1, 1])), [...shape])
  },
  CodedProduct: ({ tf, inputs }) => {
    const [codes, x, scales] = [at(inputs, 0), at(inputs, 1), at(inputs, 2)]
    const bytes = tf.cast(codes, 'float32')
    const high = tf.floor(tf.div(bytes, 16))
    const levels = tf.sub(tf.stack([tf.sub(bytes, tf.mul(high, 16)), high], 3), 8)
    const weights = tf.mul(tf.reshape(levels, [scales.size, -1]), tf.reshape(scales, [-1, 1]))
    return tf.matMul(x, tf.reshape(weights, [at(codes.shape, 0), -1]), false, true)
  },
  Nf4Product: ({ tf, inputs }) => {
    const [codes, x, scales, table] = [at(inputs, 0), at(inputs, 1), at(inputs, 2), at(inputs, 3)]
    const weights = tf.mul(tf.reshape(tf.gather(table, codes), [scales.size, -1]), tf.reshape(scales, [-1, 1]))
    return tf.matMul(x, tf.reshape(weights, [-1, at(x.shape, 1)]), false, true)
  },
  RmsNorm: ({ tf, inputs, attributes: { epsilon } }) => {
    const x = at(inputs, 0)
    return tf.mul(tf.mul(x, tf.rsqrt(tf.add(tf.mean(tf.square(x), -1, true), epsilon))), at(inputs, 1))
  },
  Rotary: ({ tf, inputs, shape }) => {
    const [N, half] = [at(shape, 0), at(at(inputs, 1).shape, 1)]
    const [cos, sin] = [tf.reshape(at(inputs, 1), [N, 1, half]), tf.reshape(at(inputs, 2), [N, 1, half])]
    const heads = tf.reshape(at(inputs, 0), [N, -1, 2 * half])
    const [first, second] = [slice(tf, heads, { axis: 2, start: 0, size: half }), slice(tf, heads, { axis: 2, start: half, size: half })]
    const turned = tf.concat([tf.sub(tf.mul(first, cos), tf.mul(second, sin)), tf.add(tf.mul(second, cos), tf.mul(first, sin))], 2)
    return tf.reshape(turned, [...shape])
  },
  CachedAttention: ({ tf, inputs, shape }) => {
    const pastKeys = at(inputs, 3)
    const [B, K, , d] = pastKeys.shape as [number, number, number, number]
    const behind = (past: Tensor, fresh: Tensor): Tensor => tf.concat([past, tf.reshape(fresh, [B, K, 1, d])], 2)
    const query = tf.reshape(at(inputs, 0), [B, K, -1, d])
    const scores = tf.div(tf.matMul(query, behind(pastKeys, at(inputs, 1)), false, true), Math.sqrt(d))
    const weights = tf.softmax(tf.add(scores, tf.pad(at(inputs, 5), [[0, 0], [0, 0], [0, 0], [0, 1]])))
    return tf.reshape(tf.matMul(weights, behind(at(inputs, 4), at(inputs, 2))), [...shape])
  },
}

function product({ tf, inputs, attributes: { transA, transB }, copiesTransposes }: KernelCall<ProductAttributes>): Tensor {
  const [a, b] = [at(inputs, 0), at(inputs, 1)]
  if (!copiesTransposes) return tf.matMul(a, b, transA, transB)
  const flipped = (x: Tensor, flag: boolean): Tensor => (flag ? tf.transpose(x, x.shape.map((_, axis) => (axis < x.rank - 2 ? axis : 2 * x.rank - 3 - axis))) : x)
  return tf.matMul(flipped(a, transA), flipped(b, transB))
}

function slice(tf: Tf, x: Tensor, { axis, start, size }: { axis: number; start: number; size: number }): Tensor {
  return tf.slice(x, x.shape.map((_, index) => (index === axis ? start : 0)), x.shape.with(axis, size))
}

export function tfjsType(dtype: DType): 'float32' | 'int32' {
  if (dtype === 'f32') return 'float32'
  if (dtype === 'i64' || dtype === 'u8' || dtype === 'i8' || dtype === 'i4') return 'int32'
  throw graphError(`TensorFlow.js has no ${dtype} tensors; such weights are widened as they are read`)
}
