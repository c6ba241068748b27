import { describe, expect, it } from 'vitest'
import { gradients } from '../autodiff.js'
import { compile, floats, integers, type Data } from '../executors/executor.js'
import { Graph } from '../graph.js'
import { Random } from '../random.js'
import { sizeOf, type Shape, type Value } from '../tensor.js'
import type { OperatorAttributes, OperatorName } from './attributes.js'
import { binary } from './elementwise.js'
import { operators } from './operators.js'

interface Case<K extends OperatorName> {
  /** Shapes of the float inputs; a list of whole numbers after them is an index input. */
  shapes: Shape[]
  indices?: number[]
  attributes: OperatorAttributes[K]
  /** Inputs are drawn from here, away from where the function is undefined or bends. */
  range?: [number, number]
}

const none = {}

/** At least one case per operator: a new operator without one does not compile. */
const cases: { [K in OperatorName]: [Case<K>, ...Case<K>[]] } = {
  Add: [{ shapes: [[2, 3], [2, 3]], attributes: none }, { shapes: [[2, 3, 4], [3, 1]], attributes: none }, { shapes: [[], [4]], attributes: none }],
  Sub: [{ shapes: [[2, 3], [1, 3]], attributes: none }, { shapes: [[1], [2, 2]], attributes: none }],
  Mul: [{ shapes: [[2, 3], [2, 3]], attributes: none }, { shapes: [[2, 3, 4], [3, 1]], attributes: none }, { shapes: [[], [4]], attributes: none }],
  Div: [{ shapes: [[2, 3], [2, 3]], attributes: none, range: [0.5, 1.5] }, { shapes: [[2, 3], [2, 1]], attributes: none, range: [0.5, 1.5] }, { shapes: [[], [3]], attributes: none, range: [0.5, 1.5] }],
  Neg: [{ shapes: [[3]], attributes: none }],
  Exp: [{ shapes: [[2, 3]], attributes: none }],
  Log: [{ shapes: [[2, 3]], attributes: none, range: [0.5, 1.5] }],
  Sqrt: [{ shapes: [[2, 3]], attributes: none, range: [0.5, 1.5] }],
  Sigmoid: [{ shapes: [[2, 3]], attributes: none, range: [-3, 3] }],
  Silu: [{ shapes: [[2, 3]], attributes: none, range: [-3, 3] }],
  Detach: [{ shapes: [[2]], attributes: none }],
  Cast: [{ shapes: [[2]], attributes: { to: 'f32' } }],
  Gemm: [[false, false], [false, true], [true, false], [true, true]].map(([transA = false, transB = false]): Case<'Gemm'> => ({
    shapes: [transA ? [3, 2] : [2, 3], transB ? [4, 3] : [3, 4]], attributes: { transA, transB },
  })) as [Case<'Gemm'>, ...Case<'Gemm'>[]],
  MatMul: [[false, false], [false, true], [true, false], [true, true]].map(([transA = false, transB = false]): Case<'MatMul'> => ({
    shapes: [transA ? [2, 2, 3, 2] : [2, 2, 2, 3], transB ? [2, 2, 4, 3] : [2, 2, 3, 4]], attributes: { transA, transB },
  })) as [Case<'MatMul'>, ...Case<'MatMul'>[]],
  Reshape: [{ shapes: [[2, 6]], attributes: { shape: [3, 4] } }],
  Transpose: [{ shapes: [[2, 3, 4]], attributes: { perm: [2, 0, 1] } }],
  Expand: [{ shapes: [[2, 1]], attributes: { shape: [3, 2, 4] } }],
  Slice: [{ shapes: [[2, 5]], attributes: { axis: 1, start: 1, end: 3 } }, { shapes: [[4, 2]], attributes: { axis: 0, start: 0, end: 4 } }],
  Concat: [{ shapes: [[2, 1], [2, 3], [2, 2]], attributes: { axis: 1 } }],
  RotateHalf: [{ shapes: [[2, 3, 4]], attributes: none }],
  ReduceSum: [{ shapes: [[2, 3, 4]], attributes: { axes: [1] } }, { shapes: [[2, 3]], attributes: { axes: [0, 1] } }],
  ReduceMax: [{ shapes: [[2, 3]], attributes: { axes: [1] } }],
  Softmax: [{ shapes: [[2, 2, 5]], attributes: none, range: [-2, 2] }],
  ArgMax: [{ shapes: [[2, 3]], attributes: none }],
  Gather: [{ shapes: [[4, 3]], indices: [1, 3, 1, 0, 1], attributes: none }],
  ScatterAdd: [{ shapes: [[5, 3]], indices: [1, 3, 1, 0, 1], attributes: { rows: 4 } }],
}

