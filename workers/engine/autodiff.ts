/** Reverse-mode differentiation: the gradient is more nodes of the same graph. */
import type { Graph } from './graph.js'
import type { OperatorName } from './ops/attributes.js'
import { binary } from './ops/elementwise.js'
import { concat } from './ops/layout.js'
import { at } from './ops/operator.js'
import { operators } from './ops/operators.js'
import { Replay, type Segment } from './recompute.js'
import { graphError, type Node, type Value } from './tensor.js'

/**
 * Gradients of a one-element `loss` with respect to each of `targets`, in their order and shapes. What the nodes of a
 * segment made is not kept for them but computed again.
 * Throws where a target does not reach the loss, or only through an operator without a gradient.
 */
export function gradients(graph: Graph, loss: Value, targets: readonly Value[], segments: readonly Segment[] = []): Value[] {
  if (loss.shape.some((size) => size !== 1)) throw graphError(`the loss has shape [${loss.shape.join(', ')}]; it must hold one number`)
  const onPath = reachableFrom(graph, targets)
  const replay = new Replay(graph, segments)
  const collected = new Collected(graph)
  collected.add(loss, graph.constant(Float32Array.of(1), loss.shape))
  for (const [position, node] of [...graph.nodes.entries()].reverse()) {
    const gradient = collected.get(node.output)
    if (gradient === undefined || !onPath.has(node.output)) continue
    if (isSlice(node)) {
      collected.addPiece(node, gradient)
      continue
    }
    for (const [index, partial] of backwardOf(graph, replay.of(node, position, gradient), gradient).entries()) {
      const input = node.inputs[index]
      if (partial !== null && input !== undefined && onPath.has(input)) collected.add(input, partial)
    }
  }
  return targets.map((target) => {
    const gradient = collected.get(target)
    if (gradient === undefined) throw graphError(`the loss does not depend on "${target.name}"`)
    return gradient
  })
}

interface Piece {
  node: Node<'Slice'>
  gradient: Value
}

/** What has flowed into each value so far. A value's gradient is asked for once everything that reads it has been seen. */
class Collected {
  readonly #graph: Graph
  readonly #sums = new Map<Value, Value>()
  /** Gradients of slices, not yet part of the sum. */
  readonly #pieces = new Map<Value, Piece[]>()

  constructor(graph: Graph) {
    this.#graph = graph
  }

  add(value: Value, partial: Value): void {
    const before = this.#sums.get(value)
    this.#sums.set(value, before === undefined ? partial : binary(this.#graph, 'Add', before, partial))
  }

  addPiece(node: Node<'Slice'>, gradient: Value): void {
    const value = at(node.inputs, 0)
    this.#pieces.set(value, [...(this.#pieces.get(value) ?? []), { node, gradient }])
  }

  get(value: Value): Value | undefined {
    const pieces = this.#pieces.get(value) ?? []
    this.#pieces.delete(value)
    if (pieces.length > 0 && tile(pieces, value)) {
      const ordered = pieces.toSorted((a, b) => a.node.attributes.start - b.node.attributes.start)
      this.add(value, concat(this.#graph, ordered.map(({ gradient }) => gradient), at(pieces, 0).node.attributes.axis))
    } else {
      for (const { node, gradient } of pieces) this.add(value, at(backwardOf(this.#graph, node, gradient), 0) ?? gradient)
    }
    return this.#sums.get(value)
  }
}

/** True where the slices cover the value without a gap and without overlap, so that their gradients only need joining. */
function tile(pieces: readonly Piece[], { shape }: Value): boolean {
  const { axis } = at(pieces, 0).node.attributes
  let reached = 0
  for (const { node: { attributes } } of pieces.toSorted((a, b) => a.node.attributes.start - b.node.attributes.start)) {
    if (attributes.axis !== axis || attributes.start !== reached) return false
    reached = attributes.end
  }
  return reached === shape[axis]
}

function isSlice(node: Node): node is Node<'Slice'> {
  return node.operator === 'Slice'
}

function reachableFrom(graph: Graph, targets: readonly Value[]): Set<Value> {
  const reached = new Set<Value>(targets)
  for (const node of graph.nodes) {
    if (node.operator !== 'Detach' && node.inputs.some((input) => reached.has(input))) reached.add(node.output)
  }
  return reached
}

function backwardOf<K extends OperatorName>(graph: Graph, node: Node<K>, gradient: Value): (Value | null)[] {
  const { backward } = operators[node.operator]
  if (backward === null) throw graphError(`operator ${node.operator} has no gradient, and "${node.output.name}" needs one`)
  const { inputs, output, attributes } = node
  return backward({ graph, inputs, output, attributes, gradient })
}
