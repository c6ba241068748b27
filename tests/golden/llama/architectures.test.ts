// Every supported architecture against PyTorch in float32: logits, loss, adapter gradients, fifty steps of training.
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { z } from 'zod'
import { epochOrder } from '../../../workers/engine/batches.js'
import type { Trainer, TrainerOptions, TrainingExample } from '../../../workers/engine/engine.js'
import { readPeftAdapter, writePeftAdapter } from '../../../workers/engine/formats/peft.js'
import { readSafetensorsHeader, readTensorF32 } from '../../../workers/engine/formats/safetensors.js'
import { parseLlamaConfig } from '../../../workers/engine/models/llama-config.js'
import { LlamaRunner } from '../../../workers/engine/models/llama-decode.js'
import { createTrainer } from '../../../workers/engine/trainer.js'
import { convertLlama2c } from '../../../workers/engine/formats/llama2c.js'
import { randomWeights, writeRandomLlama } from '../../support/random-llama.js'
import { describeWithStories, storiesFiles } from '../../support/stories260k.js'
import { describeWithTorch, runGoldenScript } from '../../support/torch.js'

const CaseSchema = z.object({
  config: z.record(z.string(), z.unknown()),
  dtype: z.enum(['F32', 'BF16', 'F16']),
  seed: z.number(),
  lora: z.object({ rank: z.number(), alpha: z.number(), useRslora: z.boolean(), seed: z.number(), shrink: z.number() }),
})
const CasesSchema = z.object({
  training: z.object({
    seed: z.number(), learningRate: z.number(), schedule: z.literal('cosine'), warmupSteps: z.number(), totalSteps: z.number(), weightDecay: z.number(),
    maxGradNorm: z.number(), betas: z.tuple([z.number(), z.number()]), eps: z.number(), batchSize: z.number(), maxLength: z.number(),
  }),
  examples: z.array(z.object({ tokens: z.array(z.number()), labels: z.array(z.number()) })),
  order: z.array(z.array(z.number())),
  cases: z.record(z.string(), CaseSchema),
  stories260K: CaseSchema,
})
const floats = z.base64().transform((text) => new Float32Array(new Uint8Array(Buffer.from(text, 'base64')).buffer))
const GoldenSchema = z.object({
  cases: z.record(z.string(), z.object({ logits: floats, loss: z.number(), losses: z.array(z.number()), gradNorms: z.array(z.number()), gradients: z.record(z.string(), floats) })),
})
const HuggingFaceSchema = z.object({ cases: z.record(z.string(), z.object({ logits: floats, loss: z.number(), losses: z.array(z.number()), gradientsAgainstGolden: z.number() })) })
type Case = z.infer<typeof CaseSchema>
type Golden = z.infer<typeof GoldenSchema>['cases'][string]

const shared = CasesSchema.parse(readJson('architectures/cases.json'))
const golden = GoldenSchema.parse(readJson('architectures/golden.json'))
/** The same cases in Transformers and PEFT, which load the models from folders. */
const huggingFace = HuggingFaceSchema.parse(readJson('architectures/huggingface.json'))
const examples: TrainingExample[] = shared.examples.map((example, index) => ({ id: String(index), ...example }))

const root = mkdtempSync(join(tmpdir(), 'architectures-'))
afterAll(() => rmSync(root, { recursive: true, force: true }))

it('were trained by PyTorch in the order the engine draws from the seed', () => {
  expect(shared.order).toEqual(shared.order.map((_, epoch) => [...epochOrder(examples.length, { seed: shared.training.seed, epoch })]))
})

for (const [name, spec] of Object.entries(shared.cases)) {
  describe(`${name} against PyTorch`, () =>
    agrees(spec, golden.cases[name], (folder) => writeRandomLlama({ folder, config: parseLlamaConfig(spec.config), dtype: spec.dtype, seed: spec.seed, configJson: spec.config, shards: 2 })))
}

it.each(Object.keys(shared.cases))('the golden numbers of %s are those of Transformers and PEFT', (name) => {
  const [reference, theirs] = [golden.cases[name], huggingFace.cases[name]]
  if (!reference || !theirs) throw new Error('run huggingface.py again')
  expect(deviation(reference.logits, theirs.logits)).toBeLessThan(2e-6)
  expect(relative(reference.loss, theirs.loss)).toBeLessThan(2e-6)
  for (const [index, loss] of theirs.losses.entries()) expect(relative(reference.losses[index] ?? NaN, loss)).toBeLessThan(5e-6)
  expect(theirs.gradientsAgainstGolden).toBeLessThan(1e-5)
})

describeWithStories('stories260K on seven projections against PyTorch', () =>
  agrees(shared.stories260K, GoldenSchema.parse(readJson('architectures/stories260k.json')).cases['stories260K'], (folder) => convertLlama2c({ ...storiesFiles(), folder })))