interface Prepared {
  graph: Graph
  inputs: Value[]
  output: Value
  feeds: Map<string, Data>
}

function prepare<K extends OperatorName>(name: K, { shapes, indices, attributes, range: [low, high] = [-1, 1] }: Case<K>): Prepared {
  const graph = new Graph()
  const random = new Random(1, shapes.length)
  const feeds = new Map<string, Data>()
  const inputs = shapes.map((shape, index) => {
    feeds.set(`x${index}`, Float32Array.from({ length: sizeOf(shape) }, () => low + (high - low) * random.uniform()))
    return graph.input(`x${index}`, shape)
  })
  const extra = indices ? [graph.constant(BigInt64Array.from(indices, BigInt), [indices.length])] : []
  return { graph, inputs, output: graph.apply(name, [...inputs, ...extra], attributes), feeds }
}

/** Σ w ⊙ output with fixed random w, so that no element's gradient can hide behind another's. */
function weightedSum(graph: Graph, output: Value): Value {
  const random = new Random(2)
  const weights = graph.constant(Float32Array.from({ length: sizeOf(output.shape) }, () => 0.5 + random.uniform()), output.shape)
  const product = binary(graph, 'Mul', output, weights)
  return product.shape.length === 0 ? product : graph.apply('ReduceSum', [product], { axes: product.shape.map((_, axis) => axis) })
}

const cpu = { device: 'cpu', threads: 1, prepack: true } as const

async function checkGradient({ graph, inputs, output, feeds }: Prepared): Promise<void> {
  const loss = weightedSum(graph, output)
  for (const [index, gradient] of gradients(graph, loss, inputs).entries()) {
    expect(gradient.shape).toEqual(inputs[index]?.shape)
    graph.output(`g${index}`, gradient)
  }
  graph.output('loss', loss)
  const session = await compile(graph, cpu)
  const exact = await session.run(feeds)
  const step = 1e-2
  for (const [index] of inputs.entries()) {
    const x = floats(feeds, `x${index}`)
    const gradient = floats(exact, `g${index}`)
    for (const [element, value] of x.entries()) {
      const lossAt = async (moved: number): Promise<number> => floats(await session.run(new Map(feeds).set(`x${index}`, x.with(element, moved))), 'loss')[0] ?? NaN
      const [above, below] = [Math.fround(value + step), Math.fround(value - step)]
      const difference = ((await lossAt(above)) - (await lossAt(below))) / (above - below)
      const slope = gradient[element] ?? NaN
      expect(Math.abs(difference - slope), `x${index}[${element}]: ${slope} against ${difference}`).toBeLessThan(1e-3 * Math.max(1, Math.abs(slope)))
    }
  }
  await session.dispose()
}

async function evaluate({ graph, output, feeds }: Prepared): Promise<Map<string, Data>> {
  graph.output('y', output)
  const session = await compile(graph, cpu)
  const outputs = await session.run(feeds)
  await session.dispose()
  return outputs
}

describe('gradients against central differences', () => {
  for (const name of Object.keys(operators) as OperatorName[]) {
    const { backward } = operators[name]
    if (backward === null || name === 'Detach') continue
    for (const [index, example] of cases[name].entries()) it(`${name} ${index}`, () => checkGradient(prepare(name, example)))
  }
})

