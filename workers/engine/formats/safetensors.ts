// Safetensors: u64 little-endian header length, JSON header, then the tensors' bytes without holes.
// Everything a header claims is checked before a byte is read, because the engine memory-maps these
// offsets straight into ONNX initializers and a wrong one would train on garbage.
// Format: https://huggingface.co/docs/safetensors (header, metadata, contiguity rules).

import { closeSync, fstatSync } from 'node:fs'
import { EngineError, shown } from '../engine-error.js'
import { openForRead, readFully, writeAtomically } from './file-bytes.js'
import { float16ToNumber } from './half-floats.js'

const BYTES_PER_ELEMENT = {
  F64: 8, F32: 4, F16: 2, BF16: 2, I64: 8, I32: 4, I16: 2, I8: 1,
  U64: 8, U32: 4, U16: 2, U8: 1, BOOL: 1, F8_E4M3: 1, F8_E5M2: 1,
} as const
export type SafetensorsDtype = keyof typeof BYTES_PER_ELEMENT

/** The reference reader refuses longer headers too; it guards against reading a random file as a length. */
const MAX_HEADER_BYTES = 100_000_000
/** No tensor of a language model has more dimensions. */
const MAX_RANK = 16
const COMPARE_BYTES = 1 << 24

export interface TensorEntry {
  dtype: SafetensorsDtype
  shape: number[]
  /** Absolute byte offsets in the file: [begin, end). */
  begin: number
  end: number
}

export interface SafetensorsFile {
  tensors: Map<string, TensorEntry>
  metadata: Record<string, string>
}

/** Header of one file: name → dtype, shape and absolute byte range. Throws `weights_invalid` naming file, tensor and value. */
export function readSafetensorsHeader(path: string): Map<string, TensorEntry> {
  return readSafetensors(path).tensors
}

/** Header and `__metadata__` of one file, fully validated; no tensor data is read. */
export function readSafetensors(path: string): SafetensorsFile {
  const fd = openForRead(path)
  try {
    const fileBytes = fstatSync(fd).size
    if (fileBytes < 8) throw invalid(path, `is ${fileBytes} bytes long; a safetensors file starts with an 8-byte header length`)
    const lengthBytes = Buffer.alloc(8)
    readFully(fd, lengthBytes, 0, path)
    const headerLength = lengthBytes.readBigUInt64LE()
    if (headerLength > BigInt(MAX_HEADER_BYTES) || headerLength > BigInt(fileBytes - 8)) {
      throw invalid(path, `claims a header of ${headerLength} bytes, but the file has ${fileBytes} bytes (limit ${MAX_HEADER_BYTES}); it is truncated or not a safetensors file`)
    }
    const header = Buffer.alloc(Number(headerLength))
    readFully(fd, header, 8, path)
    return validateHeader(path, header, 8 + Number(headerLength), fileBytes)
  } finally {
    closeSync(fd)
  }
}

function validateHeader(path: string, header: Buffer, dataStart: number, fileBytes: number): SafetensorsFile {
  const { parsed, text } = parseHeader(path, header)
  refuseDuplicateNames(path, text)
  const tensors = new Map<string, TensorEntry>()
  let metadata: Record<string, string> = {}
  for (const [name, value] of Object.entries(parsed)) {
    if (name === '__metadata__') metadata = readMetadata(path, value)
    else tensors.set(name, readEntry(path, name, value, dataStart))
  }
  refuseHoles(path, tensors, dataStart, fileBytes)
  return { tensors, metadata }
}

function parseHeader(path: string, header: Buffer): { parsed: Record<string, unknown>; text: string } {
  let parsed: unknown
  let text: string
  try {
    text = new TextDecoder('utf-8', { fatal: true }).decode(header)
    parsed = JSON.parse(text)
  } catch (cause) {
    throw invalid(path, `has a header that is not UTF-8 JSON (${cause instanceof Error ? cause.message : String(cause)})`, {}, cause)
  }
  if (!isRecord(parsed)) throw invalid(path, 'has a header that is not a JSON object')
  return { parsed, text }
}

function readMetadata(path: string, value: unknown): Record<string, string> {
  if (!isRecord(value)) throw invalid(path, '__metadata__ must be an object of strings')
  const metadata: Record<string, string> = {}
  for (const [key, entry] of Object.entries(value)) {
    if (typeof entry !== 'string') throw invalid(path, `__metadata__.${key} is ${shown(entry)}; it must be a string`)
    metadata[key] = entry
  }
  return metadata
}

