/** The two 16-bit number formats of weights, as bit patterns: bfloat16 and IEEE 754 half precision. */

/** IEEE 754 half precision to number, subnormals, infinities and NaN included. */
export function float16ToNumber(half: number): number {
  const sign = half & 0x8000 ? -1 : 1
  const exponent = (half >> 10) & 0x1f
  const fraction = half & 0x3ff
  if (exponent === 0) return sign * fraction * 2 ** -24
  if (exponent === 31) return fraction ? NaN : sign * Infinity
  return sign * (1 + fraction / 1024) * 2 ** (exponent - 15)
}

/** Rounds float32 values to bfloat16 bit patterns, to nearest with ties to even; NaN stays NaN. */
export function float32ToBfloat16(values: Float32Array): Uint16Array<ArrayBuffer> {
  const bits = new Uint32Array(values.buffer, values.byteOffset, values.length)
  const halves = new Uint16Array(bits.length)
  for (let i = 0; i < bits.length; i++) {
    const bit = bits[i] ?? 0
    halves[i] = (bit & 0x7fffffff) > 0x7f800000 ? (bit >>> 16) | 0x40 : (bit + 0x7fff + ((bit >>> 16) & 1)) >>> 16
  }
  return halves
}

/** Rounds float32 values to IEEE half precision bit patterns, to nearest with ties to even; beyond 65504 lies infinity, NaN stays NaN. */
export function float32ToFloat16(values: Float32Array): Uint16Array<ArrayBuffer> {
  const bits = new Uint32Array(values.buffer, values.byteOffset, values.length)
  const halves = new Uint16Array(bits.length)
  for (let i = 0; i < bits.length; i++) halves[i] = halfOf(bits[i] ?? 0)
  return halves
}

function halfOf(bit: number): number {
  const sign = (bit >>> 16) & 0x8000
  const magnitude = bit & 0x7fffffff
  if (magnitude > 0x7f800000) return sign | 0x7e00
  if (magnitude >= 0x477ff000) return sign | 0x7c00
  // Normal halves keep 10 of 23 fraction bits; adding the rounding bit may carry into the exponent, as it should.
  if (magnitude >= 0x38800000) return sign | ((magnitude - 0x38000000 + 0xfff + ((magnitude >>> 13) & 1)) >>> 13)
  const shift = 126 - (magnitude >>> 23)
  if (shift > 24) return sign
  const fraction = (magnitude & 0x7fffff) | 0x800000
  const kept = fraction >>> shift
  const [rest, tie] = [fraction & (2 ** shift - 1), 2 ** (shift - 1)]
  return sign | (rest > tie || (rest === tie && kept % 2 === 1) ? kept + 1 : kept)
}
