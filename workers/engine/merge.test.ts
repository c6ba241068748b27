import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { writeRandomLlama } from '../../tests/support/random-llama.js'
import type { LlamaConfig } from './engine.js'
import { writePeftAdapter, type AdapterTensor } from './formats/peft.js'
import { readTensorBytes } from './formats/safetensors.js'
import { openWeights } from './formats/weights.js'
import { openLanguageModel } from './generate.js'
import { loraShapes, loraTargets } from './lora.js'
import { mergeModel } from './merge.js'
import { Random } from './random.js'
import { sizeOf } from './tensor.js'

const config: LlamaConfig = {
  hiddenSize: 32, intermediateSize: 48, layers: 2, heads: 4, kvHeads: 2, headDim: 8, vocabSize: 4096, maxPositions: 64,
  ropeTheta: 100, ropeScaling: null, rmsNormEps: 1e-5, tieEmbeddings: true, qkvBias: true,
}
const root = mkdtempSync(join(tmpdir(), 'merge-'))
const at = (name: string): string => join(root, name)
const tokens = [0, 17, 300, 4000, 5, 99]

beforeAll(() => {
  writeRandomLlama({ folder: at('f32'), config, dtype: 'F32', seed: 1 })
  writeRandomLlama({ folder: at('bf16'), config, dtype: 'BF16', seed: 1, shards: 2 })
  writeAdapter(at('lora'), false)
  writeAdapter(at('dora'), true)
})
afterAll(() => rmSync(root, { recursive: true, force: true }))

/** An adapter that moves the logits far. */
function writeAdapter(folder: string, useDora: boolean): void {
  const lora = { rank: 3, alpha: 5, dropout: 0, targetModules: 'all-linear', useDora, useRslora: false }
  const random = new Random(6)
  const weights = new Map<string, AdapterTensor>()
  for (const [name, shape] of loraShapes(loraTargets(config, lora), lora)) {
    weights.set(name, { shape: [...shape], data: Float32Array.from({ length: sizeOf(shape) }, () => 0.2 * random.normal() + (shape.length === 1 ? 1 : 0)) })
  }
  writePeftAdapter(folder, { config: { ...lora, baseModelNameOrPath: 'base' }, weights })
}

async function logitsOf(folder: string, adapter?: string): Promise<Float32Array> {
  const model = await openLanguageModel({ folder, ...(adapter === undefined ? {} : { adapter: { folder: adapter } }), threads: 1, device: 'cpu' })
  const logits = await model.logits(tokens)
  await model.close()
  return logits
}

const farthest = (a: Float32Array, b: Float32Array): number => a.reduce((worst, value, index) => Math.max(worst, Math.abs(value - (b[index] ?? NaN))), 0)

