/** Finds NaN and infinity in stored weights by their exponent bits, without widening a number. */
import { closeSync, openSync } from 'node:fs'
import { readFully } from './file-bytes.js'
import type { SafetensorsDtype, TensorEntry } from './safetensors.js'

export interface NonFinite {
  /** Row-major index, one number per dimension. */
  place: number[]
  kind: 'NaN' | 'infinity'
}

/** All exponent bits set means NaN or infinity, told apart by the fraction. */
const masks: Partial<Record<SafetensorsDtype, { exponent: number; fraction: number }>> = {
  F32: { exponent: 0x7f800000, fraction: 0x7fffff },
  BF16: { exponent: 0x7f80, fraction: 0x7f },
  F16: { exponent: 0x7c00, fraction: 0x3ff },
}
const BLOCK_BYTES = 1 << 24

/** The first value of a tensor that is not a number, or null. Reads in blocks of 16 MiB, about a second per gigabyte. */
export function findNonFinite(path: string, entry: TensorEntry): NonFinite | null {
  const mask = masks[entry.dtype]
  if (mask === undefined) return null
  const width = entry.dtype === 'F32' ? 4 : 2
  const bytes = new Uint8Array(Math.min(BLOCK_BYTES, entry.end - entry.begin))
  const fd = openSync(path, 'r')
  try {
    for (let position = entry.begin; position < entry.end; position += BLOCK_BYTES) {
      const block = bytes.subarray(0, Math.min(BLOCK_BYTES, entry.end - position))
      readFully(fd, block, position, path)
      const values = width === 4 ? new Uint32Array(block.buffer, 0, block.length / 4) : new Uint16Array(block.buffer, 0, block.length / 2)
      const found = firstMasked(values, mask.exponent)
      if (found < values.length) return { place: placeOf((position - entry.begin) / width + found, entry.shape), kind: ((values[found] ?? 0) & mask.fraction) === 0 ? 'infinity' : 'NaN' }
    }
    return null
  } finally {
    closeSync(fd)
  }
}

function firstMasked(values: Uint32Array | Uint16Array, mask: number): number {
  let index = 0
  while (index < values.length && ((values[index] ?? 0) & mask) !== mask) index++
  return index
}

function placeOf(index: number, shape: readonly number[]): number[] {
  const place: number[] = []
  let rest = index
  for (const size of shape.toReversed()) {
    place.unshift(rest % size)
    rest = Math.floor(rest / size)
  }
  return place
}
