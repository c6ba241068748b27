import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { engine, memory } from '@tensorflow/tfjs-core'
import { afterAll, afterEach, describe, expect, it, vi } from 'vitest'
import { float32ToBfloat16, float32ToFloat16 } from '../formats/half-floats.js'
import { readSafetensorsHeader, writeSafetensors } from '../formats/safetensors.js'
import { Graph } from '../graph.js'
import { binary } from '../ops/elementwise.js'
import { gather } from '../ops/indexing.js'
import { gemm } from '../ops/products.js'
import { compile, floats, integers } from './executor.js'

const folder = mkdtempSync(join(tmpdir(), 'tfjs-'))
const wasm = { device: 'tfjs-wasm', threads: 1, prepack: false } as const
afterAll(() => rmSync(folder, { recursive: true }))
afterEach(() => vi.unstubAllEnvs())

function weightsFile(): string {
  const file = join(folder, 'model.safetensors')
  const values = Float32Array.of(1, -2, 0.5, 4, 0.25, -8)
  writeSafetensors(file, new Map([
    ['F32', { dtype: 'F32', shape: [2, 3], data: values }],
    ['F16', { dtype: 'F16', shape: [2, 3], data: float32ToFloat16(values) }],
    ['BF16', { dtype: 'BF16', shape: [2, 3], data: float32ToBfloat16(values) }],
  ]))
  return file
}

describe('weights in a file', () => {
  const file = weightsFile()
  const header = readSafetensorsHeader(file)

  function graphOver(...names: ('F32' | 'F16' | 'BF16')[]): Graph {
    const graph = new Graph()
    const x = graph.input('x', [1, 3])
    for (const name of names) {
      const { begin = 0, end = 0 } = header.get(name) ?? {}
      const weight = graph.external(name, { shape: [2, 3], dtype: name.toLowerCase() as 'f32', location: { file, offset: begin, length: end - begin } })
      const wide = graph.apply('Cast', [weight], { to: 'f32' })
      graph.output(`product ${name}`, gemm(graph, x, wide, { transB: true }))
      graph.output(`row ${name}`, gather(graph, wide, graph.constant(BigInt64Array.of(1n), [1])))
      graph.output(`itself ${name}`, wide)
    }
    return graph
  }

  it('are widened as they are read, in every format', async () => {
    const session = await compile(graphOver('F32', 'F16', 'BF16'), wasm)
    const outputs = await session.run(new Map([['x', Float32Array.of(1, 2, 3)]]))
    await session.dispose()
    for (const name of ['F32', 'F16', 'BF16']) {
      expect([...floats(outputs, `product ${name}`)]).toEqual([-1.5, -19.5])
      expect([...floats(outputs, `row ${name}`)]).toEqual([4, 0.25, -8])
      expect([...floats(outputs, `itself ${name}`)]).toEqual([1, -2, 0.5, 4, 0.25, -8])
    }
  })

  it('are held once for all sessions, and nothing is left when the last is gone', async () => {
    const before = memory()
    const first = await compile(graphOver('F32'), wasm)
    const alone = memory().numBytes
    const second = await compile(graphOver('F32'), wasm)
    // The index constant is the second session's own; the weight is not.
    expect(memory().numBytes - alone).toBe(4)
    await first.dispose()
    const feeds = new Map([['x', Float32Array.of(1, 2, 3)]])
    for (let turn = 0; turn < 3; turn++) expect([...floats(await second.run(feeds), 'product F32')]).toEqual([-1.5, -19.5])
    await second.dispose()
    expect(memory()).toMatchObject({ numTensors: before.numTensors, numBytes: before.numBytes })
  })
})

describe('memory', () => {
  const { endScope } = engine()
  type Engine = ReturnType<typeof engine>

  it('of what was read for the last time is freed within the run', async () => {
    const graph = new Graph()
    let value = graph.input('x', [1000])
    for (let depth = 0; depth < 50; depth++) value = binary(graph, 'Add', value, graph.scalar(1))
    graph.output('y', value)
    const session = await compile(graph, wasm)
    const before = memory().numBytes
    let most = 0
    const scopes = vi.spyOn(engine(), 'endScope').mockImplementation(function (this: Engine, result) {
      most = Math.max(most, memory().numBytes - before)
      return endScope.call(this, result)
    })
    const outputs = await session.run(new Map([['x', new Float32Array(1000)]]))
    scopes.mockRestore()
    expect(floats(outputs, 'y')[999]).toBe(50)
    // What a node reads and what it writes, never the fifty.
    expect(most).toBe(2 * 4000)
    expect(memory().numBytes).toBe(before)
    await session.dispose()
  })

  it('that the device has not is refused before anything runs', async () => {
    const graph = new Graph()
    const wide = graph.apply('Expand', [graph.input('x', [1])], { shape: [2 ** 31] })
    graph.output('y', graph.apply('ReduceSum', [wide], { axes: [0] }))
    await expect(compile(graph, wasm)).rejects.toMatchObject({ code: 'device_limit', message: expect.stringContaining('takes 8589934592 bytes; "tfjs-wasm" holds at most 4294901760 in one') })
  })
})