function agrees(spec: Case, expected: Golden | undefined, write: (folder: string) => void): void {
  if (!expected) throw new Error('the golden file lacks this case; run architectures.py again')
  let folder = ''
  beforeAll(() => {
    folder = mkdtempSync(join(root, 'model-'))
    write(folder)
  })

  it('has the same logits', async () => {
    const runner = new LlamaRunner({ folder: folder, config: parseLlamaConfig(spec.config), device: 'cpu', threads: 1 })
    const tokens = shared.examples[0]?.tokens ?? []
    const logits = await runner.extend(runner.newCache(), tokens, tokens.map((_, row) => row))
    await runner.close()
    expect(deviation(logits, expected.logits)).toBeLessThan(5e-6)
  })

  it('has the same loss and the same gradient of every adapter matrix', async () => {
    const exposed = { ...optionsOf(spec, folder), batchSize: examples.length, maxGradNorm: 0, betas: [0, 0.999] as [number, number], learningRate: 0 }
    await withAdapter(spec, exposed, async (trainer) => {
      expect(relative((await trainer.step()).loss, expected.loss)).toBeLessThan(2e-6)
      await trainer.save(folder)
      const path = join(folder, 'optimizer.safetensors')
      const moments = readSafetensorsHeader(path)
      expect(Object.keys(expected.gradients)).toHaveLength(trainer.config.layers * 7 * 2)
      for (const [tensor, gradient] of Object.entries(expected.gradients)) {
        const entry = moments.get(`${tensor}.exp_avg`)
        if (!entry) throw new Error(`no moment of ${tensor}`)
        expect(deviation(readTensorF32(path, entry), gradient), tensor).toBeLessThan(2e-5)
      }
    })
  })

  it('follows fifty steps of training', async () => {
    await withAdapter(spec, optionsOf(spec, folder), async (trainer) => {
      for (const [index, loss] of expected.losses.entries()) {
        const report = await trainer.step()
        expect(relative(report.loss, loss), `loss of step ${report.step}: ${report.loss} against ${loss}`).toBeLessThan(5e-5)
        expect(relative(report.gradNorm, expected.gradNorms[index] ?? NaN), `gradient norm of step ${report.step}`).toBeLessThan(1e-3)
      }
    })
    expect(expected.losses).toHaveLength(50)
    expect(expected.losses.at(-1)).toBeLessThan(0.6 * (expected.losses[0] ?? NaN))
  })
}

describeWithTorch('the golden numbers of the architectures', () => {
  // Starting torch alone takes seconds on a busy machine.
  it('come out of PyTorch again', () => {
    const [name, before] = ['llama-3.2', golden.cases['llama-3.2']]
    const again = GoldenSchema.parse(runGoldenScript('architectures.py', [name])).cases[name]
    if (!before || !again) throw new Error(`architectures.py computed no ${name}`)
    expect(deviation(again.logits, before.logits)).toBeLessThan(5e-6)
    for (const [index, loss] of before.losses.entries()) expect(relative(again.losses[index] ?? NaN, loss)).toBeLessThan(1e-5)
    for (const [tensor, gradient] of Object.entries(before.gradients)) expect(deviation(again.gradients[tensor] ?? new Float32Array(), gradient), tensor).toBeLessThan(2e-5)
  })
})

function optionsOf({ lora }: Case, modelFolder: string): TrainerOptions {
  const { rank, alpha, useRslora } = lora
  return { ...shared.training, modelFolder, lora: { rank, alpha, useRslora, dropout: 0, targetModules: ['all-linear'] }, packing: false, threads: 1, device: 'cpu' }
}

/** A trainer whose adapter has the values of the golden script. */
async function withAdapter({ lora }: Case, options: TrainerOptions, use: (trainer: Trainer) => Promise<void>): Promise<void> {
  const trainer = await createTrainer(options, examples)
  const start = join(options.modelFolder, 'start')
  await trainer.save(start)
  const adapter = readPeftAdapter(start)
  for (const [name, tensor] of adapter.weights) {
    tensor.data = randomWeights(name, tensor.shape, { seed: lora.seed, start: 0, end: tensor.data.length }).map((value) => lora.shrink * value)
  }
  writePeftAdapter(start, adapter)
  await trainer.restore(start)
  try {
    await use(trainer)
  } finally {
    await trainer.dispose()
  }
}

/** Largest difference, relative to the largest value of the whole tensor. */
function deviation(actual: Float32Array, expected: Float32Array): number {
  if (actual.length !== expected.length) return Infinity
  const largest = expected.reduce((most, value) => Math.max(most, Math.abs(value)), 0)
  return actual.reduce((most, value, index) => Math.max(most, Math.abs(value - (expected[index] ?? NaN))), 0) / largest
}

function relative(actual: number, expected: number): number {
  return Math.abs(actual / expected - 1)
}

function readJson(path: string): unknown {
  return JSON.parse(readFileSync(new URL(path, import.meta.url), 'utf8'))
}
