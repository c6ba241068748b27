/**
 * Gradient checkpointing (Chen et al. 2016, arXiv:1604.06174): the backward pass computes a segment's values again
 * from what entered it, so that between the passes only the borders of segments are kept.
 */
import type { Graph } from './graph.js'
import type { OperatorName } from './ops/attributes.js'
import { binary } from './ops/elementwise.js'
import { slice } from './ops/layout.js'
import type { Node, Value } from './tensor.js'

/** Nodes begin to end − 1 of a graph; segments do not overlap. */
export interface Segment {
  begin: number
  end: number
}

/**
 * Gives the backward pass the nodes to work on: those of a segment in their second edition. Weights that are widened
 * where they are used are widened once more for it: between two uses only the stored form is kept.
 */
export class Replay {
  readonly #graph: Graph
  readonly #segments: readonly Segment[]
  #current: Segment | null = null
  #again = new Map<Value, Value>()

  constructor(graph: Graph, segments: readonly Segment[]) {
    this.#graph = graph
    this.#segments = segments
  }

  /** To be asked from the last node to the first. `gradient`: of the node's output. */
  of<K extends OperatorName>(node: Node<K>, position: number, gradient: Value): Node<K> {
    const segment = this.#segments.find(({ begin, end }) => position >= begin && position < end)
    if (segment !== undefined && segment !== this.#current) this.#enter(segment, gradient)
    return { ...node, inputs: node.inputs.map((input) => this.#latest(input)), output: this.#latest(node.output) }
  }

  #latest(value: Value): Value {
    return value.isFixed ? this.#copy(value) : (this.#again.get(value) ?? value)
  }

  #copy(value: Value): Value {
    if (value.source.kind !== 'node') return value
    const { operator, inputs, attributes } = value.source.node
    return this.#graph.apply(operator, inputs.map((input) => this.#copy(input)), attributes)
  }

  #enter(segment: Segment, gradient: Value): void {
    const graph = this.#graph
    this.#current = segment
    this.#again = new Map()
    const nodes = graph.nodes.slice(segment.begin, segment.end)
    const inside = new Set(nodes.map(({ output }) => output))
    const gate = gateOf(graph, gradient)
    for (const { operator, inputs, attributes, output } of nodes) {
      if (output.isFixed) continue
      for (const input of inputs) {
        if (!inside.has(input) && !this.#again.has(input) && isComputed(input)) this.#again.set(input, binary(graph, 'Mul', input, gate))
      }
      this.#again.set(output, graph.apply(operator, inputs.map((input) => this.#latest(input)), attributes))
    }
  }
}

/**
 * 1, computed from the gradient that enters the segment. What is multiplied by it cannot be computed before, so an
 * executor that orders nodes by what they need starts the second edition when the backward pass has come to it.
 */
function gateOf(graph: Graph, gradient: Value): Value {
  const first = gradient.shape.reduce((value, _, axis) => slice(graph, value, { axis, start: 0, end: 1 }), gradient)
  return binary(graph, 'Add', binary(graph, 'Mul', first, graph.scalar(0)), graph.scalar(1))
}

/** Inputs and constants are there in any case; of what is computed, whole numbers do not multiply. */
function isComputed({ source, dtype, isFixed }: Value): boolean {
  return source.kind === 'node' && dtype === 'f32' && !isFixed
}
