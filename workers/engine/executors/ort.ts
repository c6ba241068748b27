/**
 * Runs graphs on ONNX Runtime. `run` blocks the thread while it computes: every training run has a process of its own.
 * Feeds are read in place and outputs are fresh copies, so an output may be fed to the next run but never written meanwhile.
 */
import * as ort from 'onnxruntime-node'
import { EngineError } from '../engine-error.js'
import type { Graph } from '../graph.js'
import { emitOnnx } from '../onnx.js'
import type { DType, Value } from '../tensor.js'
import { deviceError } from './device-error.js'
import type { Data, ExecutorOptions, Session } from './executor.js'

export async function compileForOrt(graph: Graph, options: ExecutorOptions): Promise<Session> {
  const { bytes, weightsFolder } = emitOnnx(graph)
  // What the graph computes twice, it computes twice to save memory; a folded weight would be a private copy in f32.
  const optimization = { disable_specified_optimizers: 'CommonSubexpressionElimination;ConstantFolding' }
  const session: Record<string, string> = options.prepack ? {} : { disable_prepacking: '1' }
  if (weightsFolder !== null) session.model_external_initializers_file_folder_path = weightsFolder
  try {
    const made = await ort.InferenceSession.create(bytes, {
      executionProviders: [options.device],
      intraOpNumThreads: options.threads,
      enableMemPattern: false,
      // Warnings tell which shape computations stay on the CPU beside a GPU; nobody can act on them.
      logSeverityLevel: 3,
      extra: { session, optimization },
    })
    return new OrtSession(made, graph.inputs)
  } catch (cause) {
    if (options.device !== 'cpu') throw deviceError(options.device, { cause, mend: `install what "${options.device}" needs.` })
    throw new EngineError('graph_invalid', `ONNX Runtime refused the graph: ${cause instanceof Error ? cause.message : cause}`, {}, cause)
  }
}

class OrtSession implements Session {
  readonly #session: ort.InferenceSession
  readonly #inputs: readonly Value[]

  constructor(session: ort.InferenceSession, inputs: readonly Value[]) {
    this.#session = session
    this.#inputs = inputs
  }

  async run(feeds: ReadonlyMap<string, Data>): Promise<Map<string, Data>> {
    const tensors: Record<string, ort.Tensor> = {}
    for (const { name, dtype, shape } of this.#inputs) {
      const data = feeds.get(name)
      if (data !== undefined) tensors[name] = new ort.Tensor(tensorType(dtype), data, shape)
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
