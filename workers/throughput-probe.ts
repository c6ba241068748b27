/* Times a matrix product on the device and threads it is told, and answers over IPC with 10⁹ floating-point operations a second. */
import { constants, setPriority } from 'node:os'
import type { Device } from './engine/engine.js'
import { compile } from './engine/executors/executor.js'
import { Graph } from './engine/graph.js'

/** A product that takes this long is large enough to be told from its call. */
const LONG_ENOUGH_MS = 20
const SIZES = [256, 512, 1024, 2048]
const ROUNDS = 5

/** The fastest of a few products of the smallest size that takes long enough. */
async function measure(device: Device, threads: number): Promise<number> {
  for (const size of SIZES) {
    const graph = new Graph()
    const product = graph.apply('MatMul', [graph.input('left', [size, size]), graph.input('right', [size, size])], { transA: false, transB: false })
    // A column of it comes back, so that copying is not what is timed.
    graph.output('sums', graph.apply('ReduceMax', [product], { axes: [1] }))
    const session = await compile(graph, { device, threads, prepack: true })
    const feeds = new Map(['left', 'right'].map((name) => [name, new Float32Array(size * size).fill(0.5)]))
    const times: number[] = []
    for (let round = 0; round < ROUNDS; round++) {
      const startedMs = performance.now()
      await session.run(feeds)
      times.push(performance.now() - startedMs)
    }
    await session.dispose()
    const best = Math.min(...times)
    if (best >= LONG_ENOUGH_MS || size === SIZES.at(-1)) return (2 * size ** 3) / best / 1e6
  }
  throw new Error('there is no size to measure')
}

// Whoever waits for a run must not wait for this.
setPriority(constants.priority.PRIORITY_LOW)
const [, , device, threads] = process.argv
process.send?.(await measure(device as Device, Number(threads)))
process.disconnect?.()
