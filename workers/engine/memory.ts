/** What a compiled step needs at its peak, told from the graph before anything runs. */
import type { Graph } from './graph.js'
import { sizeOf, type DType, type Value } from './tensor.js'

const bytesPerElement: Record<DType, number> = { f32: 4, f16: 2, bf16: 2, i64: 8, u8: 1, i8: 1, i4: 0.5 }

/** Operators whose result is the same bytes as their input; ONNX Runtime gives them no memory of their own. */
const aliases = new Set(['Reshape', 'Detach'])

/**
 * Largest sum of intermediate tensors alive at once, in bytes: each from the node that makes it to the last that
 * reads it, in the graph's order. Inputs, frozen weights and the copies inside kernels are not counted.
 */
export function peakActivationBytes(graph: Graph): number {
  const nodes = graph.liveNodes()
  const root = new Map<Value, Value>()
  const rootOf = (value: Value): Value => root.get(value) ?? value
  for (const { operator, inputs, output } of nodes) {
    const [first] = inputs
    if (aliases.has(operator) && first) root.set(output, rootOf(first))
  }
  const lastUse = new Map<Value, number>()
  for (const [index, { inputs }] of nodes.entries()) for (const input of inputs) lastUse.set(rootOf(input), index)
  for (const output of graph.outputs.values()) lastUse.set(rootOf(output), nodes.length)
  let [alive, peak] = [0, 0]
  for (const [index, { inputs, output }] of nodes.entries()) {
    if (rootOf(output) === output) alive += sizeBytes(output)
    peak = Math.max(peak, alive)
    for (const used of new Set([...inputs, output].map(rootOf))) {
      if (used.source.kind === 'node' && lastUse.get(used) === index) alive -= sizeBytes(used)
    }
  }
  return peak
}

function sizeBytes({ shape, dtype }: Value): number {
  return sizeOf(shape) * bytesPerElement[dtype]
}
