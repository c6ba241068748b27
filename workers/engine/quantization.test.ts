import { describe, expect, it } from 'vitest'
import { BLOCK_SIZES, blockScales, dequantize, nf4Pairs, QUANTIZATIONS, quantize, type Quantization } from './quantization.js'
import { Random } from './random.js'

function roundTrip(values: Float32Array, quantization: Quantization): Float32Array {
  const scales = blockScales(values, quantization)
  return dequantize(quantize(values, scales, quantization), scales, quantization)
}

const random = new Random(11)
const normal = Float32Array.from({ length: 64 * 200 }, () => 0.02 * random.normal())

/** Every value a block of this scale can hold. */
function levels(quantization: Quantization, scale: number): number[] {
  if (quantization === 'nf4') return [...nf4Pairs()].filter((_, index) => index % 2 === 1).slice(0, 16).map((level) => Math.fround(level * scale))
  const [low, high] = quantization === 'int8' ? [-127, 127] : [-8, 7]
  return Array.from({ length: high - low + 1 }, (_, index) => Math.fround((low + index) * scale))
}

describe.each(QUANTIZATIONS)('%s', (quantization) => {
  it('gives each weight the nearest value that its block can hold', () => {
    const scales = blockScales(normal, quantization)
    const result = dequantize(quantize(normal, scales, quantization), scales, quantization)
    for (const [block, scale] of scales.slice(0, 20).entries()) {
      const known = levels(quantization, scale)
      for (let index = block * BLOCK_SIZES[quantization]; index < (block + 1) * BLOCK_SIZES[quantization]; index++) {
        const [value = 0, got = 0] = [normal[index], result[index]]
        const best = Math.min(...known.map((level) => Math.abs(level - value)))
        expect(Math.abs(got - value)).toBeLessThanOrEqual(best + 1e-9)
      }
    }
  })

  it('keeps zeros, a block of zeros, and what it made itself', () => {
    expect(roundTrip(new Float32Array(64), quantization)).toEqual(new Float32Array(64))
    const once = roundTrip(normal, quantization)
    expect(roundTrip(once, quantization)).toEqual(once)
    const sparse = Float32Array.from({ length: 64 }, (_, index) => (index % 3 === 0 ? 0 : index - 40))
    for (const [index, value] of roundTrip(sparse, quantization).entries()) if (sparse[index] === 0) expect(value).toBeCloseTo(0, 12)
  })

  it('refuses what is not a number', () => {
    expect(() => blockScales(new Float32Array(64).fill(NaN, 5, 6), quantization)).toThrow('a weight is NaN')
  })
})

describe('error on normally distributed weights', () => {
  const relative = (quantization: Quantization): number => {
    const error = roundTrip(normal, quantization).reduce((sum, value, index) => sum + (value - (normal[index] ?? 0)) ** 2, 0)
    return Math.sqrt(error / normal.reduce((sum, value) => sum + value * value, 0))
  }

  it('falls with the bits', () => {
    expect(relative('int8')).toBeLessThan(0.01)
    expect(relative('int4')).toBeLessThan(0.1)
    expect(relative('nf4')).toBeLessThan(0.1)
  })

  it('is smaller with NormalFloat than with evenly spaced codes in blocks as large', () => {
    const evenly = normal.map((value, index) => {
      const block = normal.subarray(64 * Math.floor(index / 64), 64 * Math.floor(index / 64) + 64)
      const scale = Math.max(...block.map(Math.abs)) / 7
      return Math.round(value / scale) * scale
    })
    const error = evenly.reduce((sum, value, index) => sum + (value - (normal[index] ?? 0)) ** 2, 0)
    expect(relative('nf4')).toBeLessThan(0.9 * Math.sqrt(error / normal.reduce((sum, value) => sum + value * value, 0)))
  })
})

it('NF4 is the table of the paper: symmetric ends, an exact zero, one more level above it than below', () => {
  const table = [...nf4Pairs()].filter((_, index) => index % 2 === 1).slice(0, 16)
  expect([table[0], table[7], table[15]]).toEqual([-1, 0, 1])
  expect(table).toEqual(table.toSorted((a, b) => a - b))
  expect(table[8]).toBeCloseTo(0.0795803, 6)
})
