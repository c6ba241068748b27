/**
 * A model's weights in another number format, made once from the user's folder and mapped from the cache afterwards.
 * A copy is named by what it was made of: the bytes of the weight files, the format and the rules of this file.
 */
import { createHash } from 'node:crypto'
import { closeSync, existsSync, mkdirSync, openSync, readFileSync, readSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { EngineError } from './engine-error.js'
import type { FrozenWeight } from './frozen-weights.js'
import { writeAtomically } from './formats/file-bytes.js'
import { float32ToBfloat16, float32ToFloat16 } from './formats/half-floats.js'
import { writeSafetensors, type SafetensorsDtype, type TensorToWrite } from './formats/safetensors.js'
import { openWeights, type WeightEntry } from './formats/weights.js'
import { openMergedWeights, type MergedTensor } from './merged-weights.js'
import { BLOCK_SIZES, blockBytes, blockScales, QUANTIZATIONS, quantize, unsignedCodes, type Quantization } from './quantization.js'
import { sizeOf } from './tensor.js'

/** `stored`: as the folder has them. The 16- and 32-bit formats hold for every matrix, the quantised ones for the linear layers. */
export const BASE_DTYPES = ['stored', 'f32', 'bf16', 'f16', ...QUANTIZATIONS] as const
export type BaseDtype = (typeof BASE_DTYPES)[number]

export interface BaseWeights {
  dtype: BaseDtype
  /** Where copies in other formats are kept. */
  cacheFolder: string
}

/** Raised for a format when the same weights would be written otherwise. */
const LAYOUTS: Partial<Record<BaseDtype, number>> = { int4: 2, nf4: 2 }
const LARGEST_F16 = 65504
const PIECE_BYTES = 1 << 24

const plainTypes = { f32: 'F32', bf16: 'BF16', f16: 'F16' } as const satisfies Partial<Record<BaseDtype, SafetensorsDtype>>

/** `stored` in the format of `base`; the cached file is written where it is not there yet. */
export function cachedWeights(folder: string, stored: ReadonlyMap<string, WeightEntry>, { dtype, cacheFolder }: BaseWeights): Map<string, FrozenWeight> {
  const changes = (name: string, entry: WeightEntry): boolean => (isQuantization(dtype) ? isLinear(name, entry) : entry.shape.length === 2 && dtype !== 'stored' && entry.dtype !== plainTypes[dtype])
  if (![...stored].some(([name, entry]) => changes(name, entry))) return new Map(stored)
  const target = join(cacheFolder, 'weights', `${dtype}-${fingerprint(stored, { dtype, cacheFolder })}`)
  if (!existsSync(join(target, 'model.safetensors'))) {
    mkdirSync(target, { recursive: true })
    const source = new Map(openMergedWeights(folder, null).map((tensor) => [tensor.name, tensor]))
    const tensors = new Map([...stored].flatMap(([name, entry]) => {
      const tensor = source.get(name)
      return tensor === undefined ? [] : changes(name, entry) ? converted(tensor, dtype) : copied(tensor)
    }))
    writeSafetensors(join(target, 'model.safetensors'), tensors, { format: 'pt', quantization: dtype })
  }
  return readBack(openWeights(target), { stored, dtype, changes })
}

export function isQuantization(dtype: BaseDtype): dtype is Quantization {
  return QUANTIZATIONS.some((known) => known === dtype)
}

/** The seven projections of each layer; embedding, norms and head keep the format they are stored in. */
function isLinear(name: string, { shape }: WeightEntry): boolean {
  return shape.length === 2 && name.startsWith('model.layers.')
}

interface Reading {
  stored: ReadonlyMap<string, WeightEntry>
  dtype: BaseDtype
  changes: (name: string, entry: WeightEntry) => boolean
}

function readBack(cached: ReadonlyMap<string, WeightEntry>, { stored, dtype, changes }: Reading): Map<string, FrozenWeight> {
  const entry = (name: string): WeightEntry => {
    const found = cached.get(name)
    if (found === undefined) throw new EngineError('weights_invalid', `the cached weights lack "${name}"; remove the cache folder and start again`, { name })
    return found
  }
  return new Map([...stored].map(([name, original]): [string, FrozenWeight] => {
    if (!isQuantization(dtype) || !changes(name, original)) return [name, entry(name)]
    return [name, { quantization: dtype, shape: original.shape, codes: entry(`${name}.codes`), scales: entry(`${name}.scales`), rows: cached.get(`${name}.rows`) }]
  }))
}

type Written = [string, TensorToWrite]

function copied(tensor: MergedTensor): Written[] {
  return [[tensor.name, { dtype: tensor.dtype, shape: tensor.shape, data: () => tensor.storedBytes() }]]
}

function converted(tensor: MergedTensor, dtype: BaseDtype): Written[] {
  if (isQuantization(dtype)) return quantized(tensor, dtype)
  if (dtype === 'stored') return copied(tensor)
  return [[tensor.name, { dtype: plainTypes[dtype], shape: tensor.shape, data: () => narrowed(tensor, dtype) }]]
}

function* narrowed({ name, rows }: MergedTensor, dtype: keyof typeof plainTypes): Iterable<ArrayBufferView> {
  for (const values of rows()) {
    if (dtype === 'f16' && values.some((value) => Math.abs(value) > LARGEST_F16)) throw new EngineError('weights_invalid', `"${name}" has values beyond ${LARGEST_F16}, which f16 cannot hold; use bf16`, { name })
    yield dtype === 'f32' ? values : dtype === 'bf16' ? float32ToBfloat16(values) : float32ToFloat16(values)
  }
}

/** Codes [blocks, bytes of one] and scales [blocks], and for int4 the codes once more as a product reads them: the tensor is read once for each. */
function quantized({ name, shape, rows }: MergedTensor, quantization: Quantization): Written[] {
  const [count, size] = [sizeOf(shape), BLOCK_SIZES[quantization]]
  if (count % size !== 0) throw new EngineError('weights_invalid', `"${name}" [${shape.join(', ')}] does not fall into blocks of ${size} weights, which ${quantization} needs; use a 16-bit format`, { name })
  const width = shape.at(-1) ?? 1
  // So many rows are a whole number of blocks, whatever the width.
  const rowMultiple = size / greatestDivisor(size, width)
  const hasRows = quantization === 'int4' && width % size === 0
  return [
    ...(hasRows ? [[`${name}.rows`, { dtype: 'U8', shape: [count / width, width / size, size / 2], data: pieces((values) => unsignedCodes(quantize(values, blockScales(values, quantization), quantization))) }] as Written] : []),
    [`${name}.codes`, { dtype: quantization === 'int8' ? 'I8' : 'U8', shape: [count / size, blockBytes(quantization)], data: pieces((values) => quantize(values, blockScales(values, quantization), quantization)) }],
    [`${name}.scales`, { dtype: 'F32', shape: [count / size], data: pieces((values) => blockScales(values, quantization)) }],
  ]

  function pieces(make: (values: Float32Array) => ArrayBufferView) {
    return function* (): Iterable<ArrayBufferView> {
      for (const values of rows(rowMultiple)) yield make(values)
    }
  }
}

function greatestDivisor(a: number, b: number): number {
  return b === 0 ? a : greatestDivisor(b, a % b)
}

/** Hash of the bytes of all weight files, their names left out: a folder may be moved or renamed. */
function fingerprint(stored: ReadonlyMap<string, WeightEntry>, { dtype, cacheFolder }: BaseWeights): string {
  const hash = createHash('sha256').update(`${LAYOUTS[dtype] ?? 1} ${dtype} ${isQuantization(dtype) ? BLOCK_SIZES[dtype] : ''}`)
  const files = new Set([...stored.values()].map(({ file }) => file))
  for (const fileHash of [...files].map((file) => rememberedHash(file, cacheFolder)).sort()) hash.update(fileHash)
  return hash.digest('hex').slice(0, 32)
}

/** sha256 of a file; remembered by place, size and time of change, since reading gigabytes takes seconds. */
function rememberedHash(file: string, cacheFolder: string): string {
  const { size, mtimeMs, ino } = statSync(file)
  const key = createHash('sha256').update(JSON.stringify([file, size, mtimeMs, ino])).digest('hex')
  const note = join(cacheFolder, 'weights', 'hashes', key)
  if (existsSync(note)) return readFileSync(note, 'utf8')
  const hash = hashFile(file)
  mkdirSync(join(cacheFolder, 'weights', 'hashes'), { recursive: true })
  writeAtomically(note, [Buffer.from(hash)])
  return hash
}

function hashFile(file: string): string {
  const hash = createHash('sha256')
  const piece = Buffer.alloc(PIECE_BYTES)
  const fd = openSync(file, 'r')
  try {
    for (let count = readSync(fd, piece); count > 0; count = readSync(fd, piece)) hash.update(piece.subarray(0, count))
  } finally {
    closeSync(fd)
  }
  return hash.digest('hex')
}
