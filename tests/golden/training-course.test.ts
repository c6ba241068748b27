// Fifty steps against PyTorch in double precision, through packing and accumulation, which must not change a thing.
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { z } from 'zod'
import { packRows } from '../../workers/engine/batches.js'
import type { TrainerOptions } from '../../workers/engine/engine.js'
import { convertLlama2c } from '../../workers/engine/formats/llama2c.js'
import { createTrainer } from '../../workers/engine/trainer.js'
import { describeWithStories, disposable, setByFormula, storiesFiles } from '../support/stories260k.js'

const course = z.object({ learningRate: z.number(), trace: z.array(z.object({ loss: z.number(), gradNorm: z.number(), learningRate: z.number() })), evalLoss: z.number() })
const golden = z.object({
  course: z.object({ weightDecay: z.number(), maxGradNorm: z.number(), labelSmoothing: z.number(), warmupSteps: z.number(), totalSteps: z.number() }),
  examples: z.array(z.object({ tokens: z.array(z.number()), labels: z.array(z.number()) })),
  lora: course,
  full: course,
}).parse(JSON.parse(readFileSync(new URL('training-course.json', import.meta.url), 'utf8')))

const examples = golden.examples.map((example, index) => ({ id: String(index), ...example }))
const lora = { rank: 4, alpha: 8, dropout: 0, targetModules: ['q_proj', 'v_proj', 'down_proj'] }

describeWithStories('fifty steps of stories260K', () => {
  let root = ''
  beforeAll(() => {
    root = mkdtempSync(join(tmpdir(), 'course-'))
    convertLlama2c({ ...storiesFiles(), folder: join(root, 'model') })
  })
  afterAll(() => rmSync(root, { recursive: true, force: true }))

  it.each([
    ['an adapter, packed', { lora, packing: true, batchSize: 1, accumulationSteps: packRows(examples, 64).length }, golden.lora],
    ['an adapter, one document a row', { lora, packing: false, batchSize: 5, accumulationSteps: 1 }, golden.lora],
    ['all weights, packed', { lora: null, packing: true, batchSize: 2, accumulationSteps: 2 }, golden.full],
  ])('follow the losses of PyTorch: %s', async (name, more, expected) => {
    expect(packRows(examples, 64).length).toBe(3)
    const options: TrainerOptions = { ...golden.course, ...more, learningRate: expected.learningRate, modelFolder: join(root, 'model'), schedule: 'cosine', betas: [0.9, 0.999], eps: 1e-8, maxLength: 64, seed: 1, threads: 1, device: 'cpu' }
    await using trainer = await disposable(createTrainer(options, examples))
    expect(trainer.stepsPerEpoch).toBe(1)
    if (options.lora !== null) {
      await trainer.save(join(root, name))
      setByFormula(join(root, name))
      await trainer.restore(join(root, name))
    }
    let worst = 0
    for (const { loss, gradNorm, learningRate } of expected.trace) {
      const report = await trainer.step()
      worst = Math.max(worst, Math.abs(report.loss / loss - 1), 0.1 * Math.abs(report.gradNorm / gradNorm - 1))
      expect(Math.abs(report.learningRate - learningRate)).toBeLessThan(1e-15)
    }
    expect(worst).toBeLessThan(5e-5)
    expect(Math.abs((await trainer.evaluate(examples)).loss / expected.evalLoss - 1)).toBeLessThan(5e-5)
  })
})
