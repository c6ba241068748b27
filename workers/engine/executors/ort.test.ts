import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, describe, expect, it } from 'vitest'
import { float32ToBfloat16 } from '../formats/half-floats.js'
import { readSafetensorsHeader, writeSafetensors } from '../formats/safetensors.js'
import { Graph } from '../graph.js'
import { gemm } from '../ops/products.js'
import { missingCudaLibraries } from './cuda-libraries.js'
import { compile, floats } from './executor.js'

const folder = mkdtempSync(join(tmpdir(), 'ort-'))
afterAll(() => rmSync(folder, { recursive: true }))

describe('weights that stay in their file', () => {
  it.each([true, false])('are read at their offsets, in F32 and BF16 (prepack %s)', async (prepack) => {
    const file = join(folder, `weights-${prepack}.safetensors`)
    const values = Float32Array.of(1, -2, 0.5, 4, 0.25, -8)
    writeSafetensors(file, new Map([
      ['first', { dtype: 'F32', shape: [1], data: Float32Array.of(99) }],
      ['wide', { dtype: 'F32', shape: [2, 3], data: values }],
      ['narrow', { dtype: 'BF16', shape: [2, 3], data: float32ToBfloat16(values) }],
    ]))
    const header = readSafetensorsHeader(file)
    const graph = new Graph()
    const x = graph.input('x', [1, 3])
    for (const [name, dtype] of [['wide', 'f32'], ['narrow', 'bf16']] as const) {
      const { begin = 0, end = 0, shape = [] } = header.get(name) ?? {}
      const weight = graph.external(name, { shape, dtype, location: { file, offset: begin, length: end - begin } })
      graph.output(`y-${name}`, gemm(graph, x, graph.apply('Cast', [weight], { to: 'f32' }), { transB: true }))
    }
    const session = await compile(graph, { device: 'cpu', threads: 1, prepack })
    const outputs = await session.run(new Map([['x', Float32Array.of(1, 2, 3)]]))
    await session.dispose()
    expect([...floats(outputs, 'y-wide')]).toEqual([-1.5, -19.5])
    expect([...floats(outputs, 'y-narrow')]).toEqual([-1.5, -19.5])
  })
})

describe('mistakes', () => {
  it('names an input that was not fed or has the wrong size', async () => {
    const graph = new Graph()
    graph.output('y', graph.apply('Neg', [graph.input('x', [2])], {}))
    const session = await compile(graph, { device: 'cpu', threads: 1, prepack: true })
    await expect(session.run(new Map())).rejects.toThrow('input "x" was not fed')
    await expect(session.run(new Map([['x', new Float32Array(3)]]))).rejects.toThrow('input "x" has 3 elements; its shape [2] needs 2')
    await session.dispose()
  })

  it.skipIf(missingCudaLibraries().length === 0)('names the CUDA libraries that are missing, and falls back to nothing', async () => {
    const graph = new Graph()
    graph.output('y', graph.apply('Neg', [graph.input('x', [2])], {}))
    await expect(compile(graph, { device: 'cuda', threads: 1, prepack: true })).rejects.toMatchObject({
      code: 'device_missing',
      message: expect.stringMatching(/device "cuda" cannot be used: ONNX Runtime's own .*libonnxruntime_providers_cuda\.so.* not installed\. Use device "cpu", or install .* with: ONNXRUNTIME_NODE_INSTALL=true node/),
    })
  })
})
