/** Operators that work on each element, with numpy broadcasting for the two-input ones. */
import { broadcastShapes, graphError, sameShape, type DType, type GraphBuilder, type Shape, type Value } from '../tensor.js'
import type { None } from './attributes.js'
import { at, type Operator } from './operator.js'

const none: None = {}

type Binary = 'Add' | 'Sub' | 'Mul' | 'Div'
type Unary = 'Neg' | 'Exp' | 'Log' | 'Sqrt' | 'Sigmoid' | 'Silu' | 'RotateHalf' | 'Detach'

export function unary(graph: GraphBuilder, operator: Unary, x: Value): Value {
  return graph.apply(operator, [x], none)
}

/**
 * Applies a two-input operator. An Expand that only repeats what broadcasting would repeat anyway is looked
 * through: the gradient of a row sum then never fills a whole [N,V] tensor.
 */
export function binary(graph: GraphBuilder, operator: Binary, left: Value, right: Value): Value {
  const shape = broadcastShapes(left.shape, right.shape)
  const [a, b] = [beforeExpand(left), beforeExpand(right)]
  if (a !== left && sameShape(broadcastShapes(a.shape, right.shape), shape)) return graph.apply(operator, [a, right], none)
  if (b !== right && sameShape(broadcastShapes(left.shape, b.shape), shape)) return graph.apply(operator, [left, b], none)
  return graph.apply(operator, [left, right], none)
}

function beforeExpand(value: Value): Value {
  return value.source.kind === 'node' && value.source.node.operator === 'Expand' ? at(value.source.node.inputs, 0) : value
}

/** Sums a gradient over the axes along which its operand was broadcast. */
export function sumToShape(graph: GraphBuilder, value: Value, shape: Shape): Value {
  if (sameShape(value.shape, shape)) return value
  const lead = value.shape.length - shape.length
  const axes = value.shape.map((_, axis) => axis).filter((axis) => axis < lead || (shape[axis - lead] === 1 && value.shape[axis] !== 1))
  const summed = axes.length === 0 ? value : graph.apply('ReduceSum', [value], { axes })
  return sameShape(summed.shape, shape) ? summed : graph.apply('Reshape', [summed], { shape })
}

function inferBinary(inputs: readonly Value[]): { shape: Shape; dtype: DType } {
  const [a, b] = [at(inputs, 0), at(inputs, 1)]
  if (a.dtype !== 'f32' || b.dtype !== 'f32') throw graphError(`arithmetic on ${a.dtype} and ${b.dtype}; only f32 is supported`)
  return { shape: broadcastShapes(a.shape, b.shape), dtype: 'f32' }
}

function binaryOperator(type: Binary, backward: Operator<None>['backward']): Operator<None> {
  return {
    infer: inferBinary,
    backward,
    emit: ({ emitter, names, outputName }) => emitter.node(type, names, { output: outputName }),
  }
}

function unaryOperator(type: string, backward: Operator<None>['backward']): Operator<None> {
  return {
    infer: (inputs) => ({ shape: at(inputs, 0).shape, dtype: at(inputs, 0).dtype }),
    backward,
    emit: ({ emitter, names, outputName }) => emitter.node(type, names, { output: outputName }),
  }
}

export const Add = binaryOperator('Add', ({ graph, inputs, gradient }) => inputs.map((input) => sumToShape(graph, gradient, input.shape)))

export const Sub = binaryOperator('Sub', ({ graph, inputs, gradient }) => [
  sumToShape(graph, gradient, at(inputs, 0).shape),
  unary(graph, 'Neg', sumToShape(graph, gradient, at(inputs, 1).shape)),
])

export const Mul = binaryOperator('Mul', ({ graph, inputs, gradient }) => [
  sumToShape(graph, binary(graph, 'Mul', gradient, at(inputs, 1)), at(inputs, 0).shape),
  sumToShape(graph, binary(graph, 'Mul', gradient, at(inputs, 0)), at(inputs, 1).shape),
])

// d(a/b)/db = -(a/b)/b. The product is summed to b's shape before the division, which is then on the small tensor.
export const Div = binaryOperator('Div', ({ graph, inputs, output, gradient }) => {
  const [a, b] = [at(inputs, 0), at(inputs, 1)]
  const shared = sumToShape(graph, binary(graph, 'Mul', gradient, output), b.shape)
  return [
    sumToShape(graph, binary(graph, 'Div', gradient, b), a.shape),
    unary(graph, 'Neg', binary(graph, 'Div', shared, b)),
  ]
})

export const Neg = unaryOperator('Neg', ({ graph, gradient }) => [unary(graph, 'Neg', gradient)])
export const Exp = unaryOperator('Exp', ({ graph, gradient, output }) => [binary(graph, 'Mul', gradient, output)])
export const Log = unaryOperator('Log', ({ graph, gradient, inputs }) => [binary(graph, 'Div', gradient, at(inputs, 0))])
export const Sqrt = unaryOperator('Sqrt', ({ graph, gradient, output }) => [
  binary(graph, 'Div', binary(graph, 'Mul', gradient, graph.scalar(0.5)), output),
])
export const Sigmoid = unaryOperator('Sigmoid', ({ graph, gradient, output }) => {
  const slope = binary(graph, 'Mul', output, binary(graph, 'Sub', graph.scalar(1), output))
  return [binary(graph, 'Mul', gradient, slope)]
})

/** x·sigmoid(x). With s = sigmoid(x) and y = x·s the slope is s + y·(1 − s), four passes instead of six. */
export const Silu: Operator<None> = {
  infer: (inputs) => ({ shape: at(inputs, 0).shape, dtype: 'f32' }),
  backward: ({ graph, inputs, output, gradient }) => {
    const s = unary(graph, 'Sigmoid', at(inputs, 0))
    const slope = binary(graph, 'Add', s, binary(graph, 'Mul', output, binary(graph, 'Sub', graph.scalar(1), s)))
    return [binary(graph, 'Mul', gradient, slope)]
  },
  emit: ({ emitter, names, outputName }) => {
    const s = emitter.node('Sigmoid', names)
    emitter.node('Mul', [at(names, 0), s], { output: outputName })
  },
}

/** Passes the value on and stops the gradient. */
export const Detach: Operator<None> = {
  infer: (inputs) => ({ shape: at(inputs, 0).shape, dtype: at(inputs, 0).dtype }),
  backward: () => [null],
  emit: ({ emitter, names, outputName }) => emitter.node('Identity', names, { output: outputName }),
}

/** The numbers of ONNX's TensorProto.DataType. */
export const onnxTypes: Record<DType, number> = { f32: 1, u8: 2, i8: 3, i64: 7, f16: 10, bf16: 16, i4: 22 }

/** Changes the element type; frozen 16-bit weights and byte masks pass through it, so it needs no gradient. */
export const Cast: Operator<{ to: DType }> = {
  infer: (inputs, { to }) => ({ shape: at(inputs, 0).shape, dtype: to }),
  backward: null,
  emit: ({ emitter, names, outputName, attributes }) =>
    emitter.node('Cast', names, { output: outputName, attributes: { to: onnxTypes[attributes.to] } }),
}
