/** Rows by index, and their adjoint. */
import { graphError, sizeOf, type GraphBuilder, type Value } from '../tensor.js'
import type { None } from './attributes.js'
import { reshape } from './layout.js'
import { at, type Operator } from './operator.js'

/** Rows of a matrix: data [R,D], indices i64 [...] → [...,D]. */
export const Gather: Operator<None> = {
  infer: (inputs) => {
    const [data, indices] = [at(inputs, 0), at(inputs, 1)]
    if (data.shape.length !== 2 || indices.dtype !== 'i64') throw graphError(`gather of ${indices.dtype} rows from [${data.shape.join(', ')}]; it takes a matrix and i64 indices`)
    return { shape: [...indices.shape, at(data.shape, 1)], dtype: data.dtype }
  },
  backward: ({ graph, inputs, gradient }) => {
    const [data, indices] = [at(inputs, 0), at(inputs, 1)]
    const count = sizeOf(indices.shape)
    const updates = reshape(graph, gradient, [count, at(data.shape, 1)])
    return [graph.apply('ScatterAdd', [updates, reshape(graph, indices, [count])], { rows: at(data.shape, 0) }), null]
  },
  emit: ({ emitter, names, outputName }) => emitter.node('Gather', names, { output: outputName, attributes: { axis: 0 } }),
}

/**
 * Adds updates [N,D] to the rows of a zero matrix [rows,D] that indices i64 [N] or [N,1] name; repeated rows add up.
 * ScatterElements, not ScatterND, on the CPU: it runs in one fixed order, so repeated rows neither race nor change bits.
 * A GPU has no such order in either, and ScatterND needs no index as large as the updates.
 */
export const ScatterAdd: Operator<{ rows: number }> = {
  infer: (inputs, { rows }) => {
    const [updates, indices] = [at(inputs, 0), at(inputs, 1)]
    if (updates.shape.length !== 2 || updates.shape[0] !== indices.shape[0] || sizeOf(indices.shape) !== indices.shape[0]) {
      throw graphError(`scatter of [${updates.shape.join(', ')}] by [${indices.shape.join(', ')}]`)
    }
    return { shape: [rows, at(updates.shape, 1)], dtype: 'f32' }
  },
  backward: ({ graph, inputs, gradient }) => [gather(graph, gradient, at(inputs, 1)), null],
  emit: ({ emitter, names, inputs, output, outputName }) => {
    const { shape } = at(inputs, 0)
    const zeros = emitter.node('Expand', [emitter.float(0), emitter.int64(output.shape)])
    const isColumn = at(inputs, 1).shape.length === 2
    const column = isColumn ? at(names, 1) : emitter.node('Reshape', [at(names, 1), emitter.int64([at(shape, 0), 1])])
    if (emitter.target === 'gpu') return void emitter.node('ScatterND', [zeros, column, at(names, 0)], { output: outputName, attributes: { reduction: 'add' } })
    const indices = emitter.node('Expand', [column, emitter.int64(shape)])
    emitter.node('ScatterElements', [zeros, indices, at(names, 0)], { output: outputName, attributes: { axis: 0, reduction: 'add' } })
  },
}

/** Rows of a widened weight are widened after they were picked: an embedding is large, a batch reads few of its rows. */
export function gather(graph: GraphBuilder, data: Value, indices: Value): Value {
  const { source } = data
  if (source.kind !== 'node' || source.node.operator !== 'Cast') return graph.apply('Gather', [data, indices], {})
  return graph.apply('Cast', [graph.apply('Gather', [at(source.node.inputs, 0), indices], {})], { to: 'f32' })
}
