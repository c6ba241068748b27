/** Weights that are stored in few bits, widened where they are used. */
import { BLOCK_SIZES, blockBytes, type Quantization } from '../quantization.js'
import { graphError, sameShape, sizeOf, type DType, type Shape } from '../tensor.js'
import type { None } from './attributes.js'
import { at, type Operator } from './operator.js'

export interface DequantizeAttributes {
  quantization: Quantization
  shape: Shape
}

const codeTypes: Record<Quantization, DType> = { int8: 'i8', int4: 'i4', nf4: 'u8' }
const ONNX_INT32 = 6

/**
 * Codes and scales [blocks] of a matrix → the matrix in f32. Codes are i8 or i4 [blocks, size]; those of NF4 are u8
 * [blocks, size/2], two in each, and come with the table [256,2] of what such a byte stands for. No gradient: the weights are frozen.
 */
export const Dequantize: Operator<DequantizeAttributes> = {
  infer: (inputs, { quantization, shape }) => {
    const [codes, scales] = [at(inputs, 0), at(inputs, 1)]
    const blocks = sizeOf(shape) / BLOCK_SIZES[quantization]
    const row = quantization === 'nf4' ? blockBytes(quantization) : BLOCK_SIZES[quantization]
    if (codes.dtype !== codeTypes[quantization] || !sameShape(codes.shape, [blocks, row]) || !sameShape(scales.shape, [blocks])) {
      throw graphError(`${quantization} codes ${codes.dtype} [${codes.shape.join(', ')}] and scales [${scales.shape.join(', ')}] do not make [${shape.join(', ')}]`)
    }
    return { shape, dtype: 'f32' }
  },
  backward: null,
  emit: ({ emitter, names, outputName, attributes: { quantization, shape } }) => {
    const [codes, scales] = [at(names, 0), at(names, 1)]
    const flat = quantization === 'nf4' ? fromTable() : emitter.node('DequantizeLinear', [codes, scales], { attributes: { axis: 0 } })
    emitter.node('Reshape', [flat, emitter.int64(shape)], { output: outputName })

    function fromTable(): string {
      const [blocks, size] = [sizeOf(shape) / BLOCK_SIZES[quantization], BLOCK_SIZES[quantization]]
      const pairs = emitter.node('Gather', [at(names, 2), emitter.node('Cast', [codes], { attributes: { to: ONNX_INT32 } })], { attributes: { axis: 0 } })
      const column = emitter.node('Reshape', [scales, emitter.int64([blocks, 1])])
      return emitter.node('Mul', [emitter.node('Reshape', [pairs, emitter.int64([blocks, size])]), column])
    }
  },
}

/**
 * x·Wᵀ for W in int4, computed block by block on the codes: codes u8 [N,blocks,16] of 0 … 15, eight above what they
 * stand for and two in a byte, the first in the low half; x [M,K] with K = 32·blocks, scales [N·blocks] → [M,N].
 */
export const CodedProduct: Operator<None> = {
  infer: (inputs) => {
    const [codes, x, scales] = [at(inputs, 0), at(inputs, 1), at(inputs, 2)]
    const [N, blocks] = [at(codes.shape, 0), at(codes.shape, 1)]
    if (codes.dtype !== 'u8' || !sameShape(codes.shape, [N, blocks, blockBytes('int4')]) || x.shape.length !== 2 || at(x.shape, 1) !== blocks * BLOCK_SIZES.int4 || !sameShape(scales.shape, [N * blocks])) {
      throw graphError(`product of [${x.shape.join(', ')}] with int4 codes ${codes.dtype} [${codes.shape.join(', ')}] and scales [${scales.shape.join(', ')}]`)
    }
    return { shape: [at(x.shape, 0), N], dtype: 'f32' }
  },
  backward: null,
  emit: ({ emitter, names, inputs, output, outputName }) => {
    const attributes = { K: at(at(inputs, 1).shape, 1), N: at(output.shape, 1), bits: 4, block_size: BLOCK_SIZES.int4 }
    emitter.node('MatMulNBits', [at(names, 1), at(names, 0), at(names, 2)], { output: outputName, domain: 'com.microsoft', attributes })
  },
}
