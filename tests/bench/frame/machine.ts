/** What the figures were measured on. */
import { createRequire } from 'node:module'
import { availableParallelism, cpus, loadavg, totalmem } from 'node:os'

export interface Machine {
  cpu: string
  cores: number
  memoryGb: number
  node: string
  onnxruntime: string
  /** Processes running or waiting, over the last minute. */
  loadAverage: number
  /** Versions and settings of peers, added by the bench. */
  [peer: string]: string | number
}

export function describeMachine(): Machine {
  const { version } = createRequire(import.meta.url)('onnxruntime-node/package.json') as { version: string }
  return {
    cpu: cpus()[0]?.model.trim() ?? process.arch,
    cores: availableParallelism(),
    memoryGb: Math.round(totalmem() / 2 ** 30),
    node: process.versions.node,
    onnxruntime: version,
    loadAverage: Number((loadavg()[0] ?? 0).toFixed(2)),
  }
}
