/**
 * Opens the back ends of TensorFlow.js, each when first asked for. The current back end is global to the library,
 * so work on any of them takes turns.
 */
import type { Device } from '../engine.js'
import { loadOptionalPackage } from '../optional-package.js'
import { deviceError } from './device-error.js'
import type { Tf } from './tfjs-kernels.js'

export type TfjsDevice = Extract<Device, `tfjs-${string}`>

export interface TfjsBackend {
  tf: Tf
  /** The library's name for it. */
  name: string
  /** What computes, as its driver calls it. */
  hardware: string
  /** Largest tensor, in bytes. */
  bufferLimit: number
  /** All that may be held at once, in bytes; null where only the device knows. */
  memoryLimit: number | null
  /** Products of transposed matrices are slow: a transposed copy first is several times faster. */
  copiesTransposes: boolean
  /** The device's complaints since the last call, which TensorFlow.js itself does not hear. */
  complaint(): string | null
}

const openers: Record<TfjsDevice, () => Promise<TfjsBackend>> = {
  'tfjs-wasm': openWasm,
  'tfjs-webgpu': openWebgpu,
  'tfjs-node': () => openNative('tfjs-node', '@tensorflow/tfjs-node'),
  'tfjs-node-gpu': () => openNative('tfjs-node-gpu', '@tensorflow/tfjs-node-gpu'),
}

const opened = new Map<TfjsDevice, Promise<TfjsBackend>>()

/** @throws {EngineError} `package_missing` or `device_missing`, with the mend */
export function openTfjs(device: TfjsDevice): Promise<TfjsBackend> {
  const backend = opened.get(device) ?? openers[device]()
  opened.set(device, backend)
  // Tried again next time: what is missing may have been installed.
  backend.catch(() => opened.delete(device))
  return backend
}

let lastTurn: Promise<unknown> = Promise.resolve()

/** Runs `work` with the back end as the current one and nothing else of TensorFlow.js under way. */
export function withBackend<T>(backend: TfjsBackend, work: () => Promise<T>): Promise<T> {
  const turn = lastTurn.then(async () => {
    await backend.tf.setBackend(backend.name)
    return work()
  })
  // The next turn comes whether this one failed or not; its caller hears of the failure.
  lastTurn = turn.catch(() => undefined)
  return turn
}

/** SIMD on one thread: the library's threaded build starts browser workers, which Node does not have. */
async function openWasm(): Promise<TfjsBackend> {
  const tf = await import('@tensorflow/tfjs-core')
  await import('@tensorflow/tfjs-backend-wasm')
  await start(tf, 'wasm', 'tfjs-wasm')
  return { tf, name: 'wasm', hardware: 'one CPU thread', bufferLimit: WASM_MEMORY, memoryLimit: WASM_MEMORY, copiesTransposes: true, complaint: () => null }
}

/** What 32-bit addresses reach, less the page that Emscripten keeps. */
const WASM_MEMORY = 2 ** 32 - 2 ** 16

/** The part of the npm package `webgpu` (Dawn) that is used; adapters have told of themselves for longer than the library's types know. */
interface Dawn {
  create(flags: string[]): { requestAdapter(options: GPURequestAdapterOptions): Promise<(GPUAdapter & { info: GPUAdapterInfo }) | null> }
  globals: object
}

/** Limits whose defaults are far below what adapters have; TensorFlow.js asks for the same. */
const RAISED_LIMITS = ['maxComputeWorkgroupStorageSize', 'maxComputeWorkgroupsPerDimension', 'maxStorageBufferBindingSize', 'maxBufferSize', 'maxComputeWorkgroupSizeX', 'maxComputeInvocationsPerWorkgroup'] as const

async function openWebgpu(): Promise<TfjsBackend> {
  const dawn = await loadOptionalPackage<Dawn>({ name: 'webgpu', version: '0.6.2', purpose: 'device "tfjs-webgpu"' })
  const gpu = dawn.create([])
  const adapter = await gpu.requestAdapter({ powerPreference: 'high-performance' })
  if (adapter === null) throw deviceError('tfjs-webgpu', { cause: 'Dawn finds no adapter', mend: "install the GPU's Vulkan, Metal or Direct3D 12 driver." })
  const device = await adapter.requestDevice({ requiredLimits: Object.fromEntries(RAISED_LIMITS.map((name) => [name, adapter.limits[name]])) })
  const complaints: string[] = []
  device.addEventListener('uncapturederror', (event) => complaints.push((event as GPUUncapturedErrorEvent).error.message))
  const tf = await import('@tensorflow/tfjs-core')
  const { WebGPUBackend } = await import('@tensorflow/tfjs-backend-webgpu')
  // The library looks for a browser; this is all of one that it uses. Set after its import, which would open a device of its own.
  Object.assign(globalThis, dawn.globals)
  Object.defineProperty(globalThis.navigator, 'gpu', { value: gpu, configurable: true })
  // Small tensors would be computed on the CPU: that is another device.
  tf.env().set('WEBGPU_CPU_FORWARD', false)
  tf.registerBackend('webgpu', () => new WebGPUBackend(device, adapter.info))
  await start(tf, 'webgpu', 'tfjs-webgpu')
  const hardware = [adapter.info.description, adapter.info.vendor].find((text) => text !== '') ?? 'WebGPU adapter'
  return { tf, name: 'webgpu', hardware, bufferLimit: device.limits.maxStorageBufferBindingSize, memoryLimit: null, copiesTransposes: false, complaint: () => complaints.splice(0).join('; ') || null }
}

/** What TensorFlow's native back end adds to TensorFlow.js. */
interface NativeBackend {
  isUsingGpuDevice?: boolean
}

async function openNative(device: 'tfjs-node' | 'tfjs-node-gpu', name: string): Promise<TfjsBackend> {
  const tf = await loadOptionalPackage<Tf>({ name, version: '4.22.0', purpose: `device "${device}"` })
  await start(tf, 'tensorflow', device)
  const isOnGpu = (tf.backend() as NativeBackend).isUsingGpuDevice === true
  // Without a GPU the package computes on the CPU and only says so in a line of its log.
  if (device === 'tfjs-node-gpu' && !isOnGpu) throw deviceError(device, { cause: `${name} is installed and finds no GPU`, mend: 'install the CUDA 11 and cuDNN 8 libraries that TensorFlow 2.9 loads.' })
  return { tf, name: 'tensorflow', hardware: isOnGpu ? 'TensorFlow on CUDA' : 'TensorFlow on the CPU', bufferLimit: Infinity, memoryLimit: null, copiesTransposes: false, complaint: () => null }
}

async function start(tf: Tf, name: string, device: TfjsDevice): Promise<void> {
  if (!(await tf.setBackend(name))) throw deviceError(device, { cause: `TensorFlow.js cannot start its back end "${name}"`, mend: 'see what it printed.' })
}
