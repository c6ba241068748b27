import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, describe, expect, it } from 'vitest'
import { gradients } from './autodiff.js'
import { compile, floats, type Data } from './executors/executor.js'
import { float32ToBfloat16 } from './formats/half-floats.js'
import { writeSafetensors } from './formats/safetensors.js'
import { openWeights } from './formats/weights.js'
import { declareFrozen, pieceProduct } from './frozen-weights.js'
import { Graph } from './graph.js'
import { heldBytes } from './memory.js'
import { binary } from './ops/elementwise.js'
import { gemm } from './ops/products.js'
import { drawn, Random } from './random.js'
import type { Value } from './tensor.js'

const folder = mkdtempSync(join(tmpdir(), 'frozen-'))
afterAll(() => rmSync(folder, { recursive: true }))

describe('a product with a large matrix of 16 bits', () => {
  const [rows, width, tokens] = [1000, 64, 3]
  const random = new Random(2)
  writeSafetensors(join(folder, 'model.safetensors'), new Map([['head', { dtype: 'BF16', shape: [rows, width], data: () => [float32ToBfloat16(drawn(rows * width, () => random.normal()))] }]]), {})
  const weight = openWeights(folder).get('head')
  const feeds = new Map<string, Data>([['x', drawn(tokens * width, () => random.normal())], ['wanted', drawn(tokens * rows, () => random.normal())]])

  /** x·Wᵀ, and the gradient of ⟨x·Wᵀ, wanted⟩. */
  async function results(product: (graph: Graph, x: Value) => Value): Promise<{ y: Float32Array; gradient: Float32Array; bytes: number }> {
    const graph = new Graph()
    const x = graph.input('x', [tokens, width])
    const y = product(graph, x)
    const loss = graph.apply('ReduceSum', [binary(graph, 'Mul', y, graph.input('wanted', [tokens, rows]))], { axes: [0, 1] })
    const [gradient] = gradients(graph, loss, [x])
    graph.output('y', y)
    if (gradient !== undefined) graph.output('gradient', gradient)
    const session = await compile(graph, { device: 'cpu', threads: 1, prepack: false, fuses: false })
    const outputs = await session.run(feeds)
    await session.dispose()
    return { y: floats(outputs, 'y'), gradient: floats(outputs, 'gradient'), bytes: heldBytes(graph) }
  }

  it('is that of the matrix widened whole, and widens a few rows at a time', async () => {
    if (weight === undefined) throw new Error('no head')
    const whole = await results((graph, x) => gemm(graph, x, declareFrozen(graph, 'head', weight)(), { transB: true }))
    // 100 rows at a time, and 7 rows, which do not divide the whole.
    for (const pieceBytes of [4 * width * 100, 4 * width * 7]) {
      const pieces = await results((graph, x) => {
        const product = pieceProduct(graph, { name: 'head', weight, wholeLimitBytes: 0, pieceBytes })
        if (product === undefined) throw new Error('not cut')
        return product(x)
      })
      expect(pieces.y).toEqual(whole.y)
      for (const [index, value] of pieces.gradient.entries()) expect(Math.abs(value - (whole.gradient[index] ?? NaN))).toBeLessThan(1e-4)
      expect(pieces.bytes).toBeLessThan(0.5 * whole.bytes)
    }
  })

  it('is left to one product where it is small', () => {
    expect(pieceProduct(new Graph(), { name: 'head', weight })).toBeUndefined()
    expect(pieceProduct(new Graph(), { name: 'head', weight: undefined })).toBeUndefined()
  })
})
