import { describe, expect, it } from 'vitest'
import { adaptedWeight, factoredRowNorms, rowNorms, rowSquares } from './dora.js'
import { compile, floats, type Data } from './executors/executor.js'
import { Graph } from './graph.js'
import { loraLayers, loraNames } from './lora.js'
import { gemm } from './ops/products.js'
import { Random } from './random.js'
import type { Value } from './tensor.js'

const [OUT, IN, RANK, ROWS] = [6, 10, 3, 4]
const random = new Random(4)
const draw = (length: number): Float32Array => Float32Array.from({ length }, () => random.normal())
const [weight, a, b, x, magnitude] = [draw(OUT * IN), draw(RANK * IN), draw(OUT * RANK), draw(ROWS * IN), draw(OUT).map((value) => 1 + Math.abs(value))]
const cpu = { device: 'cpu', threads: 1, prepack: true } as const

async function evaluate(build: (graph: Graph) => void, feeds: [string, Data][]): Promise<Float32Array> {
  const graph = new Graph()
  build(graph)
  const session = await compile(graph, cpu)
  const outputs = await session.run(new Map(feeds))
  await session.dispose()
  return floats(outputs, 'y')
}

const product = (left: (row: number, k: number) => number, right: (k: number, column: number) => number, [rows, inner, columns]: [number, number, number]): number[][] =>
  Array.from({ length: rows }, (_, row) => Array.from({ length: columns }, (_, column) => Array.from({ length: inner }, (_, k) => left(row, k) * right(k, column)).reduce((sum, value) => sum + value, 0)))
const cell = (matrix: Float32Array, width: number) => (row: number, column: number): number => matrix[row * width + column] ?? NaN

function expectClose(actual: Float32Array, expected: number[], tolerance: number): void {
  expect(actual).toHaveLength(expected.length)
  for (const [index, value] of actual.entries()) expect(Math.abs(value - (expected[index] ?? NaN)), `element ${index}`).toBeLessThan(tolerance)
}

describe('row norms of W + s·B·A', () => {
  const scaling = 1.7
  const update = product(cell(b, RANK), cell(a, IN), [OUT, RANK, IN])
  const plain = update.map((row, o) => Math.hypot(...row.map((value, i) => cell(weight, IN)(o, i) + scaling * value)))
  const feeds: [string, Data][] = [['w', weight], ['a', a], ['b', b]]
  const inputs = (graph: Graph) => ({ weight: graph.input('w', [OUT, IN]), a: graph.input('a', [RANK, IN]), b: graph.input('b', [OUT, RANK]), scaling })

  it('are those of the summed matrix', async () => {
    expectClose(await evaluate((graph) => graph.output('y', rowNorms(graph, adaptedWeight(graph, inputs(graph)))), feeds), plain, 1e-5)
  })

  it('are the same without that matrix', async () => {
    const squares = rowSquares(weight, IN)
    expectClose(await evaluate((graph) => graph.output('y', factoredRowNorms(graph, { ...inputs(graph), squares: graph.constant(squares, [OUT, 1]) })), feeds), plain, 1e-5)
  })
})

describe('a DoRA layer', () => {
  // With dropout, W·x sees every input while what DoRA changes sees the gaps, as in PEFT's DoraLinearVariant.
  it.each([0, 0.5])('computes W·x + (m/‖V‖ − 1)·W·x′ + m/‖V‖·s·B·A·x′ with dropout %f', async (dropout) => {
    const lora = { rank: RANK, alpha: 2 * RANK, dropout, targetModules: ['q_proj'], useDora: true }
    const { a: nameA, b: nameB, magnitude: nameM, keep } = loraNames('q_proj')
    const mask = Uint8Array.from({ length: ROWS * IN }, (_, index) => (index * 7 + 3) % 5 > 1 ? 1 : 0)
    const shapes = new Map([[nameA, [RANK, IN]], [nameB, [OUT, RANK]], [nameM, [OUT]], ['q_proj.weight', [OUT, IN]]])
    const y = await evaluate((graph) => {
      const values = new Map([...shapes].map(([name, shape]) => [name, graph.input(name, shape)]))
      const valueOf = (name: string): Value => values.get(name) ?? graph.scalar(NaN)
      const layers = loraLayers(graph, { lora, targets: [{ module: 'q_proj', inSize: IN, outSize: OUT }], weight: valueOf, product: (input, module) => gemm(graph, input, valueOf(`${module}.weight`), { transB: true }), squares: new Map([['q_proj', rowSquares(weight, IN)]]), isTraining: true })
      graph.output('y', layers.linear(graph.input('x', [ROWS, IN]), 'q_proj'))
    }, [['x', x], [nameA, a], [nameB, b], [nameM, magnitude], ['q_proj.weight', weight], [keep, mask]])

    const kept = dropout === 0 ? x : x.map((value, index) => (value * (mask[index] ?? 0)) / (1 - dropout))
    const transposed = (matrix: Float32Array, width: number) => (k: number, column: number): number => cell(matrix, width)(column, k)
    const update = product(cell(b, RANK), cell(a, IN), [OUT, RANK, IN])
    const norms = update.map((row, o) => Math.hypot(...row.map((value, i) => cell(weight, IN)(o, i) + 2 * value)))
    const [base, gapped] = [x, kept].map((input) => product(cell(input, IN), transposed(weight, IN), [ROWS, IN, OUT]))
    const low = product(cell(kept, IN), (i, o) => 2 * (update[o]?.[i] ?? NaN), [ROWS, IN, OUT])
    const expected = Array.from({ length: ROWS }, (_, n) => Array.from({ length: OUT }, (_, o) => {
      const stretch = (magnitude[o] ?? NaN) / (norms[o] ?? NaN)
      return (base?.[n]?.[o] ?? NaN) + (stretch - 1) * (gapped?.[n]?.[o] ?? NaN) + stretch * (low[n]?.[o] ?? NaN)
    })).flat()
    expectClose(y, expected, 2e-5)
  })
})
