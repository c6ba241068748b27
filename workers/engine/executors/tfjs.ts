/**
 * Runs graphs on TensorFlow.js: the same nodes in the same order, each by a kernel of the library. It shares no
 * kernel with ONNX Runtime, so each executor checks the other. A tensor is freed after the last node that reads it.
 */
import { EngineError } from '../engine-error.js'
import type { Graph } from '../graph.js'
import { peakActivationBytes } from '../memory.js'
import type { OperatorName } from '../ops/attributes.js'
import { graphError, sizeOf, type Node, type Value } from '../tensor.js'
import { deviceError } from './device-error.js'
import type { Data, ExecutorOptions, Session } from './executor.js'
import { lowerForGpu } from './gpu-lowering.js'
import { openTfjs, withBackend, type TfjsBackend, type TfjsDevice } from './tfjs-backends.js'
import { kernels, tfjsType, type Tensor } from './tfjs-kernels.js'
import { giveBackWeight, takeWeight, type StoredWeight } from './tfjs-weights.js'

/** Tensors are 32 bits wide whatever the graph calls them. */
const BYTES = 4

export function tfjsExecutor(device: TfjsDevice) {
  return async (graph: Graph, _options: ExecutorOptions): Promise<Session> => {
    const backend = await openTfjs(device)
    if (device !== 'tfjs-webgpu') return open({ graph, device, backend })
    const lowered = lowerForGpu(graph)
    const session = await open({ graph: lowered.graph, device, backend })
    return { hardware: session.hardware, run: (feeds) => session.run(lowered.prepare(feeds)), dispose: () => session.dispose() }
  }
}

async function open(parts: SessionParts): Promise<Session> {
  checkSizes(parts)
  const session = new TfjsSession(parts)
  await session.load()
  return session
}

interface SessionParts {
  graph: Graph
  device: TfjsDevice
  backend: TfjsBackend
}

class TfjsSession implements Session {
  readonly hardware: string
  readonly #parts: SessionParts
  readonly #nodes: readonly Node[]
  /** For each node, what no later node reads. */
  readonly #finished: readonly (readonly Value[])[]
  /** Constants and weights, for as long as the session lives. */
  readonly #kept = new Map<Value, Tensor>()
  readonly #weights: StoredWeight[] = []

  constructor(parts: SessionParts) {
    this.#parts = parts
    this.hardware = `${parts.backend.hardware}, TensorFlow.js ${parts.backend.tf.version_core}`
    this.#nodes = parts.graph.liveNodes()
    this.#finished = lastReads(parts.graph, this.#nodes)
  }

  /** Puts constants and weights on the device. */
  load(): Promise<void> {
    const { graph, backend } = this.#parts
    return this.#onDevice(async () => {
      for (const value of new Set([...this.#nodes.flatMap(({ inputs }) => inputs), ...graph.outputs.values()])) {
        const { source, shape, dtype } = value
        if (source.kind === 'constant') this.#kept.set(value, toTensor(backend, value, source.data))
        if (source.kind !== 'external') continue
        const weight = { location: source.location, shape, dtype }
        this.#kept.set(value, takeWeight(backend, weight))
        this.#weights.push(weight)
      }
    })
  }

  run(feeds: ReadonlyMap<string, Data>): Promise<Map<string, Data>> {
    const { backend, graph } = this.#parts
    return this.#onDevice(async () => {
      const tensors = backend.tf.tidy(() => this.#interpret(feeds))
      try {
        const outputs = new Map<string, Data>()
        for (const [index, [name, value]] of [...graph.outputs].entries()) outputs.set(name, toData(await tensors[index]?.data(), value))
        return outputs
      } finally {
        backend.tf.dispose(tensors)
      }
    })
  }

  async dispose(): Promise<void> {
    const { backend } = this.#parts
    for (const [value, tensor] of this.#kept) if (value.source.kind === 'constant') tensor.dispose()
    for (const weight of this.#weights.splice(0)) giveBackWeight(backend, weight)
    this.#kept.clear()
  }

  /** The graph's outputs, in its order; everything else is freed on the way. */
  #interpret(feeds: ReadonlyMap<string, Data>): Tensor[] {
    const { backend, graph } = this.#parts
    const live = new Map<Value, Tensor>()
    const tensorOf = (value: Value): Tensor => {
      const known = this.#kept.get(value) ?? live.get(value)
      if (known !== undefined) return known
      const data = feeds.get(value.name)
      if (value.source.kind !== 'input' || data === undefined) throw graphError(`"${value.name}" is read before it is made`)
      const tensor = toTensor(backend, value, data)
      live.set(value, tensor)
      return tensor
    }
    for (const [index, node] of this.#nodes.entries()) {
      live.set(node.output, compute(backend, node, node.inputs.map(tensorOf)))
      for (const value of this.#finished[index] ?? []) {
        live.get(value)?.dispose()
        live.delete(value)
      }
    }
    // Copies by reference, so that two outputs of one value, or a weight that is one, are freed once each.
    return [...graph.outputs.values()].map((value) => backend.tf.clone(tensorOf(value)))
  }

  /** What the device complains of ends the run: its results would be wrong. */
  #onDevice<T>(work: () => Promise<T>): Promise<T> {
    const { backend, device } = this.#parts
    return withBackend(backend, async () => {
      try {
        const result = await work()
        const complaint = backend.complaint()
        if (complaint !== null) throw new Error(complaint)
        return result
      } catch (cause) {
        if (cause instanceof EngineError) throw cause
        throw deviceError(device, { cause, code: 'device_failed', mend: 'make batchSize or maxLength smaller if its memory is full.' })
      }
    })
  }
}

