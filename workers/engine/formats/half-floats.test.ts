import { expect, it } from 'vitest'
import { float16ToNumber, float32ToBfloat16, float32ToFloat16 } from './half-floats.js'

it('widens half precision exactly', () => {
  expect([0x3c00, 0xc000, 0x7bff, 0x0001, 0x7c00].map(float16ToNumber)).toEqual([1, -2, 65504, 2 ** -24, Infinity])
  expect(float16ToNumber(0x7e00)).toBeNaN()
  // 1 + 2^-8 lies halfway between two bfloat16 values: ties go to the even one.
  expect([...float32ToBfloat16(Float32Array.of(1 + 2 ** -8, 1 + 3 * 2 ** -8, NaN))]).toEqual([0x3f80, 0x3f82, 0x7fc0])
})

it('narrows to half precision to nearest, ties to even', () => {
  const halves = Uint16Array.from({ length: 65536 }, (_, bits) => bits).filter((bits) => (bits & 0x7fff) <= 0x7c00)
  const exact = Float32Array.from(halves, float16ToNumber)
  expect(float32ToFloat16(exact)).toEqual(halves)
  // Halfway between two neighbours lies the even one; a hair beyond, the farther.
  const next = (bits: number): number => float16ToNumber(bits + 1)
  for (const bits of [0x0000, 0x0001, 0x03ff, 0x3c00, 0x3c01, 0x7bfe]) {
    const middle = (float16ToNumber(bits) + next(bits)) / 2
    expect([...float32ToFloat16(Float32Array.of(middle, middle * (1 + 2 ** -20), middle * (1 - 2 ** -20)))], String(bits)).toEqual([bits + (bits % 2), bits + 1, bits])
  }
  expect([...float32ToFloat16(Float32Array.of(65519, 65520, -1e30, NaN, 1e-30))]).toEqual([0x7bff, 0x7c00, 0xfc00, 0x7e00, 0])
})
