/* The workers at work, as estimates of time see them. */
import type { Machine } from '../../experiments/run-time/past-run.js'
import type { WorkerInfo } from '../contracts/index.js'

/** Those that have the device, as one machine: as many threads and as fast as the best of them. */
export function machineOf(device: string, alive: readonly WorkerInfo[]): Machine {
  const able = alive.flatMap(({ host, devices }) => devices.filter(({ kind }) => kind === device).slice(0, 1).map((found) => ({ host, ...found })))
  return { workers: able.length, hosts: new Set(able.map(({ host }) => host)), threads: greatest(able.map(({ threads }) => threads)), gflops: greatest(able.map(({ gflops }) => gflops)) }
}

function greatest(values: readonly (number | null | undefined)[]): number | null {
  const known = values.filter((value) => value != null)
  return known.length === 0 ? null : Math.max(...known)
}
