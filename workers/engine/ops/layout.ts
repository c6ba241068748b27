/** Operators that move elements without changing them. */
import { broadcastShapes, graphError, sameShape, sizeOf, type GraphBuilder, type Shape, type Value } from '../tensor.js'
import type { None } from './attributes.js'
import { sumToShape, unary } from './elementwise.js'
import { at, type Operator } from './operator.js'

export const Reshape: Operator<{ shape: Shape }> = {
  infer: (inputs, { shape }) => {
    const x = at(inputs, 0)
    if (sizeOf(x.shape) !== sizeOf(shape)) throw graphError(`cannot reshape [${x.shape.join(', ')}] to [${shape.join(', ')}]`)
    return { shape, dtype: x.dtype }
  },
  backward: ({ graph, inputs, gradient }) => [reshape(graph, gradient, at(inputs, 0).shape)],
  emit: ({ emitter, names, outputName, attributes }) =>
    emitter.node('Reshape', [at(names, 0), emitter.int64(attributes.shape)], { output: outputName }),
}

export const Transpose: Operator<{ perm: readonly number[] }> = {
  infer: (inputs, { perm }) => {
    const x = at(inputs, 0)
    if (!sameShape(perm.toSorted((a, b) => a - b), x.shape.map((_, axis) => axis))) {
      throw graphError(`[${perm.join(', ')}] does not permute the axes of [${x.shape.join(', ')}]`)
    }
    return { shape: perm.map((axis) => at(x.shape, axis)), dtype: x.dtype }
  },
  backward: ({ graph, attributes: { perm }, gradient }) => [transpose(graph, gradient, perm.map((_, axis) => perm.indexOf(axis)))],
  emit: ({ emitter, names, outputName, attributes }) =>
    emitter.node('Transpose', names, { output: outputName, attributes: { perm: attributes.perm } }),
}

export const Expand: Operator<{ shape: Shape }> = {
  infer: (inputs, { shape }) => {
    const x = at(inputs, 0)
    if (!sameShape(broadcastShapes(x.shape, shape), shape)) throw graphError(`cannot expand [${x.shape.join(', ')}] to [${shape.join(', ')}]`)
    return { shape, dtype: x.dtype }
  },
  backward: ({ graph, inputs, gradient }) => [sumToShape(graph, gradient, at(inputs, 0).shape)],
  emit: ({ emitter, names, outputName, attributes }) =>
    emitter.node('Expand', [at(names, 0), emitter.int64(attributes.shape)], { output: outputName }),
}

export const Slice: Operator<{ axis: number; start: number; end: number }> = {
  infer: (inputs, { axis, start, end }) => {
    const x = at(inputs, 0)
    if (start < 0 || end > at(x.shape, axis) || start >= end) throw graphError(`slice ${start}:${end} leaves axis ${axis} of [${x.shape.join(', ')}]`)
    return { shape: x.shape.with(axis, end - start), dtype: x.dtype }
  },
  backward: ({ graph, inputs, attributes: { axis, start, end }, gradient }) => {
    const { shape } = at(inputs, 0)
    const zeros = (size: number): Value[] => {
      const block = shape.with(axis, size)
      return size === 0 ? [] : [graph.apply('Expand', [graph.scalar(0)], { shape: block })]
    }
    const parts = [...zeros(start), gradient, ...zeros(at(shape, axis) - end)]
    return [parts.length === 1 ? gradient : concat(graph, parts, axis)]
  },
  emit: ({ emitter, names, outputName, attributes: { axis, start, end } }) =>
    emitter.node('Slice', [at(names, 0), emitter.int64([start]), emitter.int64([end]), emitter.int64([axis])], { output: outputName }),
}

/** WebGPU binds at most about ten buffers to one kernel. */
const CONCAT_ARITY = 8

export const Concat: Operator<{ axis: number }> = {
  infer: (inputs, { axis }) => {
    const first = at(inputs, 0)
    if (inputs.length > CONCAT_ARITY) throw graphError(`concat of ${inputs.length} tensors; one node joins at most ${CONCAT_ARITY}`)
    for (const input of inputs) {
      if (!sameShape(input.shape.with(axis, 0), first.shape.with(axis, 0))) throw graphError(`concat of [${first.shape.join(', ')}] and [${input.shape.join(', ')}] along axis ${axis}`)
    }
    return { shape: first.shape.with(axis, inputs.reduce((sum, input) => sum + at(input.shape, axis), 0)), dtype: first.dtype }
  },
  backward: ({ graph, inputs, attributes: { axis }, gradient }) => {
    let start = 0
    return inputs.map((input) => {
      const end = start + at(input.shape, axis)
      const part = slice(graph, gradient, { axis, start, end })
      start = end
      return part
    })
  },
  emit: ({ emitter, names, outputName, attributes }) =>
    emitter.node('Concat', names, { output: outputName, attributes: { axis: attributes.axis } }),
}

/** concat(−x₂, x₁) of the last axis' halves, the rotation of RoPE. It is orthogonal and its own negated transpose. */
export const RotateHalf: Operator<None> = {
  infer: (inputs) => {
    const x = at(inputs, 0)
    if (at(x.shape, -1) % 2 !== 0) throw graphError(`cannot halve the last axis of [${x.shape.join(', ')}]`)
    return { shape: x.shape, dtype: 'f32' }
  },
  backward: ({ graph, gradient }) => [unary(graph, 'Neg', unary(graph, 'RotateHalf', gradient))],
  emit: ({ emitter, names, inputs, outputName }) => {
    const { shape } = at(inputs, 0)
    const [axis, size] = [shape.length - 1, at(shape, -1)]
    const half = (start: number): string =>
      emitter.node('Slice', [at(names, 0), emitter.int64([start]), emitter.int64([start + size / 2]), emitter.int64([axis])])
    const negated = emitter.node('Neg', [half(size / 2)])
    emitter.node('Concat', [negated, half(0)], { output: outputName, attributes: { axis } })
  },
}

export function reshape(graph: GraphBuilder, x: Value, shape: Shape): Value {
  return sameShape(x.shape, shape) ? x : graph.apply('Reshape', [x], { shape })
}

export function transpose(graph: GraphBuilder, x: Value, perm: readonly number[]): Value {
  return graph.apply('Transpose', [x], { perm })
}

/** Any number of parts: many are joined in groups, and those again. */
export function concat(graph: GraphBuilder, parts: readonly Value[], axis: number): Value {
  if (parts.length <= CONCAT_ARITY) return parts.length === 1 ? at(parts, 0) : graph.apply('Concat', parts, { axis })
  const groups = Array.from({ length: Math.ceil(parts.length / CONCAT_ARITY) }, (_, group) => concat(graph, parts.slice(group * CONCAT_ARITY, (group + 1) * CONCAT_ARITY), axis))
  return concat(graph, groups, axis)
}

export function slice(graph: GraphBuilder, x: Value, range: { axis: number; start: number; end: number }): Value {
  if (range.start === 0 && range.end === x.shape[range.axis]) return x
  return graph.apply('Slice', [x], range)
}