function readEntry(path: string, name: string, value: unknown, dataStart: number): TensorEntry {
  if (!isRecord(value)) throw invalid(path, `tensor "${name}": its entry is not an object`, { tensor: name })
  const { dtype, shape, data_offsets: offsets } = value
  if (typeof dtype !== 'string' || !isDtype(dtype)) {
    throw invalid(path, `tensor "${name}": dtype ${shown(dtype)} is unknown; known are ${Object.keys(BYTES_PER_ELEMENT).join(', ')}`, { tensor: name })
  }
  if (!isCountList(shape) || shape.length > MAX_RANK) {
    throw invalid(path, `tensor "${name}": shape ${shown(shape)} must be a list of at most ${MAX_RANK} whole numbers of 0 or more`, { tensor: name })
  }
  if (!isCountList(offsets) || offsets.length !== 2) {
    throw invalid(path, `tensor "${name}": data_offsets ${shown(offsets)} must be [begin, end]`, { tensor: name })
  }
  const [begin = 0, end = 0] = offsets
  const wantedBytes = sizeBytes(dtype, shape)
  if (end - begin !== wantedBytes) {
    throw invalid(path, `tensor "${name}": ${dtype} ${shown(shape)} needs ${wantedBytes} bytes, data_offsets [${begin}, ${end}] give ${end - begin}`, { tensor: name })
  }
  return { dtype, shape, begin: dataStart + begin, end: dataStart + end }
}

function refuseHoles(path: string, tensors: Map<string, TensorEntry>, dataStart: number, fileBytes: number): void {
  const ordered = [...tensors].sort(([, a], [, b]) => a.begin - b.begin || a.end - b.end)
  let position = dataStart
  for (const [name, { begin, end }] of ordered) {
    if (begin !== position) {
      const fault = begin < position ? 'overlaps the tensor before it' : 'leaves a hole before it'
      throw invalid(path, `tensor "${name}" ${fault}: it begins at byte ${begin}, the data so far ends at ${position}`, { tensor: name })
    }
    position = end
  }
  if (position !== fileBytes) {
    throw invalid(path, `tensors end at byte ${position}, the file has ${fileBytes} bytes; it is ${position > fileBytes ? 'truncated' : 'followed by unclaimed bytes'}`)
  }
}

/** JSON.parse keeps the last of two equal keys in silence, so top-level keys are read off the text itself, which has parsed before. */
function refuseDuplicateNames(path: string, text: string): void {
  const seen = new Set<string>()
  let depth = 0
  for (let at = 0; at < text.length; at++) {
    const char = text[at]
    if (char === '{' || char === '[') depth++
    else if (char === '}' || char === ']') depth--
    if (char !== '"') continue
    const start = at++
    while (text[at] !== '"') at += text[at] === '\\' ? 2 : 1
    if (depth !== 1 || !isKey(text, at + 1)) continue
    const name: unknown = JSON.parse(text.slice(start, at + 1))
    if (typeof name === 'string' && seen.has(name)) throw invalid(path, `tensor "${name}" is named twice in the header`, { tensor: name })
    if (typeof name === 'string') seen.add(name)
  }
}

function isKey(text: string, after: number): boolean {
  let at = after
  while (text[at] === ' ' || text[at] === '\n' || text[at] === '\t' || text[at] === '\r') at++
  return text[at] === ':'
}

/** The tensor's values as float32, row-major. BF16 and F16 widen exactly; other dtypes are refused. */
export function readTensorF32(path: string, entry: TensorEntry): Float32Array<ArrayBuffer> {
  const bytes = readTensorBytes(path, entry)
  if (entry.dtype === 'F32') return new Float32Array(bytes.buffer, bytes.byteOffset, bytes.byteLength / 4)
  const halves = new Uint16Array(bytes.buffer, bytes.byteOffset, bytes.byteLength / 2)
  if (entry.dtype === 'BF16') {
    const bits = new Uint32Array(halves.length)
    for (let i = 0; i < halves.length; i++) bits[i] = (halves[i] ?? 0) << 16
    return new Float32Array(bits.buffer)
  }
  if (entry.dtype === 'F16') {
    const values = new Float32Array(halves.length)
    for (let i = 0; i < halves.length; i++) values[i] = float16ToNumber(halves[i] ?? 0)
    return values
  }
  throw invalid(path, `a tensor of dtype ${entry.dtype} cannot be read as numbers here; convert it to F32, BF16 or F16`)
}

/** The raw bytes of one tensor, in a buffer of their own (so that typed arrays align). */
export function readTensorBytes(path: string, entry: TensorEntry): Uint8Array<ArrayBuffer> {
  const bytes = new Uint8Array(entry.end - entry.begin)
  const fd = openForRead(path)
  try {
    readFully(fd, bytes, entry.begin, path)
  } finally {
    closeSync(fd)
  }
  return bytes
}