describe('merging', () => {
  it.each(['lora', 'dora'])('gives the logits of base and adapter: %s', async (adapter) => {
    mergeModel({ modelFolder: at('f32'), adapterFolder: at(adapter), folder: at(`merged-${adapter}`) })
    const [base, adapted, merged] = [await logitsOf(at('f32')), await logitsOf(at('f32'), at(adapter)), await logitsOf(at(`merged-${adapter}`))]
    expect(farthest(adapted, base)).toBeGreaterThan(0.3)
    expect(farthest(adapted, merged)).toBeLessThan(2e-5)
  })

  it('keeps what it does not change, bit for bit, and copies tokenizer and settings', () => {
    writeFileSync(join(at('bf16'), 'LICENSE'), 'free')
    writeFileSync(join(at('bf16'), 'README.md'), 'not this')
    const written = mergeModel({ modelFolder: at('bf16'), adapterFolder: at('lora'), folder: at('kept') })
    expect(written.sort()).toEqual(readdirSync(at('kept')).sort())
    expect(written).toEqual(['LICENSE', 'config.json', 'generation_config.json', 'model.safetensors', 'special_tokens_map.json', 'tokenizer.json', 'tokenizer_config.json'])
    const [before, after] = [openWeights(at('bf16')), openWeights(at('kept'))]
    expect([...after.keys()].sort()).toEqual([...before.keys()].sort())
    for (const [name, entry] of before) {
      const other = after.get(name)
      const same = other !== undefined && Buffer.from(readTensorBytes(entry.file, entry)).equals(readTensorBytes(other.file, other))
      expect(same, name).toBe(!name.endsWith('_proj.weight'))
      expect(other?.dtype).toBe('BF16')
    }
  })

  it('rounds the sum once where another format is asked for', async () => {
    const adapted = await logitsOf(at('f32'), at('dora'))
    for (const [dtype, torch, tolerance] of [['F16', 'float16', 5e-3], ['BF16', 'bfloat16', 5e-2]] as const) {
      const folder = at(`as-${dtype}`)
      mergeModel({ modelFolder: at('f32'), adapterFolder: at('dora'), folder, dtype })
      expect(JSON.parse(readFileSync(join(folder, 'config.json'), 'utf8'))).toMatchObject({ torch_dtype: torch })
      expect(new Set([...openWeights(folder).values()].map((entry) => entry.dtype))).toEqual(new Set([dtype]))
      const difference = farthest(adapted, await logitsOf(folder))
      expect(difference).toBeLessThan(tolerance)
      expect(difference).toBeGreaterThan(0)
    }
  })

  it('writes several files and an index where one would be too large', async () => {
    const folder = at('sharded')
    const written = mergeModel({ modelFolder: at('f32'), adapterFolder: at('lora'), folder, maxShardBytes: 40_000 })
    const shards = written.filter((name) => name.endsWith('.safetensors'))
    expect(shards.length).toBeGreaterThan(2)
    expect(shards[0]).toBe(`model-00001-of-${String(shards.length).padStart(5, '0')}.safetensors`)
    const index = JSON.parse(readFileSync(join(folder, 'model.safetensors.index.json'), 'utf8')) as { metadata: { total_size: number }; weight_map: Record<string, string> }
    expect(index.metadata.total_size).toBe([...openWeights(at('f32')).values()].reduce((sum, { begin, end }) => sum + end - begin, 0))
    mergeModel({ modelFolder: at('f32'), adapterFolder: at('lora'), folder: at('whole') })
    expect(await logitsOf(folder)).toEqual(await logitsOf(at('whole')))
  })

  it('refuses an adapter of another model, a number that F16 cannot hold, and to overwrite its source', () => {
    const other = at('other')
    writeRandomLlama({ folder: other, config: { ...config, intermediateSize: 64 }, dtype: 'F32', seed: 1 })
    expect(() => mergeModel({ modelFolder: other, adapterFolder: at('lora'), folder: at('never') })).toThrow(/changes model.layers.0.mlp.down_proj by .* which is \[32, 64\] in the model; it was trained on another model/)
    expect(() => mergeModel({ modelFolder: at('f32'), adapterFolder: at('lora'), folder: at('f32') })).toThrow(/cannot be written over the model it is made from/)
    writePeftAdapter(at('huge'), {
      config: { rank: 1, alpha: 1, dropout: 0, targetModules: ['o_proj'], useRslora: false, baseModelNameOrPath: '' },
      weights: new Map([['model.layers.0.self_attn.o_proj.lora_A.weight', { shape: [1, 32], data: new Float32Array(32).fill(1000) }], ['model.layers.0.self_attn.o_proj.lora_B.weight', { shape: [32, 1], data: new Float32Array(32).fill(100) }]]),
    })
    expect(() => mergeModel({ modelFolder: at('f32'), adapterFolder: at('huge'), folder: at('never'), dtype: 'F16' })).toThrow(/o_proj.weight" holds 1000.*, which F16 cannot/)
    expect(readdirSync(at('never')).filter((name) => name.endsWith('.safetensors'))).toEqual([])
  })
})