describe('operators without a gradient', () => {
  it.each((Object.keys(operators) as OperatorName[]).filter((name) => operators[name].backward === null))('%s refuses to be differentiated', (name) => {
    const { graph, inputs, output } = prepare(name, cases[name][0])
    if (output.dtype !== 'f32') return
    expect(() => gradients(graph, weightedSum(graph, output), inputs)).toThrow(`operator ${name} has no gradient`)
  })

  it('Detach lets the value through and the gradient not', async () => {
    const prepared = prepare('Detach', cases.Detach[0])
    expect(() => gradients(prepared.graph, weightedSum(prepared.graph, prepared.output), prepared.inputs)).toThrow('does not depend on "x0"')
    expect(floats(await evaluate(prepared), 'y')).toEqual(prepared.feeds.get('x0'))
  })

  it('ReduceMax and ArgMax find the largest, the first of equals', async () => {
    const feed = Float32Array.of(1, 5, 5, -3, -1, -2)
    const largest = prepare('ReduceMax', cases.ReduceMax[0])
    largest.feeds.set('x0', feed)
    expect([...floats(await evaluate(largest), 'y')]).toEqual([5, -1])
    const place = prepare('ArgMax', cases.ArgMax[0])
    place.feeds.set('x0', feed)
    expect([...integers(await evaluate(place), 'y')]).toEqual([1n, 1n])
  })

  it('Cast widens bytes', async () => {
    const graph = new Graph()
    const output = graph.apply('Cast', [graph.input('x0', [3], 'u8')], { to: 'f32' })
    const outputs = await evaluate({ graph, inputs: [], output, feeds: new Map([['x0', Uint8Array.of(0, 1, 255)]]) })
    expect([...floats(outputs, 'y')]).toEqual([0, 1, 255])
  })
})

describe('values', () => {
  it('adds repeated rows in a fixed order on any number of threads', async () => {
    const rows = 3000
    const random = new Random(3)
    const updates = Float32Array.from({ length: rows * 8 }, () => random.normal())
    const indices = BigInt64Array.from({ length: rows }, () => BigInt(random.uint32() % 7))
    const results: Float32Array[] = []
    for (const threads of [1, 2, 2]) {
      const graph = new Graph()
      graph.output('y', graph.apply('ScatterAdd', [graph.input('x', [rows, 8]), graph.input('i', [rows], 'i64')], { rows: 7 }))
      const session = await compile(graph, { ...cpu, threads })
      results.push(floats(await session.run(new Map<string, Data>([['x', updates], ['i', indices]])), 'y'))
      await session.dispose()
    }
    const expected = new Float32Array(7 * 8)
    for (const [row, index] of indices.entries()) {
      for (let column = 0; column < 8; column++) expected[Number(index) * 8 + column] = Math.fround((expected[Number(index) * 8 + column] ?? 0) + (updates[row * 8 + column] ?? 0))
    }
    for (const result of results) expect(result).toEqual(expected)
  })
})

describe('shape mistakes are named where they are made', () => {
  const graph = new Graph()
  const [a, b] = [graph.input('a', [2, 3]), graph.input('b', [4, 5])]
  it.each([
    ['broadcast', () => binary(graph, 'Add', a, b), 'shapes [2, 3] and [4, 5] do not broadcast'],
    ['product', () => graph.apply('Gemm', [a, b], { transA: true, transB: false }), 'product of [2, 3]ᵀ and [4, 5] does not fit'],
    ['reshape', () => graph.apply('Reshape', [a], { shape: [4] }), 'cannot reshape [2, 3] to [4]'],
    ['slice', () => graph.apply('Slice', [a], { axis: 1, start: 2, end: 4 }), 'slice 2:4 leaves axis 1'],
    ['permutation', () => graph.apply('Transpose', [a], { perm: [0, 0] }), 'does not permute'],
    ['input twice', () => graph.input('a', [1]), 'input "a" is declared twice'],
  ])('%s', (_, build, message) => {
    expect(build).toThrow(message)
  })
})
