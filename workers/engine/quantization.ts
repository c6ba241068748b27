/**
 * Block quantisation of frozen matrices: the elements of a matrix, row after row, fall into blocks of equal length,
 * and each block has a scale of its own, in float32. Pure numbers; files and graphs are elsewhere.
 */
import { EngineError } from './engine-error.js'

/**
 * int8: code·scale, codes −127 … 127, scale = largest magnitude / 127.
 * int4: code·scale, codes −8 … 7, scale = −(value of largest magnitude) / 8, so that all sixteen codes are used.
 * nf4: NormalFloat (Dettmers et al. 2023, arXiv:2305.14314, appendix E): table[code]·scale, scale = largest magnitude.
 */
export const QUANTIZATIONS = ['int8', 'int4', 'nf4'] as const
export type Quantization = (typeof QUANTIZATIONS)[number]

/** Elements per scale. */
export const BLOCK_SIZES: Record<Quantization, number> = { int8: 64, int4: 32, nf4: 64 }
const CODE_BITS: Record<Quantization, number> = { int8: 8, int4: 4, nf4: 4 }
/** Of the two codes in a byte, the half of the first: bits it is shifted by. ONNX has the first low, bitsandbytes high. */
const FIRST_SHIFT: Record<Quantization, 0 | 4> = { int8: 0, int4: 0, nf4: 4 }

/** Quantiles of the standard normal distribution, brought to [−1, 1], with an exact 0. */
const NF4 = Float32Array.of(
  -1, -0.6961928009986877, -0.5250730514526367, -0.39491748809814453, -0.28444138169288635, -0.18477343022823334, -0.09105003625154495, 0,
  0.07958029955625534, 0.16093020141124725, 0.24611230194568634, 0.33791524171829224, 0.44070982933044434, 0.5626170039176941, 0.7229568362236023, 1,
)
const NF4_BORDERS = NF4.slice(1).map((value, index) => (value + (NF4[index] ?? 0)) / 2)

/** The two values that a byte of NF4 codes stands for, high half first: [256, 2]. */
export function nf4Pairs(): Float32Array {
  return Float32Array.from({ length: 512 }, (_, index) => NF4[index % 2 === 0 ? index >> 5 : (index >> 1) & 15] ?? 0)
}

/** The four values that two such bytes stand for, read as one number of 16 bits with the first byte low: [65536, 4]. */
export function nf4Quads(): Float32Array {
  return (quads ??= makeQuads())
}

let quads: Float32Array | null = null

function makeQuads(): Float32Array {
  const pairs = nf4Pairs()
  return Float32Array.from({ length: 4 << 16 }, (_, index) => {
    const byte = index & 2 ? index >> 10 : (index >> 2) & 255
    return pairs[2 * byte + (index & 1)] ?? 0
  })
}

/** Bytes of a row of codes of one block: [blocks, blockBytes] is how codes are stored. */
export function blockBytes(quantization: Quantization): number {
  return (BLOCK_SIZES[quantization] * CODE_BITS[quantization]) / 8
}

/** One scale per block. Throws `weights_invalid` where a value is not finite. */
export function blockScales(values: Float32Array, quantization: Quantization): Float32Array {
  const size = BLOCK_SIZES[quantization]
  const scales = new Float32Array(values.length / size)
  for (let block = 0; block < scales.length; block++) {
    let largest = 0
    for (let index = block * size; index < (block + 1) * size; index++) {
      const value = values[index] ?? NaN
      if (!Number.isFinite(value)) throw new EngineError('weights_invalid', `a weight is ${value}; only finite weights can be quantised`)
      if (Math.abs(value) > Math.abs(largest)) largest = value
    }
    scales[block] = quantization === 'int4' ? (0 - largest) / 8 : Math.abs(largest) / (quantization === 'int8' ? 127 : 1)
  }
  return scales
}

/** The nearest code of each value; 4-bit codes stand two in a byte, the first of int4 in the low half, of nf4 in the high one. */
export function quantize(values: Float32Array, scales: Float32Array, quantization: Quantization): Uint8Array {
  const [size, isByte, first, codeOf] = [BLOCK_SIZES[quantization], CODE_BITS[quantization] === 8, FIRST_SHIFT[quantization], nearestCode[quantization]]
  const codes = new Uint8Array(isByte ? values.length : values.length / 2)
  for (let block = 0; block < scales.length; block++) {
    const scale = scales[block] ?? 0
    // A block of zeros has no scale; every code of it stands for 0.
    const inverse = scale === 0 ? 0 : 1 / scale
    for (let index = block * size; index < (block + 1) * size; index++) {
      const code = codeOf((values[index] ?? 0) * inverse)
      if (isByte) codes[index] = code
      else codes[index >> 1] = (codes[index >> 1] ?? 0) | ((code & 15) << (index % 2 === 0 ? first : 4 - first))
    }
  }
  return codes
}

/** The same int4 codes as 0 … 15 in place of −8 … 7. */
export function unsignedCodes(codes: Uint8Array): Uint8Array {
  return codes.map((byte) => byte ^ 0x88)
}

const nearestCode: Record<Quantization, (ratio: number) => number> = {
  int8: (ratio) => Math.max(-127, Math.min(127, Math.round(ratio))),
  int4: (ratio) => Math.max(-8, Math.min(7, Math.round(ratio))),
  nf4: (ratio) => {
    let code = 0
    for (let step = 8; step > 0; step >>= 1) if (ratio > (NF4_BORDERS[code + step - 1] ?? Infinity)) code += step
    return code
  },
}

/** What the codes stand for, to the last bit of float32: the reference of every executor. */
export function dequantize(codes: Uint8Array, scales: Float32Array, quantization: Quantization): Float32Array {
  const [size, isByte, first] = [BLOCK_SIZES[quantization], CODE_BITS[quantization] === 8, FIRST_SHIFT[quantization]]
  const values = new Float32Array(isByte ? codes.length : codes.length * 2)
  for (let index = 0; index < values.length; index++) {
    const byte = codes[isByte ? index : index >> 1] ?? 0
    const half = (byte >> (index % 2 === 0 ? first : 4 - first)) & 15
    const level = quantization === 'nf4' ? (NF4[half] ?? 0) : isByte ? (byte << 24) >> 24 : (half << 28) >> 28
    values[index] = level * (scales[Math.floor(index / size)] ?? 0)
  }
  return values
}
