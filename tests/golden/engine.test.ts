// A real model nobody here made, against PyTorch in double precision: losses, logits, gradients, training.
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { z } from 'zod'
import type { Trainer, TrainerOptions } from '../../workers/engine/engine.js'
import { convertLlama2c } from '../../workers/engine/formats/llama2c.js'
import { readSafetensorsHeader, readTensorF32 } from '../../workers/engine/formats/safetensors.js'
import { openLanguageModel } from '../../workers/engine/generate.js'
import { createTrainer } from '../../workers/engine/trainer.js'
import { describeWithStories, disposable, setByFormula, storiesFiles } from '../support/stories260k.js'

const trace = z.array(z.object({ loss: z.number(), gradNorm: z.number() }))
const gradients = z.record(z.string(), z.object({ norm: z.number(), first: z.array(z.number()) }))
const golden = z.object({
  examples: z.array(z.object({ tokens: z.array(z.number()), labels: z.array(z.number()) })),
  nll: z.array(z.array(z.number())),
  lastLogits: z.array(z.number()),
  lora: z.object({ rank: z.number(), alpha: z.number(), targetModules: z.array(z.string()), trace, gradients }),
  dora: z.object({ loraPlusRatio: z.number(), gradients, lastLogits: z.array(z.number()), trace }),
  full: z.object({ gradientNorms: z.record(z.string(), z.number()), trace }),
  step: z.object({ learningRate: z.number(), weightDecay: z.number(), steps: z.number() }),
}).parse(JSON.parse(readFileSync(new URL('stories260k.json', import.meta.url), 'utf8')))

const examples = golden.examples.map((example, index) => ({ id: String(index), ...example }))

