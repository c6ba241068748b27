/**
 * Runs graphs on ONNX Runtime. `run` blocks the thread while it computes: every training run has a process of its own.
 * Feeds are read in place and outputs are fresh copies, so an output may be fed to the next run but never written meanwhile.
 */
import { cpus } from 'node:os'
import * as ort from 'onnxruntime-node'
import { EngineError } from '../engine-error.js'
import type { Device } from '../engine.js'
import type { Graph, Sizes } from '../graph.js'
import { emitOnnx, type OnnxModel } from '../onnx.js'
import type { DType } from '../tensor.js'
import { deviceError, type DeviceFault } from './device-error.js'
import type { Data, ExecutorOptions, Session } from './executor.js'
import { lowerForGpu } from './gpu-lowering.js'
import { CUDA_INSTALL, missingCudaLibraries } from './cuda-libraries.js'

export async function compileForOrt(graph: Graph, options: ExecutorOptions): Promise<Session> {
  if (options.device !== 'cpu') return compileForGpu(graph, options)
  try {
    return new OrtSession(await createSession(emitOnnx(graph), options), { graph, hardware: hardwareOf('cpu') })
  } catch (cause) {
    throw new EngineError('graph_invalid', `ONNX Runtime refused the graph: ${cause instanceof Error ? cause.message : cause}`, {}, cause)
  }
}

async function compileForGpu(graph: Graph, options: ExecutorOptions): Promise<Session> {
  const { device } = options
  const mend = device === 'cuda' ? requireCuda() : 'install a driver for Vulkan, Metal or Direct3D 12.'
  const failing = (fault: Omit<DeviceFault, 'cause'>) => (cause: unknown) => {
    throw deviceError(device, { cause, ...fault })
  }
  const lowered = lowerForGpu(graph)
  const made = await createSession(emitOnnx(lowered.graph, 'gpu'), options).catch(failing({ mend }))
  const session = new OrtSession(made, { graph: lowered.graph, hardware: hardwareOf(device) })
  return {
    hardware: session.hardware,
    run: (feeds) => session.run(lowered.prepare(feeds)).catch(failing({ code: 'device_failed', mend: 'make batchSize or maxLength smaller if its memory is full.' })),
    dispose: () => session.dispose(),
  }
}

function createSession({ bytes, weightsFolder }: OnnxModel, { device, threads, prepack, widenOnce = false, fuses = true, keepsMemory = true }: ExecutorOptions): Promise<ort.InferenceSession> {
  const session: Record<string, string> = prepack ? {} : { disable_prepacking: '1' }
  // What the graph computes twice, it computes twice to save memory.
  const unwanted = ['CommonSubexpressionElimination']
  // The split of a joined gradient would stand last in the file, and so be computed first, with all of the backward pass before it.
  unwanted.push('GatherSliceToSplitFusion')
  // A product that reads its left side across rows is slower than one after a real transposition.
  unwanted.push('MatmulTransposeFusion')
  // On the CPU a folded weight is a private copy in f32; a GPU needs that copy, since its kernels read no bf16.
  if (device === 'cpu' && !widenOnce) unwanted.push('ConstantFolding')
  // An operator that the device lacks must end the run, not move to the CPU in silence.
  if (device !== 'cpu') session.disable_cpu_ep_fallback = '1'
  if (weightsFolder !== null) session.model_external_initializers_file_folder_path = weightsFolder
  return ort.InferenceSession.create(bytes, {
    executionProviders: [device],
    intraOpNumThreads: threads,
    enableMemPattern: false,
    enableCpuMemArena: keepsMemory,
    graphOptimizationLevel: device === 'cpu' && !fuses ? 'disabled' : 'all',
    // Only what ends the run is of use to whoever reads the log, and that is thrown.
    logSeverityLevel: device === 'cpu' ? 3 : 4,
    extra: { session, optimization: { disable_specified_optimizers: unwanted.join(';') } },
  })
}

/**
 * Full f32 products, as on every other device: tensor cores would round their inputs to TF32.
 * @returns what to install if the device still cannot be opened
 */
function requireCuda(): string {
  const platform = `${process.platform}-${process.arch}`
  if (platform !== 'linux-x64') throw deviceError('cuda', { cause: `ONNX Runtime has CUDA for Node on linux-x64 only, and this is ${platform}`, mend: 'run a worker on such a machine.' })
  const missing = missingCudaLibraries()
  if (missing.length > 0) throw deviceError('cuda', { cause: `ONNX Runtime's own ${missing.join(' and ')} ${missing.length === 1 ? 'is' : 'are'} not installed`, mend: `install ${missing.length === 1 ? 'it' : 'them'} with: ${CUDA_INSTALL}` })
  process.env.NVIDIA_TF32_OVERRIDE ??= '0'
  return 'install the NVIDIA driver, CUDA 12 and cuDNN 9, and let the loader find them (LD_LIBRARY_PATH).'
}

/** ONNX Runtime tells no adapter's name. */
function hardwareOf(device: Device): string {
  const processor = device === 'cpu' ? (cpus()[0]?.model.trim() ?? process.arch) : device === 'cuda' ? 'CUDA GPU' : 'WebGPU adapter'
  return `${processor}, ONNX Runtime ${ort.env.versions.node ?? ort.env.versions.common}`
}

class OrtSession implements Session {
  readonly hardware: string
  readonly #session: ort.InferenceSession
  readonly #graph: Graph

  constructor(session: ort.InferenceSession, { graph, hardware }: { graph: Graph; hardware: string }) {
    this.#session = session
    this.#graph = graph
    this.hardware = hardware
  }

  async run(feeds: ReadonlyMap<string, Data>, sizes: Sizes = {}): Promise<Map<string, Data>> {
    const tensors: Record<string, ort.Tensor> = {}
    for (const input of this.#graph.inputs) {
      const data = feeds.get(input.name)
      if (data !== undefined) tensors[input.name] = new ort.Tensor(tensorType(input.dtype), data, this.#graph.shapeIn(input, sizes))
    }
    const results = await this.#session.run(tensors)
    return new Map(Object.entries(results).map(([name, tensor]) => [name, dataOf(name, tensor)]))
  }

  async dispose(): Promise<void> {
    await this.#session.release()
  }
}

function dataOf(name: string, tensor: ort.Tensor): Data {
  const { data } = tensor
  if (data instanceof Float32Array || data instanceof BigInt64Array || data instanceof Uint8Array) return data
  throw new EngineError('graph_invalid', `output "${name}" is ${tensor.type}; the engine reads float32, int64 and uint8`)
}

function tensorType(dtype: DType): 'float32' | 'int64' | 'uint8' {
  if (dtype === 'f32') return 'float32'
  if (dtype === 'i64') return 'int64'
  if (dtype === 'u8') return 'uint8'
  throw new EngineError('graph_invalid', `${dtype} tensors cannot be fed; cast inside the graph`)
}
