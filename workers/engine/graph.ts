/**
 * A small static graph: named tensors of known shape and dtype, joined by the operators of ops/operators.ts.
 * Shapes are checked as the graph is built, so a mistake shows at the line that makes it, not inside ONNX Runtime.
 */
import type { OperatorAttributes, OperatorName } from './ops/attributes.js'
import { operators } from './ops/operators.js'
import { graphError, sizeOf, type DType, type ExternalLocation, type GraphBuilder, type Node, type Shape, type Source, type Value } from './tensor.js'

/** Of free axes, by name. */
export type Sizes = Readonly<Record<string, number>>

export class Graph implements GraphBuilder {
  /** In the order of creation, which is a topological order. */
  readonly nodes: Node[] = []
  readonly inputs: Value[] = []
  readonly outputs = new Map<string, Value>()
  /** By input: names of the axes whose sizes a run may choose; null for a fixed axis. Its shape has what the graph was built with. */
  readonly freeAxes = new Map<Value, readonly (string | null)[]>()
  readonly #scalars = new Map<number, Value>()
  #nextId = 0

  input(name: string, shape: Shape, dtype: DType = 'f32'): Value {
    if (this.inputs.some((other) => other.name === name)) throw graphError(`input "${name}" is declared twice`)
    const value = this.#value({ kind: 'input' }, { name, shape, dtype })
    this.inputs.push(value)
    return value
  }

  /** An input with axes that differ from run to run, on executors that allow it; the operators behind it must not count on their sizes. */
  freeInput(name: string, shape: Shape, { dtype = 'f32', axes }: { dtype?: DType; axes: readonly (string | null)[] }): Value {
    const value = this.input(name, shape, dtype)
    this.freeAxes.set(value, axes)
    return value
  }

  /** An input's shape in a run; sizes that are not given are those the graph was built with. */
  shapeIn(input: Value, sizes: Sizes): Shape {
    const axes = this.freeAxes.get(input)
    return axes === undefined ? input.shape : input.shape.map((size, axis) => sizes[axes[axis] ?? ''] ?? size)
  }

  constant(data: Float32Array | BigInt64Array, shape: Shape): Value {
    if (data.length !== sizeOf(shape)) throw graphError(`constant of ${data.length} elements given shape [${shape.join(', ')}]`)
    return this.#value({ kind: 'constant', data }, { shape, dtype: data instanceof Float32Array ? 'f32' : 'i64' })
  }

  scalar(value: number): Value {
    const known = this.#scalars.get(value)
    if (known) return known
    const made = this.constant(Float32Array.of(value), [])
    this.#scalars.set(value, made)
    return made
  }

  /** A frozen weight that stays in its file. */
  external(name: string, spec: { shape: Shape; dtype: DType; location: ExternalLocation }): Value {
    return this.#value({ kind: 'external', location: spec.location }, { name, shape: spec.shape, dtype: spec.dtype })
  }

  apply<K extends OperatorName>(operator: K, inputs: readonly Value[], attributes: OperatorAttributes[K]): Value {
    const result = operators[operator].infer(inputs, attributes)
    // The node and its output name each other; the output is completed first, then frozen into the list.
    const source: { kind: 'node'; node: Node } = { kind: 'node', node: { operator, inputs, attributes, output: placeholder } }
    const output = this.#value(source, result, inputs)
    source.node = { operator, inputs, attributes, output }
    this.nodes.push(source.node)
    return output
  }

  output(name: string, value: Value): void {
    if (this.outputs.has(name)) throw graphError(`output "${name}" is declared twice`)
    this.outputs.set(name, value)
  }

  /** The nodes that some output needs, in topological order. */
  liveNodes(): Node[] {
    const needed = new Set<Value>(this.outputs.values())
    const live: Node[] = []
    for (const node of this.nodes.toReversed()) {
      if (!needed.has(node.output)) continue
      live.push(node)
      for (const input of node.inputs) needed.add(input)
    }
    return live.reverse()
  }

  #value(source: Source, spec: { name?: string; shape: Shape; dtype: DType }, inputs: readonly Value[] = []): Value {
    const id = this.#nextId++
    const isFixed = source.kind === 'node' ? inputs.every((input) => input.isFixed) : source.kind !== 'input'
    return { id, name: spec.name ?? `v${id}`, shape: spec.shape, dtype: spec.dtype, source, isFixed }
  }
}

const placeholder: Value = { id: -1, name: '', shape: [], dtype: 'f32', source: { kind: 'input' }, isFixed: false }