describeWithStories('stories260K against PyTorch', () => {
  let root = ''
  let options: TrainerOptions
  beforeAll(() => {
    root = mkdtempSync(join(tmpdir(), 'golden-'))
    convertLlama2c({ ...storiesFiles(), folder: join(root, 'model') })
    options = {
      modelFolder: join(root, 'model'), lora: null, learningRate: golden.step.learningRate, schedule: 'linear', warmupSteps: 0, totalSteps: golden.step.steps,
      weightDecay: golden.step.weightDecay, maxGradNorm: 1, betas: [0.9, 0.999], eps: 1e-8, batchSize: 2, maxLength: 128, packing: false, seed: 1, threads: 2, device: 'cpu',
    }
  })
  afterAll(() => rmSync(root, { recursive: true, force: true }))
  const lora = { rank: golden.lora.rank, alpha: golden.lora.alpha, dropout: 0, targetModules: golden.lora.targetModules }
  const dora = { ...lora, useDora: true }

  it('gives each token the same loss, and the same logits', async () => {
    const model = await openLanguageModel({ folder: options.modelFolder, threads: 1, device: 'cpu' })
    const losses = await model.tokenLosses(examples.map(({ tokens }) => tokens))
    for (const [index, expected] of golden.nll.entries()) expectClose([...(losses[index] ?? [])], expected, 1e-5)
    const logits = await model.logits(examples[0]?.tokens ?? [])
    await model.close()
    expectClose([...logits.slice(-golden.lastLogits.length)], golden.lastLogits, 5e-5)
  })

  it('evaluates to the same mean loss', async () => {
    await using trainer = await disposable(createTrainer(options, examples))
    const all = golden.nll.map((losses, index) => losses.filter((_, t) => examples[index]?.labels[t + 1] !== -100))
    const mean = all.flat().reduce((sum, value) => sum + value, 0) / all.flat().length
    expect(Math.abs((await trainer.evaluate(examples)).loss - mean)).toBeLessThan(1e-5)
  })

  it('trains all weights along the same losses and gradient norms', async () => {
    await using trainer = await disposable(createTrainer(options, examples))
    await expectTrace(trainer, golden.full.trace, 2e-6)
  })

  it('takes the same path one row at a time, each weighted by its learned tokens', async () => {
    await using trainer = await disposable(createTrainer({ ...options, batchSize: 1, accumulationSteps: 2 }, examples))
    await expectTrace(trainer, golden.full.trace, 2e-6)
  })

  it('has the same gradient for every weight', async () => {
    const gradients = await firstMoments({ ...options, maxGradNorm: 0, betas: [0, 0.999] }, join(root, 'full'))
    for (const [name, norm] of Object.entries(golden.full.gradientNorms)) expect(Math.abs(Math.hypot(...(gradients(name))) / norm - 1), name).toBeLessThan(1e-5)
  })

  it('trains an adapter from the same start along the same losses', async () => {
    const start = join(root, 'start')
    await using trainer = await disposable(createTrainer({ ...options, lora }, examples))
    await trainer.save(start)
    setByFormula(start)
    await trainer.restore(start)
    await expectTrace(trainer, golden.lora.trace, 2e-6)
  })

  it('trains DoRA with the rates of LoRA+ along the same losses', async () => {
    const start = join(root, 'dora-start')
    await using trainer = await disposable(createTrainer({ ...options, lora: { ...dora, loraPlusRatio: golden.dora.loraPlusRatio } }, examples))
    await trainer.save(start)
    setByFormula(start)
    await trainer.restore(start)
    await expectTrace(trainer, golden.dora.trace, 5e-6)
  })

  it.each([
    ['adapter matrix', lora, golden.lora.gradients],
    ['matrix and magnitude of DoRA', dora, golden.dora.gradients],
  ])('has the same gradient for every %s', async (name, adapter, expected) => {
    const gradients = await firstMoments({ ...options, lora: adapter, maxGradNorm: 0, betas: [0, 0.999] }, join(root, name))
    expect(Object.keys(expected)).toHaveLength(name === 'adapter matrix' ? 30 : 45)
    for (const [name, { norm, first }] of Object.entries(expected)) {
      expect(Math.abs(Math.hypot(...gradients(name)) / norm - 1), name).toBeLessThan(1e-5)
      expectClose([...gradients(name).slice(0, first.length)], first, 1e-5 * norm)
    }
  })

  it('answers with a DoRA adapter as it trains it', async () => {
    const start = join(root, 'dora-logits')
    await using trainer = await disposable(createTrainer({ ...options, lora: dora }, examples))
    await trainer.save(start)
    setByFormula(start)
    const model = await openLanguageModel({ folder: options.modelFolder, adapter: { folder: start }, threads: 1, device: 'cpu' })
    const logits = await model.logits(examples[0]?.tokens ?? [])
    await model.close()
    expectClose([...logits.slice(-golden.dora.lastLogits.length)], golden.dora.lastLogits, 5e-5)
  })

  /** After one step without momentum or clipping the first moments are the gradients. */
  async function firstMoments(exposed: TrainerOptions, folder: string): Promise<(name: string) => Float32Array> {
    await using trainer = await disposable(createTrainer(exposed, examples))
    if (exposed.lora) {
      await trainer.save(folder)
      setByFormula(folder)
      await trainer.restore(folder)
    }
    await trainer.step()
    await trainer.save(folder)
    const path = join(folder, 'optimizer.safetensors')
    const header = readSafetensorsHeader(path)
    return (name) => {
      const entry = header.get(`${name}.exp_avg`)
      if (!entry) throw new Error(`no moment of ${name}`)
      return readTensorF32(path, entry)
    }
  }
})

async function expectTrace(trainer: Trainer, expected: { loss: number; gradNorm: number }[], relative: number): Promise<void> {
  for (const { loss, gradNorm } of expected) {
    const report = await trainer.step()
    expect(Math.abs(report.loss / loss - 1), `loss of step ${report.step}: ${report.loss} against ${loss}`).toBeLessThan(report.step === 1 ? 2e-6 : relative)
    expect(Math.abs(report.gradNorm / gradNorm - 1), `gradient norm of step ${report.step}: ${report.gradNorm} against ${gradNorm}`).toBeLessThan(report.step === 1 ? 1e-5 : 10 * relative)
  }
}

function expectClose(actual: number[], expected: number[], tolerance: number): void {
  expect(actual).toHaveLength(expected.length)
  const worst = Math.max(...actual.map((value, index) => Math.abs(value - (expected[index] ?? NaN))))
  expect(worst).toBeLessThan(tolerance)
}
