/*
 * The network of Universal Sentence Encoder Lite as an ONNX model: a transformer of two pre-norm
 * layers, the mean of its outputs, and one tanh layer. The published TensorFlow.js graph computes
 * the same; on ONNX Runtime it takes a fraction of the time (a test holds the two together).
 * Legend: B texts, T tokens of the longest, H = 4 heads.
 */
import { ProtoWriter } from '../engine/protobuf.js'

export interface Weight {
  shape: readonly number[]
  data: Float32Array
}

/** Reads a weight by the end of its name in the published graph. */
export type WeightSource = (name: string) => Weight

const HEADS = 4
const OPSET = 21
const IR_VERSION = 10
const FLOAT = 1
const INT64 = 7
/** Added to the variance in layer normalisation, as in the published graph. */
const EPSILON = 1e-6

type Attribute = number | readonly number[] | { float: number }

class Model {
  private readonly body = new ProtoWriter()
  private names = 0

  node(type: string, inputs: readonly string[], attributes: Record<string, Attribute> = {}): string {
    return this.nodes(type, inputs, { attributes, outputs: 1 })[0] ?? ''
  }

  nodes(type: string, inputs: readonly string[], options: { attributes: Record<string, Attribute>; outputs: number }): string[] {
    const outputs = Array.from({ length: options.outputs }, () => `t${this.names++}`)
    this.body.message(1, (node) => {
      for (const input of inputs) node.text(1, input)
      for (const output of outputs) node.text(2, output)
      node.text(4, type)
      for (const [name, value] of Object.entries(options.attributes)) writeAttribute(node, name, value)
    })
    return outputs
  }

  weight({ shape, data }: Weight): string {
    return this.constant(shape, FLOAT, data)
  }

  integers(values: readonly number[]): string {
    return this.constant([values.length], INT64, BigInt64Array.from(values, BigInt))
  }

  private constant(shape: readonly number[], type: number, data: Float32Array | BigInt64Array): string {
    const name = `w${this.names++}`
    this.body.message(5, (tensor) => {
      for (const size of shape) tensor.varint(1, size)
      tensor.varint(2, type)
      tensor.text(8, name)
      tensor.bytes(9, new Uint8Array(data.buffer, data.byteOffset, data.byteLength))
    })
    return name
  }

  /** Names a value that is fed (field 11) or fetched (field 12); texts are dimensions that vary. */
  declare(field: 11 | 12, name: string, spec: { type: number; shape: readonly (number | string)[] }): void {
    this.body.message(field, (info) => {
      info.text(1, name)
      info.message(2, (type) =>
        type.message(1, (tensor) => {
          tensor.varint(1, spec.type)
          tensor.message(2, (dimensions) => {
            for (const size of spec.shape) dimensions.message(1, (dimension) => (typeof size === 'number' ? dimension.varint(1, size) : dimension.text(2, size)))
          })
        }),
      )
    })
  }

  finish(): Uint8Array {
    this.body.text(2, 'sentence-encoder')
    const model = new ProtoWriter()
    model.varint(1, IR_VERSION)
    model.bytes(7, this.body.finish())
    model.message(8, (opset) => opset.varint(2, OPSET))
    return model.finish()
  }
}

function writeAttribute(node: ProtoWriter, name: string, value: Attribute): void {
  if (typeof value === 'object' && 'float' in value) {
    // name = 1, f = 2 (32 bits, which the writer has no call for), type = 20: FLOAT
    const bytes = Buffer.from([0x0a, name.length, ...Buffer.from(name), 0x15, 0, 0, 0, 0, 0xa0, 0x01, 0x01])
    bytes.writeFloatLE(value.float, name.length + 3)
    return node.bytes(5, bytes)
  }
  node.message(5, (attribute) => {
    attribute.text(1, name)
    if (typeof value === 'number') attribute.varint(3, value)
    else for (const item of value) attribute.varint(8, item)
    attribute.varint(20, typeof value === 'number' ? 2 : 7)
  })
}

function flat({ shape, data }: Weight): Weight {
  return { shape: shape.filter((size, axis) => size !== 1 || axis >= shape.length - 2), data }
}

/** Layer `number` of the transformer; x is [B, T, width], the result [B, T, 512]. */
class Layer {
  private readonly prefix: string

  constructor(
    private readonly model: Model,
    private readonly weights: WeightSource,
    number: 0 | 1,
  ) {
    this.prefix = `Layer_${number}/TransformerLayer`
  }

