import { describe, expect, it } from 'vitest'
import { gradients } from '../autodiff.js'
import { compile, floats, type Data } from '../executors/executor.js'
import { Graph } from '../graph.js'
import { weightedSum } from '../ops/operator-cases.js'
import { sizeOf, type Shape, type Value } from '../tensor.js'
import { attend, maskBlocks, type MaskBlock } from './attention.js'
import { causalMask, packedMask } from './llama.js'

const [B, H, K, d] = [2, 4, 2, 4]

/** Output and gradients of query, keys and values at T positions. */
async function attention(T: number, blocksOf: (graph: Graph) => readonly MaskBlock[]): Promise<Map<string, Data>> {
  const graph = new Graph()
  const input = (name: string, shape: Shape): Value => graph.input(name, shape)
  const [query, keys, values] = [input('query', [B, H, T, d]), input('keys', [B, K, T, d]), input('values', [B, K, T, d])]
  const output = attend(graph, { query, keys, values }, blocksOf(graph))
  gradients(graph, weightedSum(graph, output), [query, keys, values]).forEach((gradient, index) => graph.output(`gradient.${index}`, gradient))
  graph.output('output', output)
  const feeds = new Map<string, Data>(graph.inputs.map(({ name, shape }, place) => [name, Float32Array.from({ length: sizeOf(shape) }, (_, i) => (name === 'segments' ? (i % T < 100 ? 0 : 1) : Math.sin(i * (0.7 + place))))]))
  const session = await compile(graph, { device: 'cpu', threads: 1, prepack: false })
  const outputs = await session.run(feeds)
  await session.dispose()
  return outputs
}

describe.each([
  ['causal', (graph: Graph, T: number) => causalMask(graph, T)],
  ['packed', (graph: Graph, T: number) => packedMask(graph, graph.input('segments', [B, T]))],
])('%s attention in blocks', (_, maskOf) => {
  it.each([96, 192, 576])('is that of one block over %i positions', async (T) => {
    const whole = await attention(T, (graph) => [{ begin: 0, end: T, keys: T, mask: maskOf(graph, T) }])
    const blocks = await attention(T, (graph) => maskBlocks(graph, maskOf(graph, T)))
    for (const name of whole.keys()) {
      const [expected, actual] = [floats(whole, name), floats(blocks, name)]
      const worst = expected.reduce((max, value, index) => Math.max(max, Math.abs(value - (actual[index] ?? NaN))), 0)
      expect(worst, name).toBeLessThan(2e-5)
    }
  })
})

it('cuts few and even blocks', () => {
  const cut = (T: number, S = T): number[][] => {
    const graph = new Graph()
    return maskBlocks(graph, graph.input('mask', [1, 1, 1, T, S])).map(({ begin, end, keys, mask }) => [begin, end, keys, ...mask.shape.slice(-2)])
  }
  expect(cut(64)).toEqual([[0, 64, 64, 64, 64]])
  expect(cut(96)).toEqual([[0, 64, 64, 64, 64], [64, 96, 96, 32, 96]])
  expect(cut(1, 129)).toEqual([[0, 1, 129, 1, 129]])
  expect(cut(128, 192)).toEqual([[0, 64, 128, 64, 128], [64, 128, 192, 64, 192]])
  expect(cut(1024)).toHaveLength(8)
})
