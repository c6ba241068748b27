import { describe, expect, it } from 'vitest'
import { gradients } from '../autodiff.js'
import type { Device } from '../engine.js'
import { compile, floats, integers, type Data } from '../executors/executor.js'
import { Graph } from '../graph.js'
import { Random } from '../random.js'
import type { OperatorName } from './attributes.js'
import { binary } from './elementwise.js'
import { operatorCases, prepareCase, weightedSum, type PreparedCase } from './operator-cases.js'
import { operators } from './operators.js'

const cpu = { device: 'cpu', threads: 1, prepack: true } as const
/** One of each executor; tests/contract holds every device to the first. */
const devices: Device[] = ['cpu', 'tfjs-wasm']

async function checkGradient({ graph, inputs, output, feeds }: PreparedCase, device: Device): Promise<void> {
  const loss = weightedSum(graph, output)
  for (const [index, gradient] of gradients(graph, loss, inputs).entries()) {
    expect(gradient.shape).toEqual(inputs[index]?.shape)
    graph.output(`g${index}`, gradient)
  }
  graph.output('loss', loss)
  const session = await compile(graph, { ...cpu, device })
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

async function evaluate({ graph, output, feeds }: PreparedCase, device: Device): Promise<Map<string, Data>> {
  graph.output('y', output)
  const session = await compile(graph, { ...cpu, device })
  const outputs = await session.run(feeds)
  await session.dispose()
  return outputs
}

describe.each(devices)('gradients against central differences on %s', (device) => {
  for (const name of Object.keys(operators) as OperatorName[]) {
    const { backward } = operators[name]
    if (backward === null || name === 'Detach') continue
    for (const [index, example] of operatorCases[name].entries()) it(`${name} ${index}`, () => checkGradient(prepareCase(name, example), device))
  }
})

describe('operators without a gradient', () => {
  it.each((Object.keys(operators) as OperatorName[]).filter((name) => operators[name].backward === null))('%s refuses to be differentiated', (name) => {
    const { graph, inputs, output } = prepareCase(name, operatorCases[name][0])
    if (output.dtype !== 'f32') return
    expect(() => gradients(graph, weightedSum(graph, output), inputs)).toThrow(`operator ${name} has no gradient`)
  })
})

describe.each(devices)('operators without a gradient on %s', (device) => {
  it('Detach lets the value through and the gradient not', async () => {
    const prepared = prepareCase('Detach', operatorCases.Detach[0])
    expect(() => gradients(prepared.graph, weightedSum(prepared.graph, prepared.output), prepared.inputs)).toThrow('does not depend on "x0"')
    expect(floats(await evaluate(prepared, device), 'y')).toEqual(prepared.feeds.get('x0'))
  })

  it('ReduceMax and ArgMax find the largest, the first of equals', async () => {
    const feed = Float32Array.of(1, 5, 5, -3, -1, -2)
    const largest = prepareCase('ReduceMax', operatorCases.ReduceMax[0])
    largest.feeds.set('x0', feed)
    expect([...floats(await evaluate(largest, device), 'y')]).toEqual([5, -1])
    const place = prepareCase('ArgMax', operatorCases.ArgMax[0])
    place.feeds.set('x0', feed)
    expect([...integers(await evaluate(place, device), 'y')]).toEqual([1n, 1n])
  })

  it('Cast widens bytes', async () => {
    const graph = new Graph()
    const output = graph.apply('Cast', [graph.input('x0', [3], 'u8')], { to: 'f32' })
    const outputs = await evaluate({ graph, inputs: [], output, feeds: new Map([['x0', Uint8Array.of(0, 1, 255)]]) }, device)
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
