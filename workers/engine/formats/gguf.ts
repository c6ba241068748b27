// Reads GGUF versions 2 and 3. Everything the header claims is checked before it is used: counts against the bytes
// that are left, tensors against the end of the file and against each other.

import { closeSync, fstatSync, openSync, readSync } from 'node:fs'
import { EngineError } from '../engine-error.js'
import { decodeTensor, DEFAULT_ALIGNMENT, SCALAR_TYPES, TENSOR_TYPES, tensorTypeOf, type GgufScalar, type GgufValue, type TensorType } from './gguf-types.js'

export interface GgufTensor {
  /** Row-major: [rows, columns]. */
  shape: number[]
  /** Null for a number format of a newer llama.cpp. */
  type: TensorType | null
  /** Absolute byte offsets in the file; end is null where the format's size is not known. */
  begin: number
  end: number | null
}

export interface GgufFile {
  path: string
  version: number
  metadata: Map<string, GgufValue>
  tensors: Map<string, GgufTensor>
}

const SUPPORTED_VERSIONS = [2, 3]
/** As in llama.cpp's own reader. */
const MAX_DIMENSIONS = 4
const BUFFER_BYTES = 1 << 20

/** Header, metadata and tensor table; no tensor is read. Throws `weights_invalid` naming file, place and value. */
export function readGguf(path: string): GgufFile {
  const source = new ByteSource(path)
  try {
    const magic = source.take(4).toString('latin1')
    if (magic !== 'GGUF') throw source.invalid(`begins with ${JSON.stringify(magic)}; a GGUF file begins with "GGUF"`)
    const version = Number(source.scalar('u32'))
    if (!SUPPORTED_VERSIONS.includes(version)) throw source.invalid(`is of version ${version}; versions ${SUPPORTED_VERSIONS.join(' and ')} can be read`)
    // A tensor takes at least 24 bytes in the table, a metadata field 13.
    const tensorCount = source.count(24, 'tensors')
    const fieldCount = source.count(13, 'metadata fields')
    const metadata = readMetadata(source, fieldCount)
    return { path, version, metadata, tensors: readTensorTable(source, tensorCount, alignmentOf(source, metadata)) }
  } finally {
    source.close()
  }
}

function readMetadata(source: ByteSource, count: number): Map<string, GgufValue> {
  const metadata = new Map<string, GgufValue>()
  for (let index = 0; index < count; index++) {
    const key = String(source.scalar('string'))
    if (metadata.has(key)) throw source.invalid(`has the metadata key "${key}" twice`)
    metadata.set(key, readValue(source, key))
  }
  return metadata
}

function readValue(source: ByteSource, key: string): GgufValue {
  const typeAt = (): (typeof SCALAR_TYPES)[number] => {
    const id = Number(source.scalar('u32'))
    const type = SCALAR_TYPES[id]
    if (type === undefined) throw source.invalid(`gives "${key}" the value type ${id}; known are 0 to ${SCALAR_TYPES.length - 1}`)
    return type
  }
  const type = typeAt()
  if (type !== 'array') return { type, value: source.scalar(type) }
  const of = typeAt()
  if (of === 'array') throw source.invalid(`has arrays within an array in "${key}", which nothing here reads`)
  const length = source.count(WIDTHS[of], `values of "${key}"`)
  return { type, of, value: Array.from({ length }, () => source.scalar(of)) }
}

function alignmentOf(source: ByteSource, metadata: ReadonlyMap<string, GgufValue>): number {
  const field = metadata.get('general.alignment')
  if (field === undefined) return DEFAULT_ALIGNMENT
  const value = Number(field.value)
  if (field.type !== 'u32' || value < 8 || value % 8 !== 0) throw source.invalid(`has general.alignment ${String(field.value)}; it must be a multiple of 8`)
  return value
}

interface Claim extends Omit<GgufTensor, 'begin' | 'end'> {
  offset: number
  bytes: number | null
}

function readTensorTable(source: ByteSource, count: number, alignment: number): Map<string, GgufTensor> {
  const claims = new Map<string, Claim>()
  for (let index = 0; index < count; index++) {
    const name = String(source.scalar('string'))
    if (claims.has(name)) throw source.invalid(`has the tensor "${name}" twice`)
    claims.set(name, readClaim(source, name, alignment))
  }
  const dataStart = Math.ceil(source.position / alignment) * alignment
  const tensors = new Map<string, GgufTensor>()
  let freeFrom = dataStart
  for (const [name, { shape, type, offset, bytes }] of [...claims].sort(([, a], [, b]) => a.offset - b.offset)) {
    const begin = dataStart + offset
    const end = bytes === null ? null : begin + bytes
    if (begin < freeFrom) throw source.invalid(`places tensor "${name}" at byte ${begin}, inside the one before it`)
    if ((end ?? begin) > source.size) throw source.invalid(`places tensor "${name}" up to byte ${end ?? begin}, but has ${source.size} bytes; it is truncated`)
    freeFrom = end ?? begin
    tensors.set(name, { shape, type, begin, end })
  }
  return new Map([...claims.keys()].flatMap((name) => { const tensor = tensors.get(name); return tensor === undefined ? [] : [[name, tensor] as const] }))
}

