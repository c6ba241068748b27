import { cpSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { z } from 'zod'
import type { Device, LlamaConfig, TrainerOptions } from './engine.js'
import { float16ToNumber, float32ToBfloat16, float32ToFloat16 } from './formats/half-floats.js'
import { readSafetensors, readSafetensorsHeader, readTensorF32, writeSafetensors } from './formats/safetensors.js'
import { openFrozenWeights, readFrozen, storedBytes } from './frozen-weights.js'
import { openLanguageModel } from './generate.js'
import { tinyConfig, tinyExamples, tinyOptions } from './models/tiny-llama.js'
import { blockScales, dequantize, quantize } from './quantization.js'
import { createTrainer } from './trainer.js'
import { BASE_DTYPES, isQuantization, type BaseDtype, type BaseWeights } from './weight-cache.js'

const root = mkdtempSync(join(tmpdir(), 'weight-cache-'))
const model = join(root, 'model')
const base = (dtype: BaseDtype): BaseWeights => ({ dtype, cacheFolder: join(root, 'cache') })
/** Every linear layer falls into blocks of 64 weights, though no row does. */
const config: LlamaConfig = { ...tinyConfig, hiddenSize: 16, intermediateSize: 24 }
const options: TrainerOptions = { ...tinyOptions, config: undefined, modelFolder: model, lora: { rank: 4, alpha: 8, dropout: 0, targetModules: ['all-linear'] } }
const examples = tinyExamples(5)

beforeAll(async () => {
  const trainer = await createTrainer({ ...tinyOptions, config, learningRate: 0.03 }, tinyExamples(8))
  for (let step = 0; step < 5; step++) await trainer.step()
  await trainer.save(model)
  await trainer.dispose()
})
afterAll(() => rmSync(root, { recursive: true }))

/** What a base in this format stands for, by the reference. */
function rounded(name: string, values: Float32Array, dtype: BaseDtype): Float32Array {
  if (isQuantization(dtype)) {
    if (!name.endsWith('_proj.weight')) return values
    const scales = blockScales(values, dtype)
    return dequantize(quantize(values, scales, dtype), scales, dtype)
  }
  if (name.includes('norm') || name.endsWith('.bias')) return values
  if (dtype === 'bf16') return new Float32Array(Uint32Array.from(float32ToBfloat16(values), (half) => half << 16).buffer)
  return dtype === 'f16' ? Float32Array.from(float32ToFloat16(values), float16ToNumber) : values
}

/** A model folder whose weights are those of `model`, changed and written in f32. */
function writeModel(folder: string, change: (name: string, values: Float32Array) => Float32Array): string {
  mkdirSync(folder, { recursive: true })
  const file = join(model, 'model.safetensors')
  writeSafetensors(join(folder, 'model.safetensors'), new Map([...readSafetensorsHeader(file)].map(([name, entry]) => [name, { dtype: 'F32', shape: entry.shape, data: change(name, readTensorF32(file, entry)) }])))
  writeFileSync(join(folder, 'config.json'), readFileSync(join(model, 'config.json')))
  return folder
}

it.each(BASE_DTYPES)('holds what the reference says of every weight: %s', (dtype) => {
  const plain = openFrozenWeights(model, config)
  const weights = openFrozenWeights(model, config, base(dtype))
  expect([...weights.keys()]).toEqual([...plain.keys()])
  for (const [name, original] of plain) {
    const weight = weights.get(name)
    expect(weight && readFrozen(weight), name).toEqual(rounded(name, readFrozen(original), dtype))
  }
})

describe.each<Device>(['cpu', 'tfjs-wasm'])('on %s', (device) => {
  it.each(BASE_DTYPES)('trains an adapter as over the same numbers in f32: %s', async (dtype) => {
    const wide = writeModel(join(root, `wide-${dtype}`), (name, values) => rounded(name, values, dtype))
    const run = async (changed: Partial<TrainerOptions>): Promise<number[]> => {
      const trainer = await createTrainer({ ...options, device, ...changed }, examples)
      const reports = [await trainer.step(), await trainer.step(), await trainer.step()]
      const { loss } = await trainer.evaluate(examples)
      await trainer.dispose()
      return [...reports.flatMap((report) => [report.loss, report.gradNorm]), loss]
    }
    const expected = await run({ modelFolder: wide })
    expect(await run({ base: base(dtype) })).toEqual(expected)
    expect(await run({ base: base(dtype), gradientCheckpointing: true })).toEqual(expected)
  })
})

describe('the cached file', () => {
  const copies = (): Record<string, number> => Object.fromEntries(readdirSync(join(root, 'cache', 'weights')).filter((name) => name !== 'hashes').map((name) => [name, statSync(join(root, 'cache', 'weights', name)).mtimeMs]))

  it('is as small as its format', () => {
    const linear = 2 * (16 * 16 + 8 * 16 + 8 * 16 + 16 * 16 + 3 * 24 * 16)
    const rest = storedBytes(openFrozenWeights(model, config)) - 4 * linear
    const size = (dtype: BaseDtype): number => storedBytes(openFrozenWeights(model, config, base(dtype))) - rest
    expect([size('int8'), size('int4'), size('nf4')]).toEqual([(linear * 8.5) / 8, (linear * 5) / 8, (linear * 4.5) / 8])
  })

  it('is made once for the same weights, wherever they lie, and anew for others', () => {
    openFrozenWeights(model, config, base('nf4'))
    const before = copies()
    cpSync(model, join(root, 'copy'), { recursive: true })
    openFrozenWeights(join(root, 'copy'), config, base('nf4'))
    // The folder has f32: nothing is to be made.
    for (const dtype of ['nf4', 'stored', 'f32'] as const) openFrozenWeights(model, config, base(dtype))
    expect(copies()).toEqual(before)
    openFrozenWeights(writeModel(join(root, 'other'), (_, values) => values.map((value) => 2 * value)), config, base('nf4'))
    expect(Object.keys(copies())).toHaveLength(Object.keys(before).length + 1)
  })
})

describe('the shipped model', () => {
  const folder = fileURLToPath(new URL('../../models/nano-pt-en/', import.meta.url))
  const passages = readFileSync(new URL('../../datasets/sotu/test.jsonl', import.meta.url), 'utf8').trim().split('\n').slice(0, 16).map((line) => z.object({ passage: z.string() }).parse(JSON.parse(line)).passage)

  /** Mean negative log-likelihood of the passages' tokens, in nats. */
  async function lossOver(dtype: BaseDtype): Promise<number> {
    const language = await openLanguageModel({ folder, base: base(dtype), threads: 2, device: 'cpu' })
    const losses = (await language.tokenLosses(passages.map((text) => language.tokenizer.encode(text).slice(0, 65)))).flatMap((values) => [...values])
    await language.close()
    return losses.reduce((sum, value) => sum + value, 0) / losses.length
  }

  it('hardly loses by eight bits, and little by four', async () => {
    const stored = await lossOver('stored')
    expect(stored).toBeGreaterThan(4)
    expect(stored).toBeLessThan(6)
    expect(Math.abs((await lossOver('int8')) - stored)).toBeLessThan(0.005)
    for (const dtype of ['int4', 'nf4'] as const) expect(Math.abs((await lossOver(dtype)) - stored), dtype).toBeLessThan(0.03)
  })
})

describe('refusals', () => {
  it('names a weight that f16 cannot hold, and leaves no file behind', () => {
    const folder = writeModel(join(root, 'large'), (name, values) => (name.includes('up_proj') ? values.with(3, 1e6) : values))
    expect(() => openFrozenWeights(folder, config, base('f16'))).toThrow('up_proj.weight" has values beyond 65504')
    expect(readdirSync(join(root, 'cache', 'weights')).flatMap((name) => readdirSync(join(root, 'cache', 'weights', name))).filter((name) => name.endsWith('.tmp'))).toEqual([])
  })

  it('names a layer that does not fall into blocks', async () => {
    const odd = { ...config, intermediateSize: 22 }
    const folder = join(root, 'odd')
    const trainer = await createTrainer({ ...tinyOptions, config: odd }, examples)
    await trainer.save(folder)
    await trainer.dispose()
    expect(() => openFrozenWeights(folder, odd, base('nf4'))).toThrow('mlp.gate_proj.weight" [22, 16] does not fall into blocks of 64')
  })

  it('has no use for a base where every weight is trained', async () => {
    await expect(createTrainer({ ...options, lora: null, base: base('nf4') }, examples)).rejects.toThrow('base is "nf4"; it is the number format of frozen weights')
  })

  it('marks an adapter with its base, and does not go on over another', async () => {
    const folder = join(root, 'checkpoint')
    const first = await createTrainer({ ...options, base: base('nf4') }, examples)
    await first.step()
    await first.save(folder)
    await first.dispose()
    expect(readSafetensors(join(folder, 'adapter_model.safetensors')).metadata).toEqual({ format: 'pt', base_dtype: 'nf4' })
    const second = await createTrainer(options, examples)
    await expect(second.restore(folder)).rejects.toThrow('it was trained with baseDtype = "nf4", this run has "stored"')
    await second.dispose()
  })
})
