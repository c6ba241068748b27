/* Computes a small product on the device it is told, and answers over IPC with what computed it or why nothing did. */
import type { Device } from './engine/engine.js'
import { compile, floats } from './engine/executors/executor.js'
import { Graph } from './engine/graph.js'

export type ProbeAnswer = { hardware: string } | { reason: string }

async function probe(device: Device): Promise<ProbeAnswer> {
  const graph = new Graph()
  const [left, right] = [graph.input('left', [2, 2]), graph.input('right', [2, 2])]
  graph.output('product', graph.apply('MatMul', [left, right], { transA: false, transB: false }))
  try {
    const session = await compile(graph, { device, threads: 1, prepack: true })
    const outputs = await session.run(new Map([['left', Float32Array.of(1, 2, 3, 4)], ['right', Float32Array.of(0, 1, 1, 0)]]))
    const product = floats(outputs, 'product').join()
    const { hardware } = session
    await session.dispose()
    return product === '2,1,4,3' ? { hardware } : { reason: `it computes [1 2; 3 4]·[0 1; 1 0] as ${product}` }
  } catch (error) {
    return { reason: error instanceof Error ? error.message : String(error) }
  }
}

process.send?.(await probe(process.argv[2] as Device))
process.disconnect?.()
