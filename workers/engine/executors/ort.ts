/**
 * Runs graphs on ONNX Runtime. `run` blocks the thread while it computes: every training run has a process of its own.
 * Feeds are read in place and outputs are fresh copies, so an output may be fed to the next run but never written meanwhile.
 */
import * as ort from 'onnxruntime-node'
import { EngineError } from '../engine-error.js'
import type { Device } from '../engine.js'
import type { Graph } from '../graph.js'
import { emitOnnx } from '../onnx.js'
import { sizeOf, type DType, type Value } from '../tensor.js'

export type Data = Float32Array | BigInt64Array | Uint8Array

export interface OrtOptions {
  device: Device
  threads: number
  /** Copies weights into the layout the kernels like best: 5–8 % faster, twice the memory. Changes the last bits of results. */
  prepack: boolean
}

export class OrtSession {
  readonly #session: ort.InferenceSession
  readonly #inputs: ReadonlyMap<string, Value>

  private constructor(session: ort.InferenceSession, inputs: ReadonlyMap<string, Value>) {
    this.#session = session
    this.#inputs = inputs
  }

  static async create(graph: Graph, options: OrtOptions): Promise<OrtSession> {
    const { bytes, weightsFolder } = emitOnnx(graph)
    const session: Record<string, string> = options.prepack ? {} : { disable_prepacking: '1' }
    if (weightsFolder !== null) session.model_external_initializers_file_folder_path = weightsFolder
    try {
      const made = await ort.InferenceSession.create(bytes, {
        executionProviders: [options.device],
        intraOpNumThreads: options.threads,
        enableMemPattern: false,
        // Warnings tell which shape computations stay on the CPU beside a GPU; nobody can act on them.
        logSeverityLevel: 3,
        extra: { session },
      })
      return new OrtSession(made, new Map(graph.inputs.map((input) => [input.name, input])))
    } catch (cause) {
      throw deviceError(options.device, cause)
    }
  }

  /** Every declared input must be fed, with exactly its size; all outputs come back. */
  async run(feeds: ReadonlyMap<string, Data>): Promise<Map<string, Data>> {
    const tensors: Record<string, ort.Tensor> = {}
    for (const [name, input] of this.#inputs) {
      const data = feeds.get(name)
      if (data === undefined) throw new EngineError('input_invalid', `input "${name}" was not fed`)
      if (data.length !== sizeOf(input.shape)) throw new EngineError('input_invalid', `input "${name}" has ${data.length} elements; its shape [${input.shape.join(', ')}] needs ${sizeOf(input.shape)}`)
      tensors[name] = new ort.Tensor(tensorType(input.dtype), data, input.shape)
    }
    const results = await this.#session.run(tensors)
    const outputs = new Map<string, Data>()
    for (const [name, tensor] of Object.entries(results)) outputs.set(name, dataOf(name, tensor))
    return outputs
  }

  async dispose(): Promise<void> {
    await this.#session.release()
  }
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

/** No silent fall-back: a device that is not there ends the run, with the reason ONNX Runtime gave. */
function deviceError(device: Device, cause: unknown): EngineError {
  const reason = cause instanceof Error ? cause.message : String(cause)
  if (device === 'cpu') return new EngineError('graph_invalid', `ONNX Runtime refused the graph: ${reason}`, {}, cause)
  return new EngineError('device_missing', `device "${device}" cannot run this model: ${reason}. Use device "cpu", or install what "${device}" needs.`, { device }, cause)
}
