/**
 * The order of nodes in an ONNX file, and the order in which ONNX Runtime then runs them. It works depth first from the
 * nodes that nothing reads: the one written last is computed first, and of a node's inputs the one whose node stands
 * later in the file (Graph::ReverseDFSFrom with NodeCompare in its sources).
 */
import type { Graph } from './graph.js'
import type { Node, Value } from './tensor.js'

/**
 * Written as the graph was built, every weight would be widened before anything else ran and every weight's gradient
 * would wait for the last layer, with all of it in memory. So what depends on no input is written first, and results
 * that nothing else reads last, the earliest of them at the end.
 */
export function fileOrder(graph: Graph): Node[] {
  const nodes = graph.liveNodes()
  const read = new Set(nodes.flatMap(({ inputs }) => inputs))
  const [first, middle, last]: [Node[], Node[], Node[]] = [[], [], []]
  for (const node of nodes) (node.output.isFixed ? first : read.has(node.output) ? middle : last).push(node)
  return [...first, ...middle, ...last.reverse()]
}

/** The order of computation, node by node of our graph. */
export function runOrder(graph: Graph): Node[] {
  const nodes = fileOrder(graph)
  const places = new Map<Value, number>(nodes.map(({ output }, place) => [output, place]))
  const read = new Set(nodes.flatMap(({ inputs }) => inputs))
  const visited = new Uint8Array(nodes.length)
  const order: Node[] = []
  const stack = nodes.flatMap((node, place) => (read.has(node.output) ? [] : [{ node, place, isDone: false }]))
  for (let entry = stack.pop(); entry !== undefined; entry = stack.pop()) {
    const { node, place, isDone } = entry
    if (isDone) order.push(node)
    if (isDone || visited[place] === 1) continue
    visited[place] = 1
    stack.push({ node, place, isDone: true })
    for (const before of node.inputs.flatMap((input) => places.get(input) ?? []).sort((a, b) => a - b)) {
      const next = nodes[before]
      if (next !== undefined && visited[before] === 0) stack.push({ node: next, place: before, isDone: false })
    }
  }
  return order
}
