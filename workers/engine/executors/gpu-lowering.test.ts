import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, expect, it } from 'vitest'
import { float32ToBfloat16 } from '../formats/half-floats.js'
import { readSafetensorsHeader, writeSafetensors } from '../formats/safetensors.js'
import { Graph } from '../graph.js'
import { gather } from '../ops/indexing.js'
import { reshape } from '../ops/layout.js'
import { gemm } from '../ops/products.js'
import { Random } from '../random.js'
import type { DType, Value } from '../tensor.js'
import { compile, type Data } from './executor.js'
import { lowerForGpu } from './gpu-lowering.js'

const folder = mkdtempSync(join(tmpdir(), 'lowering-'))
afterAll(() => rmSync(folder, { recursive: true }))

const [V, D, N] = [50, 4, 6]
const random = new Random(1)
const normals = (count: number): Float32Array => Float32Array.from({ length: count }, () => random.normal())
const feeds = new Map<string, Data>([
  ['tokens', BigInt64Array.from([0n, 49n, 7n, 7n, 13n, 48n])],
  ['h', normals(N * D)],
  ['g', normals(N * V)],
])

function table(graph: Graph, dtype: 'F32' | 'BF16'): Value {
  const file = join(folder, `${dtype}.safetensors`)
  const values = Float32Array.from({ length: V * D }, (_, index) => Math.sin(index))
  writeSafetensors(file, new Map([['table', dtype === 'F32' ? { dtype, shape: [V, D], data: values } : { dtype, shape: [V, D], data: float32ToBfloat16(values) }]]))
  const { begin = 0, end = 0 } = readSafetensorsHeader(file).get('table') ?? {}
  const stored: DType = dtype === 'F32' ? 'f32' : 'bf16'
  const weight = graph.external('table', { shape: [V, D], dtype: stored, location: { file, offset: begin, length: end - begin } })
  return stored === 'f32' ? weight : graph.apply('Cast', [weight], { to: 'f32' })
}

async function run(graph: Graph, fed: ReadonlyMap<string, Data>): Promise<Map<string, Data>> {
  const session = await compile(graph, { device: 'cpu', threads: 1, prepack: true })
  const outputs = await session.run(fed)
  await session.dispose()
  return outputs
}

/** All that a model does with its vocabulary: rows of it, logits, and the gradient that comes back through them. */
function vocabularyGraph(dtype: 'F32' | 'BF16'): Graph {
  const graph = new Graph()
  const weight = table(graph, dtype)
  const tokens = graph.input('tokens', [2, 3], 'i64')
  graph.output('rows', gather(graph, weight, tokens))
  graph.output('flat rows', gather(graph, weight, reshape(graph, tokens, [N])))
  graph.output('logits', gemm(graph, graph.input('h', [N, D]), weight, { transB: true }))
  const g = graph.input('g', [N, V])
  graph.output('back', gemm(graph, g, weight))
  graph.output('back transposed', gemm(graph, reshape(graph, g, [V, N]), weight, { transA: true }))
  graph.output('scattered', graph.apply('ScatterAdd', [gemm(graph, g, weight), reshape(graph, tokens, [N])], { rows: V }))
  return graph
}

it.each(['F32', 'BF16'] as const)('cuts a %s table into pieces without changing what comes out', async (dtype) => {
  const graph = vocabularyGraph(dtype)
  // 50 rows by 4 at a time make 13 pieces: more than one Concat takes.
  const lowered = lowerForGpu(graph, { pieceBytes: 4 * 4 * D })
  const weights = lowered.graph.liveNodes().flatMap(({ inputs }) => inputs).filter(({ source }) => source.kind === 'external')
  expect(new Set(weights.map(({ name }) => name)).size).toBe(13)
  expect(Math.max(...weights.map(({ shape: [rows = 0] }) => rows))).toBe(4)
  const [whole, pieces] = [await run(graph, feeds), await run(lowered.graph, lowered.prepare(feeds))]
  expect([...pieces.keys()].sort()).toEqual([...whole.keys()].sort())
  for (const [name, expected] of whole) {
    const got = pieces.get(name) ?? []
    for (const [index, value] of [...expected].entries()) expect(Math.abs(Number(got[index]) - Number(value)), `${name}[${index}]`).toBeLessThan(1e-5)
  }
})

it('leaves no arithmetic on whole numbers and no 16-bit kernel', () => {
  for (const dtype of ['F32', 'BF16'] as const) {
    for (const { operator, inputs, output } of lowerForGpu(vocabularyGraph(dtype)).graph.liveNodes()) {
      if (operator !== 'Cast') expect([operator, output.dtype]).toEqual([operator, 'f32'])
      else expect(inputs[0]?.source.kind).toBe('external')
    }
  }
})

it('names a weight that it cannot cut', () => {
  const graph = new Graph()
  graph.output('y', graph.apply('Neg', [table(graph, 'F32')], {}))
  expect(() => lowerForGpu(graph, { pieceBytes: 64 })).toThrow('"table" [50, 4] is larger than one buffer of a GPU and is used in a way that cannot be cut')
  const narrow = new Graph()
  narrow.output('y', gemm(narrow, narrow.input('h', [N, D]), table(narrow, 'F32'), { transB: true }))
  expect(() => lowerForGpu(narrow, { pieceBytes: 8 })).toThrow('one row of "table" is larger than a buffer')
})
