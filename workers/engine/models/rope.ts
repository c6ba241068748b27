/** Rotary position embedding (Su et al. 2021, arXiv:2104.09864) in the half-split layout of Hugging Face checkpoints. */
import type { Graph } from '../graph.js'
import type { LlamaConfig } from '../engine.js'
import { binary, unary } from '../ops/elementwise.js'
import { gather } from '../ops/indexing.js'
import { reshape } from '../ops/layout.js'
import { at } from '../ops/operator.js'
import type { Value } from '../tensor.js'

/** Angle per position of each of the d/2 frequencies, with Llama 3.1's scaling where the config asks for it. */
export function inverseFrequencies(config: Pick<LlamaConfig, 'headDim' | 'ropeTheta' | 'ropeScaling'>): number[] {
  const { headDim, ropeTheta, ropeScaling } = config
  const plain = Array.from({ length: headDim / 2 }, (_, index) => ropeTheta ** ((-2 * index) / headDim))
  if (ropeScaling === null) return plain
  const { factor, lowFreqFactor, highFreqFactor, originalMaxPositions } = ropeScaling
  return plain.map((frequency) => {
    const wavelength = (2 * Math.PI) / frequency
    if (wavelength > originalMaxPositions / lowFreqFactor) return frequency / factor
    if (wavelength < originalMaxPositions / highFreqFactor) return frequency
    const smooth = (originalMaxPositions / wavelength - lowFreqFactor) / (highFreqFactor - lowFreqFactor)
    return ((1 - smooth) * frequency) / factor + smooth * frequency
  })
}

export interface RopeTables {
  /** [B,1,T,d], to broadcast over heads. */
  cos: Value
  sin: Value
}

/** Rows of the cosine and sine tables for positions i64 [B,T], all below `limit`. */
export function ropeTables(graph: Graph, config: LlamaConfig, { positions, limit }: { positions: Value; limit: number }): RopeTables {
  const frequencies = inverseFrequencies(config)
  const half = frequencies.length
  const table = (wave: (angle: number) => number): Value => {
    const data = new Float32Array(limit * 2 * half)
    for (let position = 0; position < limit; position++) {
      for (const [index, frequency] of frequencies.entries()) {
        const value = wave(position * Math.fround(frequency))
        data[position * 2 * half + index] = value
        data[position * 2 * half + half + index] = value
      }
    }
    const rows = gather(graph, graph.constant(data, [limit, 2 * half]), positions)
    return reshape(graph, rows, [at(positions.shape, 0), 1, at(positions.shape, 1), 2 * half])
  }
  return { cos: table(Math.cos), sin: table(Math.sin) }
}

/** Rotates x [B,heads,T,d] to its positions. */
export function applyRope(graph: Graph, x: Value, { cos, sin }: RopeTables): Value {
  return binary(graph, 'Add', binary(graph, 'Mul', x, cos), binary(graph, 'Mul', unary(graph, 'RotateHalf', x), sin))
}