describe('whole numbers', () => {
  function echo(): Graph {
    const graph = new Graph()
    graph.output('y', graph.apply('Detach', [graph.input('i', [2], 'i64')], {}))
    return graph
  }

  it('come back as they went in', async () => {
    const session = await compile(echo(), wasm)
    expect([...integers(await session.run(new Map([['i', BigInt64Array.of(-7n, 2n ** 31n - 1n)]])), 'y')]).toEqual([-7n, 2n ** 31n - 1n])
    await session.dispose()
  })

  it('beyond 32 bits are refused, not cut', async () => {
    const session = await compile(echo(), wasm)
    await expect(session.run(new Map([['i', BigInt64Array.of(0n, 2n ** 31n)]]))).rejects.toThrow('"i" holds 2147483648, which TensorFlow.js cannot')
    await session.dispose()
  })
})

describe('a package that is not installed', () => {
  it.each([
    ['tfjs-webgpu', 'webgpu 0.6.2', 'webgpu@0.6.2'],
    ['tfjs-node', '@tensorflow/tfjs-node 4.22.0', '@tensorflow/tfjs-node@4.22.0'],
    ['tfjs-node-gpu', '@tensorflow/tfjs-node-gpu 4.22.0', '@tensorflow/tfjs-node-gpu@4.22.0'],
  ] as const)('%s names it, and how to install it', async (device, name, install) => {
    vi.stubEnv('BANCADA_PACKAGES', folder)
    const graph = new Graph()
    graph.output('y', graph.apply('Neg', [graph.input('x', [2])], {}))
    await expect(compile(graph, { ...wasm, device })).rejects.toMatchObject({
      code: 'package_missing',
      message: `device "${device}" needs the package ${name}, which is not installed. Install it with: npm install --prefix ${folder} ${install}`,
    })
  })
})

// TensorFlow's native back end cannot be installed everywhere. What stands in for its package registers a back end of
// the same name on the kernels of tfjs-backend-cpu: this tests how the package is found and checked, not its kernels.
describe('the native back end of a package the user installed', () => {
  const graph = new Graph()
  graph.output('y', gemm(graph, graph.input('a', [1, 2]), graph.input('b', [3, 2]), { transB: true }))
  const feeds = new Map([['a', Float32Array.of(1, 2)], ['b', Float32Array.of(1, 0, 0, 1, 1, 1)]])

  function installStandIn(name: string, isUsingGpuDevice: boolean): void {
    const place = join(folder, 'node_modules', name)
    const resolve = (module: string): string => JSON.stringify(createRequire(import.meta.url).resolve(module))
    mkdirSync(place, { recursive: true })
    writeFileSync(join(place, 'package.json'), JSON.stringify({ name, version: '4.22.0', main: 'index.js' }))
    writeFileSync(join(place, 'index.js'), `
      const tf = require(${resolve('@tensorflow/tfjs-core')})
      const { MathBackendCPU } = require(${resolve('@tensorflow/tfjs-backend-cpu')})
      if (tf.findBackendFactory('tensorflow')) tf.removeBackend('tensorflow')
      tf.registerBackend('tensorflow', () => Object.assign(new MathBackendCPU(), { isUsingGpuDevice: ${isUsingGpuDevice} }))
      if (tf.getKernelsForBackend('tensorflow').length === 0) tf.copyRegisteredKernels('cpu', 'tensorflow')
      module.exports = tf
    `)
  }

  it('computes', async () => {
    vi.stubEnv('BANCADA_PACKAGES', folder)
    installStandIn('@tensorflow/tfjs-node', false)
    const session = await compile(graph, { ...wasm, device: 'tfjs-node' })
    expect(session.hardware).toMatch(/^TensorFlow on the CPU, TensorFlow.js 4/)
    expect([...floats(await session.run(feeds), 'y')]).toEqual([1, 2, 3])
    await session.dispose()
  })

  it('is refused where it was asked for a GPU and has none', async () => {
    vi.stubEnv('BANCADA_PACKAGES', folder)
    installStandIn('@tensorflow/tfjs-node-gpu', false)
    await expect(compile(graph, { ...wasm, device: 'tfjs-node-gpu' })).rejects.toMatchObject({ code: 'device_missing', message: expect.stringContaining('@tensorflow/tfjs-node-gpu is installed and finds no GPU') })
  })
})
