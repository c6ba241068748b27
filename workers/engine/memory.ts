/** What a compiled step needs at its peak, told from the graph before anything runs. */
import type { Graph } from './graph.js'
import { runOrder } from './onnx-order.js'
import { at } from './ops/operator.js'
import { sizeOf, type DType, type Node, type Value } from './tensor.js'

const bytesPerElement: Record<DType, number> = { f32: 4, f16: 2, bf16: 2, i64: 8, u8: 1, i8: 1, i4: 0.5 }

/** Operators whose result is the same bytes as their input; ONNX Runtime gives them no memory of their own. */
const aliases = new Set(['Reshape', 'Detach'])

/**
 * Largest sum of intermediate tensors alive at once, in bytes: each from the node that makes it to the last that
 * reads it, in the graph's order. Inputs, frozen weights and the copies inside kernels are not counted. This is what
 * an executor needs that frees each tensor at once.
 */
export function peakActivationBytes(graph: Graph): number {
  const { nodes, rootOf, lastReads } = lifetimes(graph, graph.liveNodes())
  let [alive, peak] = [0, 0]
  for (const [index, { inputs, output }] of nodes.entries()) {
    if (rootOf(output) === output) alive += sizeBytes(output)
    peak = Math.max(peak, alive)
    for (const used of new Set([...inputs, output].map(rootOf))) {
      if (used.source.kind === 'node' && (lastReads.get(used) ?? index) === index) alive -= sizeBytes(used)
    }
  }
  return peak
}

interface Buffer {
  kind: string
  bytes: number
  /** First and last node that it is held for. */
  from: number
  to: number
}

/**
 * The same as ONNX Runtime's planner has it on the CPU: a tensor takes over the buffer of a finished one if type and
 * shape are equal, so a buffer that is needed again later is held meanwhile; what was not taken over again is freed
 * when it was last used. Kernels do not work in place, but for Softmax. Within a tenth of what a session was measured to take.
 */
export function heldBytes(graph: Graph): number {
  const { nodes, rootOf, lastReads } = lifetimes(graph, runOrder(graph))
  const planner = new Planner()
  const bufferOf = new Map<Value, Buffer>()
  for (const [index, node] of nodes.entries()) {
    const { operator, inputs, output } = node
    const finished = new Set([...inputs, output].map(rootOf).filter((used) => used.source.kind === 'node' && (lastReads.get(used) ?? index) === index))
    const scratch = scratchOf(node).map(({ kind, bytes }) => planner.take({ kind, bytes, index }))
    if (rootOf(output) === output) {
      const [first] = inputs.map(rootOf)
      const own = operator === 'Softmax' && first !== undefined && finished.delete(first) ? bufferOf.get(first) : undefined
      bufferOf.set(output, own ?? planner.take({ kind: kindOf(output), bytes: sizeBytes(output), index }))
    }
    for (const used of [...inputs, output].map(rootOf)) planner.hold(bufferOf.get(used), lastReads.get(used) === nodes.length ? nodes.length : index)
    for (const buffer of [...scratch, ...[...finished].flatMap((used) => bufferOf.get(used) ?? [])]) planner.release(buffer)
  }
  return planner.peak(nodes.length)
}

class Planner {
  readonly #buffers: Buffer[] = []
  readonly #free: Buffer[] = []

  take({ kind, bytes, index }: { kind: string; bytes: number; index: number }): Buffer {
    const place = this.#free.findLastIndex((buffer) => buffer.kind === kind)
    const [known] = place < 0 ? [] : this.#free.splice(place, 1)
    if (known !== undefined) return known
    const made = { kind, bytes, from: index, to: index }
    this.#buffers.push(made)
    return made
  }

  hold(buffer: Buffer | undefined, index: number): void {
    if (buffer !== undefined) buffer.to = Math.max(buffer.to, index)
  }

  release(buffer: Buffer): void {
    this.#free.push(buffer)
  }

  peak(end: number): number {
    const change = new Float64Array(end + 2)
    for (const { bytes, from, to } of this.#buffers) {
      change[from] = (change[from] ?? 0) + bytes
      change[to + 1] = (change[to + 1] ?? 0) - bytes
    }
    let [held, peak] = [0, 0]
    for (const step of change) {
      held += step
      peak = Math.max(peak, held)
    }
    return peak
  }
}

/** Tensors between the ONNX nodes that one operator is written as, where they are as large as its result. */
function scratchOf({ operator, inputs, output, attributes }: Node): { kind: string; bytes: number }[] {
  const elements = sizeOf(output.shape)
  if (operator === 'RotateHalf') return Array.from({ length: 3 }, () => ({ kind: `half ${kindOf(output)}`, bytes: 2 * elements }))
  // The zeros that are added to, and an index for every element.
  if (operator === 'ScatterAdd') return [{ kind: kindOf(output), bytes: 4 * elements }, { kind: 'element index', bytes: 8 * sizeOf(inputs[0]?.shape ?? []) }]
  // Transposed copies; Gemm needs none.
  if (operator === 'MatMul' && 'transA' in attributes) return inputs.filter((_, index) => (index === 0 ? attributes.transA : attributes.transB)).map((input) => ({ kind: `transposed ${kindOf(input)}`, bytes: sizeBytes(input) }))
  // Indices of four numbers each, and what the table has for them.
  if (operator === 'Dequantize' && 'quantization' in attributes && attributes.quantization === 'nf4') return [{ kind: `indices ${elements}`, bytes: elements }, { kind: `levels ${elements}`, bytes: 4 * elements }]
  if (operator === 'Nf4Product') {
    const widened = at(output.shape, 1) * at(at(inputs, 1).shape, 1)
    return [{ kind: `f32 widened ${widened}`, bytes: 4 * widened }]
  }
  return []
}

interface Lifetimes {
  nodes: readonly Node[]
  /** The value whose memory a value lies in. */
  rootOf: (value: Value) => Value
  /** By root: the last node that reads it; the number of nodes where it is a result. */
  lastReads: ReadonlyMap<Value, number>
}

function lifetimes(graph: Graph, nodes: readonly Node[]): Lifetimes {
  const roots = new Map<Value, Value>()
  const rootOf = (value: Value): Value => roots.get(value) ?? value
  for (const { operator, inputs, output } of nodes) {
    const [first] = inputs
    if (aliases.has(operator) && first) roots.set(output, rootOf(first))
  }
  const lastReads = new Map<Value, number>()
  for (const [index, { inputs }] of nodes.entries()) for (const input of inputs) lastReads.set(rootOf(input), index)
  for (const output of graph.outputs.values()) lastReads.set(rootOf(output), nodes.length)
  return { nodes, rootOf, lastReads }
}

function kindOf({ dtype, shape }: Value): string {
  return `${dtype} ${shape.join('×')}`
}

function sizeBytes({ shape, dtype }: Value): number {
  return sizeOf(shape) * bytesPerElement[dtype]
}
