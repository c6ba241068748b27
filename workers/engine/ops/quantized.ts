/** Weights that are stored in few bits, widened where they are used. */
import { BLOCK_SIZES, blockBytes, nf4Quads, type Quantization } from '../quantization.js'
import { graphError, sameShape, sizeOf, type DType, type Shape } from '../tensor.js'
import type { None } from './attributes.js'
import { at, type Emitter, type Operator } from './operator.js'
import { gemm } from './products.js'

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
  emit: ({ emitter, names, inputs, outputName, attributes: { quantization, shape } }) => {
    const [codes, scales] = [at(names, 0), at(names, 1)]
    const flat = quantization === 'nf4' ? fromTable() : emitter.node('DequantizeLinear', [codes, scales], { attributes: { axis: 0 } })
    emitter.node('Reshape', [flat, emitter.int64(shape)], { output: outputName })

    function fromTable(): string {
      const blocks = sizeOf(shape) / BLOCK_SIZES.nf4
      // A lookup costs much the same whether it finds two numbers or four: stored codes are read two bytes at once.
      const wide = emitter.target === 'cpu' ? emitter.rereadAsUint16(at(inputs, 0), [blocks, blockBytes('nf4') / 2]) : null
      return wide === null ? widened(emitter, { table: at(names, 2), index: codes, scales, blocks }) : widened(emitter, { table: emitter.table('nf4 quads', nf4Quads, [1 << 16, 4]), index: wide, scales, blocks })
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

const NF4_TYPE = 1

/**
 * x·Wᵀ for W in NF4, as it is stored: codes u8 [blocks,32], x [M,K], scales [blocks] and the table of Dequantize → [M,N],
 * where N·K = 64·blocks. The CPU's kernel widens W for the product, five times as fast as a lookup does.
 */
export const Nf4Product: Operator<None> = {
  infer: (inputs) => {
    const [codes, x, scales] = [at(inputs, 0), at(inputs, 1), at(inputs, 2)]
    const [blocks, K] = [at(codes.shape, 0), at(x.shape, -1)]
    const N = (blocks * BLOCK_SIZES.nf4) / K
    if (codes.dtype !== 'u8' || !sameShape(codes.shape, [blocks, blockBytes('nf4')]) || x.shape.length !== 2 || !Number.isInteger(N) || !sameShape(scales.shape, [blocks])) {
      throw graphError(`product of [${x.shape.join(', ')}] with nf4 codes ${codes.dtype} [${codes.shape.join(', ')}] and scales [${scales.shape.join(', ')}]`)
    }
    return { shape: [at(x.shape, 0), N], dtype: 'f32' }
  },
  backward: ({ graph, inputs, output, gradient }) => {
    const [codes, x, scales, table] = [at(inputs, 0), at(inputs, 1), at(inputs, 2), at(inputs, 3)]
    const wide = graph.apply('Dequantize', [codes, scales, table], { quantization: 'nf4', shape: [at(output.shape, 1), at(x.shape, 1)] })
    return [null, gemm(graph, gradient, wide), null, null]
  },
  emit: ({ emitter, names, inputs, output, outputName }) => {
    const [codes, x, scales, table] = [at(names, 0), at(names, 1), at(names, 2), at(names, 3)]
    const [N, K, blocks] = [at(output.shape, 1), at(at(inputs, 1).shape, 1), at(at(inputs, 0).shape, 0)]
    if (emitter.target === 'gpu') {
      const wide = emitter.node('Reshape', [widened(emitter, { table, index: codes, scales, blocks }), emitter.int64([N, K])])
      return void emitter.node('Gemm', [x, wide], { output: outputName, attributes: { transB: 1 } })
    }
    emitter.node('MatMulBnb4', [x, codes, scales], { output: outputName, domain: 'com.microsoft', attributes: { K, N, block_size: BLOCK_SIZES.nf4, quant_type: NF4_TYPE } })
  },
}

/** NF4 codes by lookup, [blocks, size]. */
function widened(emitter: Emitter, { table, index, scales, blocks }: { table: string; index: string; scales: string; blocks: number }): string {
  const levels = emitter.node('Gather', [table, emitter.node('Cast', [index], { attributes: { to: ONNX_INT32 } })], { attributes: { axis: 0 } })
  const column = emitter.node('Reshape', [scales, emitter.int64([blocks, 1])])
  return emitter.node('Mul', [emitter.node('Reshape', [levels, emitter.int64([blocks, BLOCK_SIZES.nf4])]), column])
}
