/**
 * Frozen weights on a TensorFlow.js device: read from their file once, widened to f32, and shared by every session
 * that uses them; the last one to leave frees them.
 */
import { readTensorBytes, readTensorF32 } from '../formats/safetensors.js'
import { graphError, type DType, type ExternalLocation, type Shape } from '../tensor.js'
import type { TfjsBackend } from './tfjs-backends.js'
import type { Tensor, Tf } from './tfjs-kernels.js'

export interface StoredWeight {
  location: ExternalLocation
  shape: Shape
  dtype: DType
}

interface Held {
  tensor: Tensor
  uses: number
}

const held = new Map<TfjsBackend, Map<string, Held>>()

/** Must be called with the back end as the current one. */
export function takeWeight(backend: TfjsBackend, weight: StoredWeight): Tensor {
  const weights = held.get(backend) ?? new Map<string, Held>()
  held.set(backend, weights)
  const key = keyOf(weight)
  const entry = weights.get(key) ?? { tensor: readWeight(backend.tf, weight), uses: 0 }
  entry.uses++
  weights.set(key, entry)
  return entry.tensor
}

export function giveBackWeight(backend: TfjsBackend, weight: StoredWeight): void {
  const key = keyOf(weight)
  const entry = held.get(backend)?.get(key)
  if (entry === undefined || --entry.uses > 0) return
  held.get(backend)?.delete(key)
  entry.tensor.dispose()
}

function keyOf({ location: { file, offset, length }, shape, dtype }: StoredWeight): string {
  return `${file}:${offset}:${length}:${dtype}:${shape.join(',')}`
}

function readWeight(tf: Tf, { location: { file, offset, length }, shape, dtype }: StoredWeight): Tensor {
  const place = { shape: [...shape], begin: offset, end: offset + length }
  switch (dtype) {
    case 'f32':
      return tf.tensor(readTensorF32(file, { dtype: 'F32', ...place }), place.shape)
    case 'f16':
      return tf.tensor(readTensorF32(file, { dtype: 'F16', ...place }), place.shape)
    case 'bf16':
      return tf.tensor(readTensorF32(file, { dtype: 'BF16', ...place }), place.shape)
    case 'u8':
      return tf.tensor(Int32Array.from(readTensorBytes(file, { dtype: 'U8', ...place })), place.shape, 'int32')
    case 'i8':
      return tf.tensor(Int32Array.from(readTensorBytes(file, { dtype: 'I8', ...place }), (byte) => (byte << 24) >> 24), place.shape, 'int32')
    case 'i4':
      return tf.tensor(unpacked(readTensorBytes(file, { dtype: 'U8', ...place })), place.shape, 'int32')
    case 'i64':
      throw graphError(`weights of type i64 in ${file} are not supported`)
  }
}

/** Two signed halves of each byte, the low one first. */
function unpacked(bytes: Uint8Array): Int32Array {
  const values = new Int32Array(2 * bytes.length)
  for (const [index, byte] of bytes.entries()) {
    values[2 * index] = (byte << 28) >> 28
    values[2 * index + 1] = (byte << 24) >> 28
  }
  return values
}
