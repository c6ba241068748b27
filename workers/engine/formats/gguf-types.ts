// The vocabulary of GGUF, the container of llama.cpp: value types of its metadata and number formats of its tensors.
// Format: ggml-org/ggml docs/gguf.md; block layouts: ggml/src/ggml-common.h.

import { float16ToNumber, float32ToBfloat16, float32ToFloat16 } from './half-floats.js'

export const GGUF_VERSION = 3
export const DEFAULT_ALIGNMENT = 32

/** Scalars of the metadata, by their number in the file. */
export const SCALAR_TYPES = ['u8', 'i8', 'u16', 'i16', 'u32', 'i32', 'f32', 'bool', 'string', 'array', 'u64', 'i64', 'f64'] as const
export type GgufType = (typeof SCALAR_TYPES)[number]
export type GgufScalar = Exclude<GgufType, 'array'>

/** A metadata value: 64-bit integers are bigint, all other numbers number. */
export type GgufValue =
  | { type: GgufScalar; value: number | bigint | boolean | string }
  | { type: 'array'; of: GgufScalar; value: readonly (number | bigint | boolean | string)[] }

interface Block {
  /** Its number in the file. */
  id: number
  /** Numbers in a block, which a row holds a whole number of. */
  elements: number
  bytes: number
}

const plain = (id: number, bytes: number): Block => ({ id, elements: 1, bytes })
const small = (id: number, bytes: number): Block => ({ id, elements: 32, bytes })
const large = (id: number, bytes: number): Block => ({ id, elements: 256, bytes })

/** Every number format of llama.cpp whose size is known here; those in ENCODERS are also written. */
export const TENSOR_TYPES = {
  F32: plain(0, 4), F16: plain(1, 2), BF16: plain(30, 2), F64: plain(28, 8), I8: plain(24, 1), I16: plain(25, 2), I32: plain(26, 4), I64: plain(27, 8),
  Q4_0: small(2, 18), Q4_1: small(3, 20), Q5_0: small(6, 22), Q5_1: small(7, 24), Q8_0: small(8, 34), Q8_1: small(9, 36), IQ4_NL: small(20, 18), MXFP4: small(39, 17),
  Q2_K: large(10, 84), Q3_K: large(11, 110), Q4_K: large(12, 144), Q5_K: large(13, 176), Q6_K: large(14, 210), Q8_K: large(15, 292),
  IQ2_XXS: large(16, 66), IQ2_XS: large(17, 74), IQ3_XXS: large(18, 98), IQ1_S: large(19, 50), IQ3_S: large(21, 110), IQ2_S: large(22, 82), IQ4_XS: large(23, 136), IQ1_M: large(29, 56),
  TQ1_0: large(34, 54), TQ2_0: large(35, 66),
} as const satisfies Record<string, Block>
export type TensorType = keyof typeof TENSOR_TYPES

const WRITTEN_TYPES = ['F32', 'F16', 'BF16', 'Q8_0'] as const
export type WrittenType = (typeof WRITTEN_TYPES)[number]

export function tensorTypeOf(id: number): TensorType | undefined {
  return (Object.keys(TENSOR_TYPES) as TensorType[]).find((name) => TENSOR_TYPES[name].id === id)
}

/** Bytes of whole rows in the file, in one of the formats that are written. A row must hold whole blocks. */
export function encodeTensor(values: Float32Array, type: WrittenType): ArrayBufferView {
  switch (type) {
    case 'F32':
      return values
    case 'F16':
      return float32ToFloat16(values)
    case 'BF16':
      return float32ToBfloat16(values)
    case 'Q8_0':
      return quantizeQ8(values)
  }
}

const Q8 = TENSOR_TYPES.Q8_0
const Q8_LARGEST = 127

/** Blocks of 32: a half-precision scale d = max|x| / 127, then 32 signed bytes x / d, rounded half away from zero as C's roundf does. */
function quantizeQ8(values: Float32Array): Uint8Array {
  const blocks = values.length / Q8.elements
  const scales = new Float32Array(blocks)
  const bytes = new Uint8Array(blocks * Q8.bytes)
  const quants = new Int8Array(bytes.buffer)
  for (let block = 0; block < blocks; block++) {
    const start = block * Q8.elements
    let largest = 0
    for (let index = start; index < start + Q8.elements; index++) largest = Math.max(largest, Math.abs(values[index] ?? 0))
    const scale = Math.fround(largest / Q8_LARGEST)
    scales[block] = scale
    const inverse = scale === 0 ? 0 : Math.fround(1 / scale)
    for (let index = 0; index < Q8.elements; index++) {
      const scaled = Math.fround((values[start + index] ?? 0) * inverse)
      quants[block * Q8.bytes + 2 + index] = Math.sign(scaled) * Math.floor(Math.abs(scaled) + 0.5)
    }
  }
  const view = new DataView(bytes.buffer)
  for (const [block, half] of float32ToFloat16(scales).entries()) view.setUint16(block * Q8.bytes, half, true)
  return bytes
}

/** The numbers of a tensor in one of the formats that are written; null for any other. */
export function decodeTensor(bytes: Uint8Array<ArrayBuffer>, type: TensorType): Float32Array | null {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  switch (type) {
    case 'F32':
      return Float32Array.from({ length: bytes.length / 4 }, (_, index) => view.getFloat32(index * 4, true))
    case 'F16':
      return Float32Array.from({ length: bytes.length / 2 }, (_, index) => float16ToNumber(view.getUint16(index * 2, true)))
    case 'BF16':
      return new Float32Array(Uint32Array.from({ length: bytes.length / 2 }, (_, index) => view.getUint16(index * 2, true) << 16).buffer)
    case 'Q8_0':
      return Float32Array.from({ length: (bytes.length / Q8.bytes) * Q8.elements }, (_, index) => {
        const block = Math.floor(index / Q8.elements) * Q8.bytes
        return float16ToNumber(view.getUint16(block, true)) * view.getInt8(block + 2 + (index % Q8.elements))
      })
    default:
      return null
  }
}
