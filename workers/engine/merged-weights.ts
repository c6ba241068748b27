/**
 * The weights of a model folder with an adapter worked into them: W + s·B·A, its rows brought to their lengths where
 * the adapter is DoRA's. Rows are read, changed and given on a few at a time, so that a model of any size needs little
 * memory; the sum is formed in double precision and rounded once.
 */
import { EngineError } from './engine-error.js'
import { moduleUpdates, readPeftAdapter, type ModuleUpdate } from './formats/peft.js'
import { readTensorBytes, readTensorF32, type SafetensorsDtype } from './formats/safetensors.js'
import { openWeights, type WeightEntry } from './formats/weights.js'
import { sizeOf, type Shape } from './tensor.js'

export type FloatDtype = 'F32' | 'BF16' | 'F16'

export interface MergedTensor {
  name: string
  shape: Shape
  /** As the model's file holds it. */
  dtype: FloatDtype
  /** False where the values are those of the file. */
  isChanged: boolean
  /** float32 values in order; each piece holds whole rows, a multiple of `rowMultiple` of them. */
  rows(rowMultiple?: number): Iterable<Float32Array>
  /** The bytes of the file, unchanged. */
  storedBytes(): Iterable<Uint8Array>
}

const PIECE_BYTES = 8 * 1024 * 1024

/** @throws {EngineError} `adapter_invalid` where the adapter is of another model, `weights_invalid` for weights that are not floating-point numbers */
export function openMergedWeights(modelFolder: string, adapterFolder: string | null): MergedTensor[] {
  const weights = openWeights(modelFolder)
  const updates = adapterFolder === null ? new Map<string, ModuleUpdate>() : moduleUpdates(readPeftAdapter(adapterFolder))
  for (const [module, update] of updates) checkFit(module, update, weights.get(`${module}.weight`)?.shape)
  return [...weights].map(([name, entry]) => mergedTensor(name, entry, updates.get(name.replace(/\.weight$/, ''))))
}

function checkFit(module: string, { rank, a, b, magnitude }: ModuleUpdate, shape: Shape | undefined): void {
  const [out = 0, width = 0] = shape ?? []
  const isFit = shape?.length === 2 && a.length === rank * width && b.length === out * rank && (magnitude === null || magnitude.length === out)
  if (isFit) return
  const there = shape === undefined ? 'is not in the model' : `is [${shape.join(', ')}] in the model`
  throw new EngineError('adapter_invalid', `the adapter changes ${module} by [${b.length / rank}, ${rank}]·[${rank}, ${a.length / rank}], which ${there}; it was trained on another model`, { module })
}

function mergedTensor(name: string, entry: WeightEntry, update: ModuleUpdate | undefined): MergedTensor {
  const { shape, dtype } = entry
  if (!isFloat(dtype)) throw new EngineError('weights_invalid', `"${name}" is stored as ${dtype}; only F32, BF16 and F16 can be merged`, { name })
  return {
    name, shape, dtype,
    isChanged: update !== undefined,
    *rows(rowMultiple = 1) {
      let row = 0
      for (const part of slices(entry, rowMultiple)) {
        const values = readTensorF32(entry.file, part)
        if (update !== undefined) applyUpdate(values, { row, width: shape.at(-1) ?? 1, update })
        row += values.length / (shape.at(-1) ?? 1)
        yield values
      }
    },
    *storedBytes() {
      for (const part of slices(entry, 1)) yield readTensorBytes(entry.file, part)
    },
  }
}

function isFloat(dtype: SafetensorsDtype): dtype is FloatDtype {
  return dtype === 'F32' || dtype === 'BF16' || dtype === 'F16'
}

/** The tensor cut into runs of whole rows; a vector is one row of its own length. */
function* slices(entry: WeightEntry, rowMultiple: number): Iterable<WeightEntry> {
  const { shape, begin, end } = entry
  const width = shape.at(-1) ?? 1
  const rows = sizeOf(shape) / width
  const rowBytes = (end - begin) / rows
  if (rows === 0) return
  const step = Math.max(1, Math.floor(PIECE_BYTES / rowBytes / rowMultiple)) * rowMultiple
  for (let row = 0; row < rows; row += step) {
    const last = Math.min(rows, row + step)
    yield { ...entry, shape: [last - row, width], begin: begin + row * rowBytes, end: begin + last * rowBytes }
  }
}

/** Changes rows `row` and on of the layer in place. */
function applyUpdate(values: Float32Array, { row, width, update }: { row: number; width: number; update: ModuleUpdate }): void {
  const { rank, scaling, a, b, magnitude } = update
  const sum = new Float64Array(width)
  for (let start = 0; start < values.length; start += width, row++) {
    for (let index = 0; index < width; index++) sum[index] = values[start + index] ?? NaN
    for (let k = 0; k < rank; k++) addScaled(sum, a.subarray(k * width, (k + 1) * width), scaling * (b[row * rank + k] ?? NaN))
    const stretch = magnitude === null ? 1 : (magnitude[row] ?? NaN) / lengthOf(sum)
    for (let index = 0; index < width; index++) values[start + index] = stretch * (sum[index] ?? NaN)
  }
}

function addScaled(sum: Float64Array, vector: Float32Array, factor: number): void {
  for (let index = 0; index < sum.length; index++) sum[index] = (sum[index] ?? 0) + factor * (vector[index] ?? 0)
}

function lengthOf(vector: Float64Array): number {
  let squares = 0
  for (let index = 0; index < vector.length; index++) squares += (vector[index] ?? 0) ** 2
  return Math.sqrt(squares)
}
