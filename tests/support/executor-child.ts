/* Computes the cases of executor-cases.ts on one device, in a process of its own: drivers are found by an environment set before it starts. */
import type { Device } from '../../workers/engine/engine.js'
import { compile, type Session } from '../../workers/engine/executors/executor.js'
import { Graph } from '../../workers/engine/graph.js'
import { executorCases, type Numbers, type Place } from './executor-cases.js'

export type CaseReport = { name: string; numbers: Numbers } | { name: string; error: string }

process.once('message', async (place: Place) => {
  // A device lives as long as some session on it: kept open, as a run keeps it, its compiled kernels serve every case.
  const opener = await openDevice(place.device).catch(() => null)
  for (const [name, compute] of Object.entries(executorCases)) process.send?.(await report(name, () => compute(place)))
  await opener?.dispose()
  process.disconnect()
})

function openDevice(device: Device): Promise<Session> {
  const graph = new Graph()
  graph.output('y', graph.apply('Neg', [graph.input('x', [1])], {}))
  return compile(graph, { device, threads: 1, prepack: false })
}

async function report(name: string, compute: () => Promise<Numbers>): Promise<CaseReport> {
  try {
    return { name, numbers: await compute() }
  } catch (error) {
    return { name, error: error instanceof Error ? (error.stack ?? error.message) : String(error) }
  }
}