function compute<K extends OperatorName>({ tf, copiesTransposes }: TfjsBackend, node: Node<K>, inputs: Tensor[]): Tensor {
  const { operator, attributes, output: { shape } } = node
  return tf.tidy(() => kernels[operator]({ tf, inputs, attributes, shape, copiesTransposes }))
}

/** Outputs are never finished; inputs of the graph are, as intermediate results are. */
function lastReads(graph: Graph, nodes: readonly Node[]): Value[][] {
  const last = new Map<Value, number>()
  for (const [index, { inputs, output }] of nodes.entries()) for (const value of [...inputs, output]) last.set(value, index)
  for (const value of graph.outputs.values()) last.delete(value)
  const finished = nodes.map((): Value[] => [])
  for (const [value, index] of last) if (value.source.kind === 'node' || value.source.kind === 'input') finished[index]?.push(value)
  return finished
}

function toTensor({ tf }: TfjsBackend, { name, shape, dtype }: Value, data: Data): Tensor {
  const values = data instanceof Float32Array ? data : toInt32(name, data)
  return tf.tensor(values, [...shape], tfjsType(dtype))
}

function toInt32(name: string, data: BigInt64Array | Uint8Array): Int32Array {
  if (data instanceof Uint8Array) return Int32Array.from(data)
  return Int32Array.from(data, (value) => {
    if (BigInt.asIntN(32, value) !== value) throw new EngineError('input_invalid', `"${name}" holds ${value}, which TensorFlow.js cannot: its integers have 32 bits`, { name })
    return Number(value)
  })
}

function toData(data: Float32Array | Int32Array | Uint8Array | undefined, { name, dtype }: Value): Data {
  if (data === undefined) throw graphError(`the output "${name}" was not computed`)
  if (dtype === 'i64') return BigInt64Array.from(data, BigInt)
  if (dtype === 'u8') return Uint8Array.from(data)
  return Float32Array.from(data)
}

/** Beyond these sizes the libraries abort the process, or compute nonsense, rather than say so. */
function checkSizes({ graph, device, backend: { bufferLimit, memoryLimit } }: SessionParts): void {
  const nodes = graph.liveNodes()
  const values = new Set(nodes.flatMap(({ inputs, output }) => [...inputs, output]))
  for (const { name, shape } of values) {
    const bytes = sizeOf(shape) * BYTES
    if (bytes > bufferLimit) throw new EngineError('device_limit', `a tensor [${shape.join(', ')}] ("${name}") takes ${bytes} bytes; "${device}" holds at most ${bufferLimit} in one. Make batchSize or maxLength smaller, or use device "cpu".`, { device, bytes, bufferLimit })
  }
  if (memoryLimit === null) return
  const held = [...values].filter(({ source }) => source.kind !== 'node').reduce((sum, { shape }) => sum + sizeOf(shape) * BYTES, 0)
  const bytes = held + peakActivationBytes(graph)
  if (bytes > memoryLimit) throw new EngineError('device_limit', `the graph needs ${bytes} bytes for weights and results; "${device}" reaches at most ${memoryLimit}. Make batchSize or maxLength smaller, take a smaller model, or use device "cpu".`, { device, bytes, memoryLimit })
}