function readClaim(source: ByteSource, name: string, alignment: number): Claim {
  const dimensions = Number(source.scalar('u32'))
  if (dimensions > MAX_DIMENSIONS) throw source.invalid(`gives tensor "${name}" ${dimensions} dimensions; at most ${MAX_DIMENSIONS} are known`)
  const shape = Array.from({ length: dimensions }, () => source.safe('u64', `a size of tensor "${name}"`)).reverse()
  const elements = shape.reduce((product, size) => product * size, 1)
  if (!Number.isSafeInteger(elements)) throw source.invalid(`gives tensor "${name}" the shape [${shape.join(', ')}], which is impossibly large`)
  const type = tensorTypeOf(Number(source.scalar('u32'))) ?? null
  const offset = source.safe('u64', `the offset of tensor "${name}"`)
  if (offset % alignment !== 0) throw source.invalid(`places tensor "${name}" at offset ${offset}, which is no multiple of the alignment ${alignment}`)
  if (type === null) return { shape, type, offset, bytes: null }
  const block = TENSOR_TYPES[type]
  if ((shape.at(-1) ?? 1) % block.elements !== 0) throw source.invalid(`gives tensor "${name}" rows of ${shape.at(-1)}, which ${type} cannot hold in blocks of ${block.elements}`)
  return { shape, type, offset, bytes: (elements / block.elements) * block.bytes }
}

/** The numbers of one tensor, row-major. Throws for number formats that are only passed on here. */
export function readGgufTensor({ path, tensors }: GgufFile, name: string): Float32Array {
  const tensor = tensors.get(name)
  if (tensor === undefined) throw new EngineError('weights_missing', `GGUF file ${path} has no tensor "${name}"`, { path, name })
  const source = new ByteSource(path)
  try {
    const bytes = tensor.end === null ? null : source.slice(tensor.begin, tensor.end)
    const values = bytes === null || tensor.type === null ? null : decodeTensor(bytes, tensor.type)
    if (values === null) throw source.invalid(`holds "${name}" as ${tensor.type ?? 'a format unknown here'}; only F32, F16, BF16 and Q8_0 can be read as numbers`)
    return values
  } finally {
    source.close()
  }
}

/** Smallest number of bytes each scalar takes. */
const WIDTHS: Record<GgufScalar, number> = { u8: 1, i8: 1, bool: 1, u16: 2, i16: 2, u32: 4, i32: 4, f32: 4, u64: 8, i64: 8, f64: 8, string: 8 }

/** Reads forward through a file of any size, a buffer at a time. */
class ByteSource {
  readonly size: number
  position = 0
  readonly #path: string
  readonly #fd: number
  #buffer = Buffer.alloc(0)
  #bufferStart = 0

  constructor(path: string) {
    this.#path = path
    try {
      this.#fd = openSync(path, 'r')
    } catch (cause) {
      throw new EngineError('file_unreadable', `cannot open the GGUF file ${path}: ${cause instanceof Error ? cause.message : String(cause)}`, { path }, cause)
    }
    this.size = fstatSync(this.#fd).size
  }

  close(): void {
    closeSync(this.#fd)
  }

  take(length: number): Buffer {
    if (length > this.size - this.position) throw this.invalid(`ends at byte ${this.size}, ${length} more were due at byte ${this.position}; it is truncated`)
    if (this.position < this.#bufferStart || this.position + length > this.#bufferStart + this.#buffer.length) {
      this.#buffer = Buffer.from(this.slice(this.position, Math.min(this.size, this.position + Math.max(length, BUFFER_BYTES))))
      this.#bufferStart = this.position
    }
    const start = this.position - this.#bufferStart
    this.position += length
    return this.#buffer.subarray(start, start + length)
  }

  slice(begin: number, end: number): Uint8Array<ArrayBuffer> {
    const bytes = new Uint8Array(end - begin)
    let done = 0
    while (done < bytes.length) {
      const count = readSync(this.#fd, bytes, done, bytes.length - done, begin + done)
      if (count === 0) throw this.invalid(`ended at byte ${begin + done} while being read`)
      done += count
    }
    return bytes
  }

  /** A count whose items take at least `width` bytes each, so that a wrong one is refused before anything is made for it. */
  count(width: number, what: string): number {
    const count = this.safe('u64', `the number of ${what}`)
    if (count * width > this.size - this.position) throw this.invalid(`claims ${count} ${what}, more than its ${this.size} bytes can hold`)
    return count
  }

  safe(type: 'u64', what: string): number {
    const value = Number(this.scalar(type))
    if (!Number.isSafeInteger(value)) throw this.invalid(`gives ${value} as ${what}`)
    return value
  }

  scalar(type: GgufScalar): number | bigint | boolean | string {
    switch (type) {
      case 'string': {
        const length = this.count(1, 'bytes of a text')
        const bytes = this.take(length)
        return bytes.toString('utf8')
      }
      case 'bool': {
        const byte = this.take(1).readUInt8()
        if (byte > 1) throw this.invalid(`has a truth value of ${byte} at byte ${this.position - 1}`)
        return byte === 1
      }
      default:
        return getters[type](this.take(WIDTHS[type]))
    }
  }

  invalid(problem: string): EngineError {
    return new EngineError('weights_invalid', `GGUF file ${this.#path} ${problem}`, { path: this.#path })
  }
}

const getters: Record<Exclude<GgufScalar, 'string' | 'bool'>, (bytes: Buffer) => number | bigint> = {
  u8: (bytes) => bytes.readUInt8(),
  i8: (bytes) => bytes.readInt8(),
  u16: (bytes) => bytes.readUInt16LE(),
  i16: (bytes) => bytes.readInt16LE(),
  u32: (bytes) => bytes.readUInt32LE(),
  i32: (bytes) => bytes.readInt32LE(),
  u64: (bytes) => bytes.readBigUInt64LE(),
  i64: (bytes) => bytes.readBigInt64LE(),
  f32: (bytes) => bytes.readFloatLE(),
  f64: (bytes) => bytes.readDoubleLE(),
}