/** Whether two stored tensors hold the same dtype and bytes; read side by side in blocks. */
export function equalTensors(a: TensorEntry & { file: string }, b: TensorEntry & { file: string }): boolean {
  if (a.dtype !== b.dtype || a.end - a.begin !== b.end - b.begin) return false
  const [left, right] = [Buffer.alloc(Math.min(COMPARE_BYTES, a.end - a.begin)), Buffer.alloc(Math.min(COMPARE_BYTES, a.end - a.begin))]
  const [fdA, fdB] = [openForRead(a.file), openForRead(b.file)]
  try {
    for (let done = 0; done < a.end - a.begin; done += COMPARE_BYTES) {
      const count = Math.min(COMPARE_BYTES, a.end - a.begin - done)
      readFully(fdA, left.subarray(0, count), a.begin + done, a.file)
      readFully(fdB, right.subarray(0, count), b.begin + done, b.file)
      if (!left.subarray(0, count).equals(right.subarray(0, count))) return false
    }
    return true
  } finally {
    closeSync(fdA)
    closeSync(fdB)
  }
}

export interface TensorToWrite {
  dtype: SafetensorsDtype
  shape: readonly number[]
  /** Row-major elements; BF16 and F16 as their 16-bit patterns. A function gives them piece by piece as they are written, for tensors too large to hold. */
  data: ArrayBufferView | (() => Iterable<ArrayBufferView>)
}

/**
 * Writes one safetensors file: tensors sorted by element width (widest first, so each is aligned) and name,
 * header padded with spaces to 8 bytes. Atomic: a temporary file beside it, fsync, then rename.
 */
export function writeSafetensors(path: string, tensors: ReadonlyMap<string, TensorToWrite>, metadata?: Record<string, string>): void {
  const ordered = [...tensors].sort(([nameA, a], [nameB, b]) =>
    BYTES_PER_ELEMENT[b.dtype] - BYTES_PER_ELEMENT[a.dtype] || compareText(a.dtype, b.dtype) || compareText(nameA, nameB))
  const header: Record<string, unknown> = metadata === undefined ? {} : { __metadata__: metadata }
  let offset = 0
  for (const [name, { dtype, shape, data }] of ordered) {
    const wantedBytes = sizeBytes(dtype, shape)
    if (typeof data !== 'function') checkBytes(path, { name, dtype, shape, wantedBytes }, data.byteLength)
    header[name] = { dtype, shape, data_offsets: [offset, offset + wantedBytes] }
    offset += wantedBytes
  }
  const json = Buffer.from(JSON.stringify(header))
  const padded = Buffer.alloc(8 + Math.ceil(json.length / 8) * 8, ' ')
  padded.writeBigUInt64LE(BigInt(padded.length - 8))
  json.copy(padded, 8)
  writeAtomically(path, partsOf(path, padded, ordered))
}

function* partsOf(path: string, header: Buffer, ordered: readonly (readonly [string, TensorToWrite])[]): Iterable<ArrayBufferView> {
  yield header
  for (const [name, { dtype, shape, data }] of ordered) {
    if (typeof data !== 'function') {
      yield data
      continue
    }
    let bytes = 0
    for (const part of data()) {
      bytes += part.byteLength
      yield part
    }
    checkBytes(path, { name, dtype, shape, wantedBytes: sizeBytes(dtype, shape) }, bytes)
  }
}

function checkBytes(path: string, { name, dtype, shape, wantedBytes }: { name: string; dtype: string; shape: readonly number[]; wantedBytes: number }, bytes: number): void {
  if (bytes !== wantedBytes) throw invalid(path, `tensor "${name}": ${dtype} ${shown(shape)} needs ${wantedBytes} bytes, its data has ${bytes}`, { tensor: name })
}

function sizeBytes(dtype: SafetensorsDtype, shape: readonly number[]): number {
  return shape.reduce((product, size) => product * size, 1) * BYTES_PER_ELEMENT[dtype]
}

function invalid(path: string, problem: string, details: Record<string, unknown> = {}, cause?: unknown): EngineError {
  return new EngineError('weights_invalid', `weights file ${path}: ${problem}`, { path, ...details }, cause)
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

function isCountList(value: unknown): value is number[] {
  return Array.isArray(value) && value.every((item) => Number.isSafeInteger(item) && item >= 0)
}

function isDtype(name: string): name is SafetensorsDtype {
  return Object.hasOwn(BYTES_PER_ELEMENT, name)
}

function compareText(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0
}
