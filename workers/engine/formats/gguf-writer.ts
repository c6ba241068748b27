// Writes GGUF version 3: header, metadata, tensor table, then the tensors, each at a multiple of the alignment.

import { EngineError } from '../engine-error.js'
import { sizeOf, type Shape } from '../tensor.js'
import { DEFAULT_ALIGNMENT, encodeTensor, GGUF_VERSION, SCALAR_TYPES, TENSOR_TYPES, type GgufScalar, type GgufValue, type WrittenType } from './gguf-types.js'
import { writeAtomically } from './file-bytes.js'

export interface GgufTensorToWrite {
  name: string
  /** Row-major, as in the rest of the engine: [rows, columns]. The file counts its dimensions the other way round. */
  shape: Shape
  type: WrittenType
  /** Whole rows at a time, in order. */
  rows: () => Iterable<Float32Array>
}

export const ggufString = (value: string): GgufValue => ({ type: 'string', value })
export const ggufUint = (value: number): GgufValue => ({ type: 'u32', value })
export const ggufFloat = (value: number): GgufValue => ({ type: 'f32', value })
export const ggufBool = (value: boolean): GgufValue => ({ type: 'bool', value })

/** The format where rows hold whole blocks of it, else F16, as llama.cpp's converter decides. */
export function fittingType(type: WrittenType, shape: Shape): WrittenType {
  return (shape.at(-1) ?? 1) % TENSOR_TYPES[type].elements === 0 ? type : 'F16'
}

/** Atomic: the file appears whole or not at all. Tensors pass through row by row. */
export function writeGguf(path: string, { metadata, tensors }: { metadata: ReadonlyMap<string, GgufValue>; tensors: readonly GgufTensorToWrite[] }): void {
  const header = new ByteSink()
  header.bytes(Buffer.from('GGUF'))
  header.scalar('u32', GGUF_VERSION)
  header.scalar('u64', BigInt(tensors.length))
  header.scalar('u64', BigInt(metadata.size))
  for (const [key, value] of metadata) header.field(key, value)
  let offset = 0
  for (const { name, shape, type } of tensors) {
    header.scalar('string', name)
    header.scalar('u32', shape.length)
    for (const size of shape.toReversed()) header.scalar('u64', BigInt(size))
    header.scalar('u32', TENSOR_TYPES[type].id)
    header.scalar('u64', BigInt(offset))
    offset = aligned(offset + tensorBytes(shape, type))
  }
  writeAtomically(path, partsOf(path, header.finish(), tensors))
}

function* partsOf(path: string, header: Buffer, tensors: readonly GgufTensorToWrite[]): Iterable<ArrayBufferView> {
  yield header
  yield padding(header.length)
  for (const { name, shape, type, rows } of tensors) {
    let written = 0
    for (const values of rows()) {
      const bytes = encodeTensor(values, type)
      written += bytes.byteLength
      yield bytes
    }
    const wanted = tensorBytes(shape, type)
    if (written !== wanted) throw new EngineError('weights_invalid', `GGUF file ${path}: tensor "${name}" ${type} [${shape.join(', ')}] needs ${wanted} bytes, its rows gave ${written}`, { path, name })
    yield padding(written)
  }
}

function tensorBytes(shape: Shape, type: WrittenType): number {
  const { elements, bytes } = TENSOR_TYPES[type]
  return (sizeOf(shape) / elements) * bytes
}

function aligned(offset: number): number {
  return Math.ceil(offset / DEFAULT_ALIGNMENT) * DEFAULT_ALIGNMENT
}

function padding(written: number): Uint8Array {
  return new Uint8Array(aligned(written) - written)
}

/** Grows as it is written to. */
class ByteSink {
  readonly #parts: Buffer[] = []

  bytes(part: Buffer): void {
    this.#parts.push(part)
  }

  field(key: string, value: GgufValue): void {
    this.scalar('string', key)
    this.scalar('u32', SCALAR_TYPES.indexOf(value.type))
    if (value.type !== 'array') return this.scalar(value.type, value.value)
    this.scalar('u32', SCALAR_TYPES.indexOf(value.of))
    this.scalar('u64', BigInt(value.value.length))
    for (const item of value.value) this.scalar(value.of, item)
  }

  scalar(type: GgufScalar, value: number | bigint | boolean | string): void {
    if (type === 'string') {
      const text = Buffer.from(String(value))
      this.scalar('u64', BigInt(text.length))
      this.bytes(text)
      return
    }
    const part = Buffer.alloc(8)
    this.bytes(part.subarray(0, setters[type](part, value)))
  }

  finish(): Buffer {
    return Buffer.concat(this.#parts)
  }
}

/** Each returns the bytes it took. */
const setters: Record<Exclude<GgufScalar, 'string'>, (part: Buffer, value: number | bigint | boolean | string) => number> = {
  u8: (part, value) => part.writeUInt8(Number(value)),
  i8: (part, value) => part.writeInt8(Number(value)),
  u16: (part, value) => part.writeUInt16LE(Number(value)),
  i16: (part, value) => part.writeInt16LE(Number(value)),
  u32: (part, value) => part.writeUInt32LE(Number(value)),
  i32: (part, value) => part.writeInt32LE(Number(value)),
  u64: (part, value) => part.writeBigUInt64LE(BigInt(value)),
  i64: (part, value) => part.writeBigInt64LE(BigInt(value)),
  f32: (part, value) => part.writeFloatLE(Number(value)),
  f64: (part, value) => part.writeDoubleLE(Number(value)),
  bool: (part, value) => part.writeUInt8(value === true ? 1 : 0),
}
