/** The model shapes the engine is measured at, as random weights in a folder that is kept between calls. */
import { existsSync, mkdirSync, renameSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { LlamaConfig } from '../../../workers/engine/engine.js'
import { llama32Of1B, writeRandomLlama } from '../../support/random-llama.js'

export interface BenchShape {
  name: string
  config: LlamaConfig
  rank: number
  /** Rows and tokens per row of one step. */
  rows: number
  tokens: number
  /** Rounds that are measured; each takes both sides' time once. */
  rounds: number
  /** Two copies of its weights and activations are more than a small machine holds. */
  isLarge?: boolean
}

const small = { headDim: 64, maxPositions: 2048, ropeTheta: 10_000, ropeScaling: null, rmsNormEps: 1e-5, tieEmbeddings: true, qkvBias: false }

export const shapes: readonly BenchShape[] = [
  { name: 'tiny', config: { ...small, hiddenSize: 256, intermediateSize: 704, layers: 2, heads: 4, kvHeads: 4, vocabSize: 2048 }, rank: 16, rows: 2, tokens: 128, rounds: 60 },
  { name: 'stories15M', config: { ...small, headDim: 48, hiddenSize: 288, intermediateSize: 768, layers: 6, heads: 6, kvHeads: 6, vocabSize: 32_000 }, rank: 16, rows: 4, tokens: 256, rounds: 20 },
  { name: 'smollm135M', config: { ...small, hiddenSize: 576, intermediateSize: 1536, layers: 30, heads: 9, kvHeads: 3, vocabSize: 49_152 }, rank: 16, rows: 2, tokens: 256, rounds: 10 },
  { name: 'llama1B', config: llama32Of1B, rank: 32, rows: 1, tokens: 256, rounds: 6, isLarge: true },
]

export function shapeNamed(name: string): BenchShape {
  const shape = shapes.find((candidate) => candidate.name === name)
  if (shape === undefined) throw new RangeError(`no shape "${name}"`)
  return shape
}

/** Model folder of a shape in float32, written on first use: 5 GB for the largest. */
export function shapeFolder({ name, config }: BenchShape): string {
  const root = join(tmpdir(), 'bancada-bench')
  const folder = join(root, name)
  if (existsSync(folder)) return folder
  mkdirSync(root, { recursive: true })
  const partial = `${folder}.${process.pid}.part`
  writeRandomLlama({ folder: partial, config, dtype: 'F32', seed: 1 })
  renameSync(partial, folder)
  return folder
}
