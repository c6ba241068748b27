// Adapters across the border: one that the engine trained, as PEFT's rules read it, and one written by PEFT's rules, as the engine reads it.
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { z } from 'zod'
import type { TrainingExample } from '../../../workers/engine/engine.js'
import { readPeftAdapter, writePeftAdapter } from '../../../workers/engine/formats/peft.js'
import { openLanguageModel } from '../../../workers/engine/generate.js'
import { parseLlamaConfig } from '../../../workers/engine/models/llama-config.js'
import { createTrainer } from '../../../workers/engine/trainer.js'
import { writeRandomLlama } from '../../support/random-llama.js'
import { describeWithTorch, runGoldenScript } from '../../support/torch.js'

const floats = z.base64().transform((text) => new Float32Array(new Uint8Array(Buffer.from(text, 'base64')).buffer))
const GoldenSchema = z.object({ base: floats, adapters: z.object({ engine: floats, python: floats }) })
const HuggingFaceSchema = z.object({ adapters: z.record(z.string(), floats) })
const ModelSchema = z.object({
  examples: z.array(z.object({ tokens: z.array(z.number()), labels: z.array(z.number()) })),
  cases: z.object({ 'llama-3.2': z.object({ config: z.record(z.string(), z.unknown()), dtype: z.enum(['F32', 'BF16', 'F16']), seed: z.number() }) }),
})
const golden = GoldenSchema.parse(readJson('adapters/golden.json'))
const huggingFace = HuggingFaceSchema.parse(readJson('adapters/huggingface.json'))
const { examples, cases: { 'llama-3.2': spec } } = ModelSchema.parse(readJson('architectures/cases.json'))
const adapterFolder = (name: string): string => fileURLToPath(new URL(`adapters/${name}`, import.meta.url))
const [engineAdapter, pythonAdapter] = [adapterFolder('engine'), adapterFolder('python')]
/** What the two kept adapters that come out of training were trained with. */
const trained = { engine: { targetModules: ['all-linear'] }, 'engine-dora': { targetModules: ['q_proj', 'down_proj'], useDora: true } }
const tokens = examples[0]?.tokens ?? []

const root = mkdtempSync(join(tmpdir(), 'adapters-'))
const folder = join(root, 'tiny')
beforeAll(async () => {
  writeRandomLlama({ folder, config: parseLlamaConfig(spec.config), dtype: spec.dtype, seed: spec.seed, configJson: spec.config })
  // WRITE_GOLDENS=1 trains the kept adapters anew; adapters.py and huggingface.py then compute their logits.
  if (process.env['WRITE_GOLDENS'] !== undefined) for (const name of ['engine', 'engine-dora'] as const) await train(name, adapterFolder(name))
})
afterAll(() => rmSync(root, { recursive: true, force: true }))

describe('adapters in PEFT’s layout', () => {
  it('trained here answer as PEFT’s rules read them', async () => {
    const logits = await logitsWith(engineAdapter)
    expect(deviation(logits, golden.adapters.engine)).toBeLessThan(5e-6)
    expect(deviation(golden.adapters.engine, golden.base)).toBeGreaterThan(0.1)
  })

  it('written by PEFT’s rules answer here as they do there', async () => {
    const { config } = readPeftAdapter(pythonAdapter)
    expect(config).toMatchObject({ rank: 4, useRslora: true, rankPattern: { q_proj: 3 }, alphaPattern: { 'layers.1.mlp.down_proj': 6 } })
    expect(deviation(await logitsWith(pythonAdapter), golden.adapters.python)).toBeLessThan(5e-6)
  })

  it.each(['engine', 'engine-dora', 'python', 'peft'])('answer here as PEFT itself answers with them: %s', async (name) => {
    expect(deviation(await logitsWith(adapterFolder(name)), huggingFace.adapters[name] ?? new Float32Array())).toBeLessThan(5e-6)
  })

  it('can be switched and taken off without loading the model again', async () => {
    const model = await openLanguageModel({ folder, adapter: { folder: engineAdapter }, threads: 1, device: 'cpu' })
    model.useAdapter({ folder: pythonAdapter })
    expect(deviation(await model.logits(tokens), golden.adapters.python)).toBeLessThan(5e-6)
    model.useAdapter(null)
    expect(deviation(await model.logits(tokens), golden.base)).toBeLessThan(5e-6)
    await model.close()
  })

  it.each(['engine', 'engine-dora'] as const)('come out of training as the one that is kept: %s', async (name) => {
    const again = join(root, 'again', name)
    await train(name, again)
    const [kept, fresh] = [readPeftAdapter(adapterFolder(name)), readPeftAdapter(again)]
    expect(fresh.config).toEqual(kept.config)
    for (const [name, { data }] of kept.weights) expect(deviation(fresh.weights.get(name)?.data ?? new Float32Array(), data), name).toBeLessThan(1e-3)
  })
})

describeWithTorch('the golden logits of the adapters', () => {
  it('come out of PyTorch again', () => {
    const written = join(root, 'python')
    const { adapters } = GoldenSchema.parse(runGoldenScript('adapters.py', [written]))
    expect(deviation(adapters.engine, golden.adapters.engine)).toBeLessThan(5e-6)
    expect(deviation(adapters.python, golden.adapters.python)).toBeLessThan(5e-6)
    for (const name of ['adapter_model.safetensors', 'adapter_config.json']) expect(readFileSync(join(written, name)), name).toEqual(readFileSync(join(pythonAdapter, name)))
  })
})

/** Twelve steps, enough for logits far from the base model's; only the files that PEFT reads are kept. */
async function train(name: keyof typeof trained, target: string): Promise<void> {
  const data: TrainingExample[] = examples.map((example, index) => ({ id: String(index), ...example }))
  const trainer = await createTrainer({
    modelFolder: folder, lora: { rank: 2, alpha: 4, dropout: 0, ...trained[name] }, learningRate: 0.02, schedule: 'constant', warmupSteps: 0, totalSteps: 12,
    weightDecay: 0, maxGradNorm: 1, betas: [0.9, 0.999], eps: 1e-8, batchSize: 3, maxLength: 32, packing: false, seed: 3, threads: 1, device: 'cpu',
  }, data)
  for (let step = 0; step < 12; step++) await trainer.step()
  const checkpoint = join(root, 'checkpoint', name)
  await trainer.save(checkpoint)
  await trainer.dispose()
  writePeftAdapter(target, readPeftAdapter(checkpoint))
}

async function logitsWith(adapter: string): Promise<Float32Array> {
  const model = await openLanguageModel({ folder, adapter: { folder: adapter }, threads: 1, device: 'cpu' })
  try {
    return await model.logits(tokens)
  } finally {
    await model.close()
  }
}

/** Largest difference, relative to the largest value. */
function deviation(actual: Float32Array, expected: Float32Array): number {
  if (actual.length !== expected.length) return Infinity
  const largest = expected.reduce((most, value) => Math.max(most, Math.abs(value)), 0)
  return actual.reduce((most, value, index) => Math.max(most, Math.abs(value - (expected[index] ?? NaN))), 0) / largest
}

function readJson(path: string): unknown {
  return JSON.parse(readFileSync(new URL(path, import.meta.url), 'utf8'))
}