  dense(x: string, kernel: string, bias: string): string {
    const { model, weights, prefix } = this
    const product = model.node('MatMul', [x, model.weight(flat(weights(`${prefix}/${kernel}`)))])
    return model.node('Add', [product, model.weight(weights(`${prefix}/${bias}/ConcatPartitions/concat`))])
  }

  norm(x: string, place: '' | 'FFN/'): string {
    const [scale, bias] = ['scale', 'bias'].map((part) => this.model.weight(this.weights(`${this.prefix}/${place}layer_prepostprocess/layer_norm/layer_norm_${part}/ConcatPartitions/concat`)))
    return this.model.node('LayerNormalization', [x, scale ?? '', bias ?? ''], { axis: -1, epsilon: { float: EPSILON } })
  }

  /** @param width of the queries, keys and values over all heads */
  attention(x: string, bias: string, width: number): string {
    const { model } = this
    const projected = this.dense(x, 'MultiheadAttention/qkv_transform_single/kernel/part_0', 'MultiheadAttention/qkv_transform_single/bias')
    const parts = model.nodes('Split', [projected], { attributes: { axis: -1, num_outputs: 3 }, outputs: 3 })
    const perHead = model.integers([0, 0, HEADS, width / HEADS])
    const [queries, keys, values] = parts.map((part, index) => {
      // Keys come out transposed for the product: [B, H, width/H, T].
      return model.node('Transpose', [model.node('Reshape', [part, perHead])], { perm: index === 1 ? [0, 2, 3, 1] : [0, 2, 1, 3] })
    })
    const scale = model.weight({ shape: [], data: Float32Array.of(1 / Math.sqrt(width / HEADS)) })
    const scores = model.node('Add', [model.node('MatMul', [model.node('Mul', [queries ?? '', scale]), keys ?? '']), bias])
    const mixed = model.node('MatMul', [model.node('Softmax', [scores], { axis: -1 }), values ?? ''])
    const joined = model.node('Reshape', [model.node('Transpose', [mixed], { perm: [0, 2, 1, 3] }), model.integers([0, 0, width])])
    return this.dense(joined, 'MultiheadAttention/output_transform_single/kernel/part_0', 'MultiheadAttention/output_transform_single/bias')
  }

  feedForward(x: string): string {
    const inner = this.model.node('Relu', [this.dense(this.norm(x, 'FFN/'), 'FFN/conv1/Tensordot/Reshape_1', 'FFN/conv1/bias')])
    return this.model.node('Add', [this.dense(inner, 'FFN/conv2/Tensordot/Reshape_1', 'FFN/conv2/bias'), x])
  }
}

/** 2·embedding + timing: the published graph adds the embedding to the sum of embedding and timing. */
function embed(model: Model, weights: WeightSource): string {
  const rows = model.node('Gather', [model.weight(weights('module/Embeddings_en')), 'ids'])
  return model.node('Add', [model.node('Add', [rows, rows]), 'timing'])
}

/**
 * The model. Inputs: ids int64 [B, T]; timing [T, 256], sin and cos of the positions; bias
 * [B, 1, 1, T], 0 for tokens and −1e9 for padding; share [B, 1, T], 1/length for tokens and 0 for
 * padding. Output: vectors [B, 1, 512] before they are scaled to length 1.
 */
export function writeEncoder(weights: WeightSource): Uint8Array {
  const model = new Model()
  model.declare(11, 'ids', { type: INT64, shape: ['B', 'T'] })
  model.declare(11, 'timing', { type: FLOAT, shape: ['T', 256] })
  model.declare(11, 'bias', { type: FLOAT, shape: ['B', 1, 1, 'T'] })
  model.declare(11, 'share', { type: FLOAT, shape: ['B', 1, 'T'] })
  const [first, second] = [new Layer(model, weights, 0), new Layer(model, weights, 1)]
  const embedded = embed(model, weights)
  const widened = first.dense(embedded, 'dense/kernel/ConcatPartitions/concat', 'dense/bias')
  const middle = first.feedForward(model.node('Add', [first.attention(first.norm(embedded, ''), 'bias', 256), widened]))
  const last = second.feedForward(model.node('Add', [second.attention(second.norm(middle, ''), 'bias', 512), middle]))
  const mean = model.node('MatMul', ['share', last])
  const hidden = model.node('Add', [model.node('MatMul', [mean, model.weight(weights('tanh_layer_0/weights'))]), model.weight(weights('tanh_layer_0/bias'))])
  model.declare(12, model.node('Tanh', [hidden]), { type: FLOAT, shape: ['B', 1, 512] })
  return model.finish()
}
