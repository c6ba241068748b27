/**
 * Writes a graph as an ONNX model: opset 21, plain ai.onnx operators, so that every execution provider takes it; for
 * the CPU also ONNX Runtime's own, which do the work of several.
 * Frozen weights become external data that points into the user's own files; nothing is copied.
 * Field numbers are those of onnx.proto (https://github.com/onnx/onnx/blob/main/onnx/onnx.proto).
 */
import { basename, dirname } from 'node:path'
import type { Graph } from './graph.js'
import { fileOrder } from './onnx-order.js'
import type { OperatorName } from './ops/attributes.js'
import { onnxTypes } from './ops/elementwise.js'
import type { EmittedNode, Emitter } from './ops/operator.js'
import { operators } from './ops/operators.js'
import { ProtoWriter } from './protobuf.js'
import { graphError, type DType, type ExternalLocation, type Node, type Shape, type Value } from './tensor.js'

export interface OnnxModel {
  bytes: Uint8Array
  /** Folder the external weights lie in; null where there are none. */
  weightsFolder: string | null
}

const OPSET = 21
const IR_VERSION = 10
const ONNX_UINT16 = 4

export function emitOnnx(graph: Graph, target: Emitter['target'] = 'cpu'): OnnxModel {
  const writer = new ModelWriter(graph, target)
  for (const node of fileOrder(graph)) writer.operator(node)
  return writer.finish()
}

class ModelWriter implements Emitter {
  readonly target: Emitter['target']
  readonly #graph: Graph
  readonly #body = new ProtoWriter()
  readonly #written = new Set<Value>()
  readonly #constants = new Map<string, string>()
  readonly #outputNames = new Map<Value, string>()
  readonly #aliases: { from: Value; to: string }[] = []
  readonly #domains = new Set<string>()
  readonly #reread = new Set<string>()
  #folder: string | null = null
  #fresh = 0

