/* Answers over IPC with a name if a small product can be computed by WebGPU here; just ends if not. */
import { Graph } from './engine/graph.js'
import { compile } from './engine/executors/executor.js'

const graph = new Graph()
const left = graph.input('left', [2, 2])
const right = graph.input('right', [2, 2])
graph.output('product', graph.apply('MatMul', [left, right], { transA: false, transB: false }))

try {
  const session = await compile(graph, { device: 'webgpu', threads: 1, prepack: true })
  const identity = Float32Array.of(1, 0, 0, 1)
  const product = (await session.run(new Map([['left', Float32Array.of(1, 2, 3, 4)], ['right', identity]]))).get('product')
  if (product?.join() === '1,2,3,4') process.send?.('WebGPU adapter')
} catch {
  // No adapter, or a driver that cannot do it: the same answer, none.
}
process.disconnect?.()
