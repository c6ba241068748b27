/**
 * One door to everything that can compute a graph: `compile` picks the executor by the device's name and gives a
 * session. There is no way past a device that is missing: it ends the run with an error, never on another device.
 */
import { EngineError } from '../engine-error.js'
import type { Device } from '../engine.js'
import type { Graph, Sizes } from '../graph.js'
import { sizeOf } from '../tensor.js'

export type Data = Float32Array | BigInt64Array | Uint8Array

export interface ExecutorOptions {
  device: Device
  /** CPU threads, where the device is the CPU. */
  threads: number
  /** Copies weights into the layout the kernels like best: 5–8 % faster, twice the memory. Changes the last bits of results. Only ONNX Runtime heeds it. */
  prepack: boolean
  /** Widens weights of 16 bits once, when compiled, and holds them in f32, instead of anew at each use. Only ONNX Runtime on the CPU heeds it; GPUs do it in any case. Default false. */
  widenOnce?: boolean
  /** Lets ONNX Runtime look on the CPU for operators to fuse: seconds for a large graph. In a training step it finds next to nothing. Default true. */
  fuses?: boolean
  /** Holds on to the memory that a run took, for the next one; else each tensor's is given back at once. Only ONNX Runtime on the CPU heeds it. Default true. */
  keepsMemory?: boolean
}

/** A graph made ready for a device. */
export interface Session {
  /** What computes it: the processor as its driver calls it, and the library with its version. */
  readonly hardware: string
  /**
   * Every declared input must be fed, with exactly its size; all outputs come back, as copies of the caller's own. Feeds
   * are only read. `sizes` are those of free axes where they are not as the graph was built; only the CPU takes others.
   */
  run(feeds: ReadonlyMap<string, Data>, sizes?: Sizes): Promise<Map<string, Data>>
  /** Gives the memory back; no run may be under way. */
  dispose(): Promise<void>
}

/** @throws {EngineError} `device_missing` where the device is not there or cannot run the graph */
export type Executor = (graph: Graph, options: ExecutorOptions) => Promise<Session>

/** Loaded when first asked for: a run on one device never loads another's libraries. */
const executors: Record<Device, () => Promise<Executor>> = {
  cpu: onnxRuntime,
  webgpu: onnxRuntime,
  cuda: onnxRuntime,
  'tfjs-wasm': () => tensorFlow('tfjs-wasm'),
  'tfjs-webgpu': () => tensorFlow('tfjs-webgpu'),
  'tfjs-node': () => tensorFlow('tfjs-node'),
  'tfjs-node-gpu': () => tensorFlow('tfjs-node-gpu'),
}

async function onnxRuntime(): Promise<Executor> {
  return (await import('./ort.js')).compileForOrt
}

async function tensorFlow(device: Extract<Device, `tfjs-${string}`>): Promise<Executor> {
  return (await import('./tfjs.js')).tfjsExecutor(device)
}

const listeners = new Set<(device: string) => void>()

/** Told of each graph made ready in this process, with the device's name and hardware: what is really used, not what was asked. */
export function onCompiled(listener: (device: string) => void): void {
  listeners.add(listener)
}

/** @throws {EngineError} `device_missing`, `package_missing` or `device_limit`; no other device is taken in its place */
export async function compile(graph: Graph, options: ExecutorOptions): Promise<Session> {
  const executor = await executors[options.device]()
  const session = await executor(graph, options)
  const { hardware } = session
  for (const listener of listeners) listener(`${options.device} (${hardware})`)
  return {
    hardware,
    run: async (feeds, sizes = {}) => {
      checkFeeds(graph, feeds, options.device === 'cpu' ? sizes : {})
      return session.run(feeds, sizes)
    },
    dispose: () => session.dispose(),
  }
}

function checkFeeds(graph: Graph, feeds: ReadonlyMap<string, Data>, sizes: Sizes): void {
  for (const input of graph.inputs) {
    const { name, dtype } = input
    const shape = graph.shapeIn(input, sizes)
    const data = feeds.get(name)
    if (data === undefined) throw new EngineError('input_invalid', `input "${name}" was not fed`)
    if (data.length !== sizeOf(shape)) throw new EngineError('input_invalid', `input "${name}" has ${data.length} elements; its shape [${shape.join(', ')}] needs ${sizeOf(shape)}`)
    if (dtypeOf(data) !== dtype) throw new EngineError('input_invalid', `input "${name}" was fed ${dtypeOf(data)}; it is declared as ${dtype}`)
  }
}

function dtypeOf(data: Data): 'f32' | 'i64' | 'u8' {
  if (data instanceof Float32Array) return 'f32'
  return data instanceof BigInt64Array ? 'i64' : 'u8'
}

/** An f32 output by name. */
export function floats(outputs: ReadonlyMap<string, Data>, name: string): Float32Array {
  const data = outputs.get(name)
  if (!(data instanceof Float32Array)) throw new EngineError('graph_invalid', `the graph has no f32 output "${name}"; it has ${[...outputs.keys()].join(', ')}`)
  return data
}

/** An i64 output by name. */
export function integers(outputs: ReadonlyMap<string, Data>, name: string): BigInt64Array {
  const data = outputs.get(name)
  if (!(data instanceof BigInt64Array)) throw new EngineError('graph_invalid', `the graph has no i64 output "${name}"; it has ${[...outputs.keys()].join(', ')}`)
  return data
}