  constructor(graph: Graph, target: Emitter['target']) {
    this.target = target
    this.#graph = graph
    for (const [name, value] of graph.outputs) {
      if (value.source.kind === 'node' && !this.#outputNames.has(value)) this.#outputNames.set(value, name)
      else this.#aliases.push({ from: value, to: name })
    }
  }

  operator<K extends OperatorName>(node: Node<K>): void {
    const { inputs, output, attributes } = node
    const names = inputs.map((input) => this.#use(input))
    operators[node.operator].emit({ emitter: this, names, inputs, output, outputName: this.#nameOf(output), attributes })
  }

  node(type: string, inputs: readonly string[], { output = `t${this.#fresh++}`, attributes = {}, floats = {}, domain }: EmittedNode = {}): string {
    this.#body.message(1, (proto) => {
      for (const input of inputs) proto.text(1, input)
      proto.text(2, output)
      // ONNX Runtime names nodes in its errors and profiles.
      proto.text(3, output)
      proto.text(4, type)
      for (const [name, value] of Object.entries(attributes)) proto.message(5, (field) => writeAttribute(field, name, value))
      for (const [name, value] of Object.entries(floats)) proto.message(5, (field) => writeFloat(field, name, value))
      if (domain !== undefined) proto.text(7, domain)
    })
    if (domain !== undefined) this.#domains.add(domain)
    return output
  }

  int64(values: readonly number[]): string {
    return this.#shared(`i${values.join('_')}`, 'i64', [values.length], BigInt64Array.from(values, BigInt))
  }

  float(value: number): string {
    return this.#shared(`f${value}`, 'f32', [], Float32Array.of(value))
  }

  table(name: string, make: () => Float32Array, shape: Shape): string {
    return this.#constants.get(name) ?? this.#shared(name, 'f32', shape, make())
  }

  rereadAsUint16({ name, source }: Value, shape: Shape): string | null {
    if (source.kind !== 'external') return null
    const again = `${name} by two bytes`
    if (!this.#reread.has(again)) this.#external(again, { dims: shape, type: ONNX_UINT16, location: source.location })
    this.#reread.add(again)
    return again
  }

  finish(): OnnxModel {
    for (const { from, to } of this.#aliases) this.node('Identity', [this.#use(from)], { output: to })
    const { inputs, outputs, freeAxes } = this.#graph
    this.#body.text(2, 'graph')
    for (const input of inputs) this.#body.message(11, (proto) => writeValueInfo(proto, input.name, { dtype: input.dtype, dims: namedSizes(input, freeAxes.get(input)) }))
    // Where inputs have free axes, what comes out has them too, at places that nobody needs to be told.
    for (const [name, { dtype, shape }] of outputs) this.#body.message(12, (proto) => writeValueInfo(proto, name, { dtype, dims: freeAxes.size > 0 ? null : shape }))
    const model = new ProtoWriter()
    model.varint(1, IR_VERSION)
    model.text(2, 'bancada')
    model.bytes(7, this.#body.finish())
    model.message(8, (proto) => proto.varint(2, OPSET))
    for (const domain of this.#domains) {
      model.message(8, (proto) => {
        proto.text(1, domain)
        proto.varint(2, 1)
      })
    }
    return { bytes: model.finish(), weightsFolder: this.#folder }
  }

  #nameOf(value: Value): string {
    return this.#outputNames.get(value) ?? value.name
  }

  /** The name of a value, writing its initializer when it is first used. */
  #use(value: Value): string {
    const { source } = value
    if (this.#written.has(value)) return value.name
    if (source.kind === 'constant') this.#initializer(value.name, value, source.data)
    if (source.kind === 'external') this.#external(value.name, { dims: value.shape, type: onnxTypes[value.dtype], location: source.location })
    if (source.kind === 'constant' || source.kind === 'external') this.#written.add(value)
    return this.#nameOf(value)
  }

  #shared(key: string, dtype: DType, shape: Shape, data: Float32Array | BigInt64Array): string {
    const known = this.#constants.get(key)
    if (known !== undefined) return known
    const name = `c_${key}`
    this.#initializer(name, { dtype, shape }, data)
    this.#constants.set(key, name)
    return name
  }

  #initializer(name: string, spec: { dtype: DType; shape: Shape }, data: Float32Array | BigInt64Array): void {
    this.#body.message(5, (proto) => {
      writeTensorHead(proto, name, { dims: spec.shape, type: onnxTypes[spec.dtype] })
      proto.bytes(9, new Uint8Array(data.buffer, data.byteOffset, data.byteLength))
    })
  }

  #external(name: string, { location, ...spec }: { dims: Shape; type: number; location: ExternalLocation }): void {
    const folder = dirname(location.file)
    if (this.#folder !== null && this.#folder !== folder) throw graphError(`weights lie in two folders, ${this.#folder} and ${folder}; put all *.safetensors of the model into one`)
    this.#folder = folder
    this.#body.message(5, (proto) => {
      writeTensorHead(proto, name, spec)
      const entries = { location: basename(location.file), offset: String(location.offset), length: String(location.length) }
      for (const [key, text] of Object.entries(entries)) {
        proto.message(13, (entry) => {
          entry.text(1, key)
          entry.text(2, text)
        })
      }
      proto.varint(14, 1)
    })
  }
}

function writeTensorHead(proto: ProtoWriter, name: string, { dims, type }: { dims: Shape; type: number }): void {
  for (const size of dims) proto.varint(1, size)
  proto.varint(2, type)
  proto.text(8, name)
}

function namedSizes({ shape }: Value, axes: readonly (string | null)[] = []): (number | string)[] {
  return shape.map((size, axis) => axes[axis] ?? size)
}

/** `dims`: a size or a name for each axis; null leaves the shape open. */
function writeValueInfo(proto: ProtoWriter, name: string, { dtype, dims }: { dtype: DType; dims: readonly (number | string)[] | null }): void {
  proto.text(1, name)
  proto.message(2, (type) => type.message(1, (tensor) => {
    tensor.varint(1, onnxTypes[dtype])
    if (dims === null) return
    tensor.message(2, (shape) => {
      for (const size of dims) shape.message(1, (dim) => (typeof size === 'number' ? dim.varint(1, size) : dim.text(2, size)))
    })
  }))
}

function writeAttribute(proto: ProtoWriter, name: string, value: number | string | readonly number[]): void {
  proto.text(1, name)
  if (typeof value === 'number') {
    proto.varint(3, value)
    proto.varint(20, 2)
  } else if (typeof value === 'string') {
    proto.text(4, value)
    proto.varint(20, 3)
  } else {
    for (const item of value) proto.varint(8, item)
    proto.varint(20, 7)
  }
}

function writeFloat(proto: ProtoWriter, name: string, value: number): void {
  proto.text(1, name)
  proto.float(2, value)
  proto.varint(20, 1)
}
