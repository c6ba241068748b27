/** Matrix products. Gemm is two-dimensional and never copies to transpose; MatMul works on batches of equal shape. */
import { graphError, sameShape, type GraphBuilder, type Value } from '../tensor.js'
import type { ProductAttributes } from './attributes.js'
import { at, type BackwardContext, type Operator } from './operator.js'

function inferProduct(inputs: readonly Value[], { transA, transB }: ProductAttributes): { shape: number[]; dtype: 'f32' } {
  const [a, b] = [at(inputs, 0), at(inputs, 1)]
  const [rows, innerA] = transA ? [at(a.shape, -1), at(a.shape, -2)] : [at(a.shape, -2), at(a.shape, -1)]
  const [innerB, columns] = transB ? [at(b.shape, -1), at(b.shape, -2)] : [at(b.shape, -2), at(b.shape, -1)]
  const batch = a.shape.slice(0, -2)
  if (innerA !== innerB || !sameShape(batch, b.shape.slice(0, -2))) {
    throw graphError(`product of [${a.shape.join(', ')}]${transA ? 'ᵀ' : ''} and [${b.shape.join(', ')}]${transB ? 'ᵀ' : ''} does not fit`)
  }
  return { shape: [...batch, rows, columns], dtype: 'f32' }
}

function productBackward(operator: 'Gemm' | 'MatMul') {
  return ({ graph, inputs, attributes, gradient }: BackwardContext<ProductAttributes>): Value[] => {
    const [a, b] = [at(inputs, 0), at(inputs, 1)]
    const { transA, transB } = attributes
    const product = (left: Value, right: Value, flags: [boolean, boolean]): Value =>
      graph.apply(operator, [left, right], { transA: flags[0], transB: flags[1] })
    return [
      transA ? product(b, gradient, [transB, true]) : product(gradient, b, [false, !transB]),
      transB ? product(gradient, a, [true, transA]) : product(a, gradient, [!transA, false]),
    ]
  }
}

export const Gemm: Operator<ProductAttributes> = {
  infer: (inputs, attributes) => {
    if (inputs.some((input) => input.shape.length !== 2)) throw graphError('Gemm takes two matrices; use MatMul for batches')
    return inferProduct(inputs, attributes)
  },
  backward: productBackward('Gemm'),
  emit: ({ emitter, names, outputName, attributes }) =>
    emitter.node('Gemm', names, { output: outputName, attributes: { transA: Number(attributes.transA), transB: Number(attributes.transB) } }),
}

export const MatMul: Operator<ProductAttributes> = {
  infer: inferProduct,
  backward: productBackward('MatMul'),
  emit: ({ emitter, names, inputs, outputName, attributes }) => {
    // ONNX Runtime fuses these transposes into the product on the CPU; WebGPU runs them as they are.
    const flipped = (index: number, flag: boolean): string => {
      if (!flag) return at(names, index)
      const rank = at(inputs, index).shape.length
      const perm = Array.from({ length: rank }, (_, axis) => (axis < rank - 2 ? axis : 2 * rank - 3 - axis))
      return emitter.node('Transpose', [at(names, index)], { attributes: { perm } })
    }
    emitter.node('MatMul', [flipped(0, attributes.transA), flipped(1, attributes.transB)], { output: outputName })
  },
}

export function gemm(graph: GraphBuilder, a: Value, b: Value, flags: Partial<ProductAttributes> = {}): Value {
  return graph.apply('Gemm', [a, b], { transA: false, transB: false, ...flags })
}

export function matMul(graph: GraphBuilder, a: Value, b: Value, flags: Partial<ProductAttributes> = {}): Value {
  return graph.apply('MatMul', [a, b], { transA: false, transB: false, ...flags })
}
