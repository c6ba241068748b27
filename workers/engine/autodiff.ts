/** Reverse-mode differentiation: the gradient is more nodes of the same graph. */
import type { Graph } from './graph.js'
import type { OperatorName } from './ops/attributes.js'
import { binary } from './ops/elementwise.js'
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
  const collected = new Map<Value, Value>()
  collected.set(loss, graph.constant(Float32Array.of(1), loss.shape))
  for (const [position, node] of [...graph.nodes.entries()].reverse()) {
    const gradient = collected.get(node.output)
    if (gradient === undefined || !onPath.has(node.output)) continue
    for (const [index, partial] of backwardOf(graph, replay.of(node, position, gradient), gradient).entries()) {
      const input = node.inputs[index]
      if (partial === null || input === undefined || !onPath.has(input)) continue
      const before = collected.get(input)
      collected.set(input, before === undefined ? partial : binary(graph, 'Add', before, partial))
    }
  }
  return targets.map((target) => {
    const gradient = collected.get(target)
    if (gradient === undefined) throw graphError(`the loss does not depend on "${target.name}"`)
    return gradient
  })
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
