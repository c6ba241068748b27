/*
 * What this machine can compute on. The CPU is known at once; WebGPU and CUDA are probed in a process of
 * their own, because a broken driver may hang or crash whoever asks it.
 */
import { execFile, fork } from 'node:child_process'
import { existsSync } from 'node:fs'
import { createRequire } from 'node:module'
import { availableParallelism, cpus, totalmem } from 'node:os'
import { dirname, join } from 'node:path'
import { promisify } from 'node:util'
import type { Device } from '../server/contracts/index.js'

const PROBE_TIMEOUT_MS = 20_000

export function cpuDevice(threads: number): Device {
  const name = cpus()[0]?.model.trim() ?? process.arch
  return { id: 'cpu', kind: 'cpu', name, threads, memoryBytes: totalmem() }
}

export function defaultThreads(): number {
  return availableParallelism()
}

/** Never rejects: a device that cannot be asked is a device that cannot be used. */
export async function probeAccelerators(probeModule: URL): Promise<Device[]> {
  const [webgpu, cuda] = await Promise.all([probeWebgpu(probeModule), probeCuda()])
  return [...webgpu, ...cuda]
}

/** The probe answers with the adapter's name after it has computed something on it. */
function probeWebgpu(probeModule: URL): Promise<Device[]> {
  return new Promise((resolve) => {
    const child = fork(probeModule, { stdio: 'ignore', timeout: PROBE_TIMEOUT_MS })
    child.once('message', (name: unknown) => {
      resolve(typeof name === 'string' ? [{ id: 'webgpu:0', kind: 'webgpu', name, threads: null, memoryBytes: null }] : [])
      child.kill()
    })
    child.once('error', () => resolve([]))
    child.once('close', () => resolve([]))
  })
}

/** One line per GPU: index, name, memory in MiB. */
async function probeCuda(): Promise<Device[]> {
  const query = ['--query-gpu=index,name,memory.total', '--format=csv,noheader,nounits']
  try {
    const { stdout } = await promisify(execFile)('nvidia-smi', query, { timeout: PROBE_TIMEOUT_MS })
    const missing = hasCudaLibraries() ? '' : " (ONNX Runtime's CUDA libraries are not installed)"
    return parseNvidiaSmi(stdout).map((device) => ({ ...device, name: device.name + missing }))
  } catch {
    return [] // No driver, no GPU.
  }
}

/** They are the user's own choice to install: the package comes without them. */
function hasCudaLibraries(): boolean {
  const entry = createRequire(import.meta.url).resolve('onnxruntime-node')
  const folder = join(dirname(entry), '..', 'bin', 'napi-v6', process.platform, process.arch)
  return existsSync(join(folder, process.platform === 'win32' ? 'onnxruntime_providers_cuda.dll' : 'libonnxruntime_providers_cuda.so'))
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
