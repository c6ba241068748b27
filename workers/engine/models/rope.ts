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

/** Cosines and sines of the angles at these positions, [positions,d/2] row-major. */
export function anglesAt(config: LlamaConfig, positions: readonly number[]): { cos: Float32Array; sin: Float32Array } {
  const frequencies = inverseFrequencies(config).map(Math.fround)
  const angles = positions.flatMap((position) => frequencies.map((frequency) => position * frequency))
  return { cos: Float32Array.from(angles, Math.cos), sin: Float32Array.from(angles, Math.sin) }
}

/** Rows of the cosine and sine tables for positions i64 [B,T], all below `limit`. */
export function ropeTables(graph: Graph, config: LlamaConfig, { positions, limit }: { positions: Value; limit: number }): RopeTables {
  const { cos, sin } = anglesAt(config, Array.from({ length: limit }, (_, position) => position))
  const half = config.headDim / 2
  const rows = (table: Float32Array): Value => {
    const doubled = new Float32Array(2 * table.length)
    for (let start = 0; start < table.length; start += half) {
      doubled.set(table.subarray(start, start + half), 2 * start)
      doubled.set(table.subarray(start, start + half), 2 * start + half)
    }
    const picked = gather(graph, graph.constant(doubled, [limit, 2 * half]), positions)
    return reshape(graph, picked, [at(positions.shape, 0), 1, at(positions.shape, 1), 2 * half])
  }
  return { cos: rows(cos), sin: rows(sin) }
}

/** Rotates x [B,heads,T,d] to its positions. */
export function applyRope(graph: Graph, x: Value, { cos, sin }: RopeTables): Value {
  return binary(graph, 'Add', binary(graph, 'Mul', x, cos), binary(graph, 'Mul', unary(graph, 'RotateHalf', x), sin))
}
