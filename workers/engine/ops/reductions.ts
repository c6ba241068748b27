/** Operators that fold an axis. Reduced axes are kept with size 1, so results broadcast back. */
import { graphError, type GraphBuilder, type Value } from '../tensor.js'
import type { None } from './attributes.js'
import { binary } from './elementwise.js'
import { at, type Operator } from './operator.js'

interface Axes {
  axes: readonly number[]
}

function keptShape(x: Value, axes: readonly number[]): number[] {
  if (axes.some((axis) => axis < 0 || axis >= x.shape.length)) throw graphError(`axes [${axes.join(', ')}] of [${x.shape.join(', ')}]`)
  return x.shape.map((size, axis) => (axes.includes(axis) ? 1 : size))
}

export const ReduceSum: Operator<Axes> = {
  infer: (inputs, { axes }) => ({ shape: keptShape(at(inputs, 0), axes), dtype: 'f32' }),
  backward: ({ graph, inputs, gradient }) => [graph.apply('Expand', [gradient], { shape: at(inputs, 0).shape })],
  emit: ({ emitter, names, outputName, attributes }) =>
    emitter.node('ReduceSum', [at(names, 0), emitter.int64(attributes.axes)], { output: outputName, attributes: { keepdims: 1 } }),
}

/** Used behind Detach for numeric safety only, so it needs no gradient. */
export const ReduceMax: Operator<Axes> = {
  infer: (inputs, { axes }) => ({ shape: keptShape(at(inputs, 0), axes), dtype: 'f32' }),
  backward: null,
  emit: ({ emitter, names, outputName, attributes }) =>
    emitter.node('ReduceMax', [at(names, 0), emitter.int64(attributes.axes)], { output: outputName, attributes: { keepdims: 1 } }),
}

/** Softmax over the last axis. Gradient: y ⊙ (g − ⟨g, y⟩). */
export const Softmax: Operator<None> = {
  infer: (inputs) => ({ shape: at(inputs, 0).shape, dtype: 'f32' }),
  backward: ({ graph, output, gradient }) => {
    const inner = sumLast(graph, binary(graph, 'Mul', gradient, output))
    return [binary(graph, 'Mul', output, binary(graph, 'Sub', gradient, inner))]
  },
  emit: ({ emitter, names, outputName }) => emitter.node('Softmax', names, { output: outputName, attributes: { axis: -1 } }),
}

/** Index of the largest element of the last axis, the first of equals: [..., V] → [...]. */
export const ArgMax: Operator<None> = {
  infer: (inputs) => ({ shape: at(inputs, 0).shape.slice(0, -1), dtype: 'i64' }),
  backward: null,
  emit: ({ emitter, names, outputName }) =>
    emitter.node('ArgMax', names, { output: outputName, attributes: { axis: -1, keepdims: 0 } }),
}

export function sumLast(graph: GraphBuilder, x: Value): Value {
  return graph.apply('ReduceSum', [x], { axes: [x.shape.length - 1] })
}
