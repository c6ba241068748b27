/*
 * What this machine can compute on. The CPU is known at once; every other device is probed in a process of its own,
 * because a broken driver may hang or crash whoever asks it.
 */
import { execFile, fork } from 'node:child_process'
import { availableParallelism, cpus, totalmem } from 'node:os'
import { promisify } from 'node:util'
import { DEVICE_KINDS, type Device } from '../server/contracts/index.js'
import type { ProbeAnswer } from './device-probe.js'

export type DeviceKind = Device['kind']

/** A device that computed something when asked, or why it did not and what would mend that. */
export type DeviceCheck = { kind: DeviceKind } & ProbeAnswer

const PROBE_TIMEOUT_MS = 20_000

export function cpuDevice(threads: number): Device {
  const name = cpus()[0]?.model.trim() ?? process.arch
  return { id: 'cpu', kind: 'cpu', name, threads, memoryBytes: totalmem() }
}

export function defaultThreads(): number {
  return availableParallelism()
}

/** One after the other: a worker that has just started has better things to do with its cores. Never rejects. */
export async function probeDevices(probeModule: URL): Promise<DeviceCheck[]> {
  const checks: DeviceCheck[] = []
  for (const kind of DEVICE_KINDS) if (kind !== 'cpu') checks.push({ kind, ...(await probe(kind, probeModule)) })
  return checks
}

/** Only those that computed; never rejects. */
export async function usableDevices(probeModule: URL): Promise<Device[]> {
  const devices: Device[] = []
  for (const check of await probeDevices(probeModule)) {
    if (!('hardware' in check)) continue
    const { kind, hardware } = check
    const gpus = kind === 'cuda' ? await askNvidiaSmi() : []
    if (gpus.length > 0) devices.push(...gpus)
    else devices.push({ id: kind === 'webgpu' || kind === 'cuda' ? `${kind}:0` : kind, kind, name: hardware, threads: null, memoryBytes: null })
  }
  return devices
}

function probe(kind: DeviceKind, probeModule: URL): Promise<ProbeAnswer> {
  return new Promise((resolve) => {
    const child = fork(probeModule, [kind], { stdio: 'ignore', timeout: PROBE_TIMEOUT_MS })
    child.once('message', (answer: ProbeAnswer) => {
      resolve(answer)
      child.kill()
    })
    child.once('error', (error) => resolve({ reason: `the process that asked for it did not start: ${error.message}` }))
    child.once('close', (code, signal) => resolve({ reason: `the process that asked for it ended with ${signal ?? code}: a fault of the driver, or no answer in ${PROBE_TIMEOUT_MS / 1000} s` }))
  })
}

/** One line per GPU: index, name, memory in MiB. */
async function askNvidiaSmi(): Promise<Device[]> {
  const query = ['--query-gpu=index,name,memory.total', '--format=csv,noheader,nounits']
  try {
    const { stdout } = await promisify(execFile)('nvidia-smi', query, { timeout: PROBE_TIMEOUT_MS })
    return parseNvidiaSmi(stdout)
  } catch {
    return [] // A driver without its tool: CUDA has computed, its names stay unknown.
  }
}

export function parseNvidiaSmi(stdout: string): Device[] {
  return stdout
    .split('\n')
    .map((line) => line.split(',').map((field) => field.trim()))
    .flatMap(([index, name, mebibytes]): Device[] => {
      if (index === undefined || name === undefined || mebibytes === undefined) return []
      return [{ id: `cuda:${index}`, kind: 'cuda', name, threads: null, memoryBytes: Number(mebibytes) * 2 ** 20 }]
    })
}
