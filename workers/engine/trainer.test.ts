import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import type { LoraOptions, StepReport, Trainer, TrainerOptions, TrainingExample } from './engine.js'
import { tinyConfig, tinyExamples, tinyOptions } from './models/tiny-llama.js'
import { createTrainer } from './trainer.js'

const root = mkdtempSync(join(tmpdir(), 'trainer-'))
const base = join(root, 'base')
const examples = tinyExamples(7)
const lora: LoraOptions = { rank: 2, alpha: 4, dropout: 0.25, targetModules: ['q_proj', 'v_proj', 'down_proj'] }
const adapterOptions: TrainerOptions = { ...tinyOptions, config: undefined, modelFolder: base, lora }

/** Constant and high: for learning a handful of examples by heart. */
const eager = { learningRate: 0.03, schedule: 'constant', warmupSteps: 0, weightDecay: 0, totalSteps: 200 } as const

// A base that has learned something: behind an untrained head no adapter could show anything.
beforeAll(async () => {
  const trainer = await createTrainer({ ...tinyOptions, ...eager }, tinyExamples(20, 4))
  await steps(trainer, 60)
  await trainer.save(base)
  await trainer.dispose()
})
afterAll(() => rmSync(root, { recursive: true }))

async function withTrainer<T>(options: TrainerOptions, data: TrainingExample[], use: (trainer: Trainer) => Promise<T>): Promise<T> {
  const trainer = await createTrainer(options, data)
  try {
    return await use(trainer)
  } finally {
    await trainer.dispose()
  }
}

async function steps(trainer: Trainer, count: number): Promise<Omit<StepReport, 'durationMs'>[]> {
  const reports = []
  for (let index = 0; index < count; index++) {
    const { durationMs, ...report } = await trainer.step()
    expect(durationMs).toBeGreaterThan(0)
    reports.push(report)
  }
  return reports
}

describe('resuming', () => {
  it.each<[string, TrainerOptions]>([
    ['all weights', tinyOptions],
    ['all weights saved in BF16', { ...tinyOptions, saveDtype: 'BF16' }],
    ['LoRA with dropout', adapterOptions],
    ['DoRA with dropout and the rates of LoRA+', { ...adapterOptions, lora: { ...lora, useDora: true, init: 'gaussian', loraPlusRatio: 8 } }],
    ['LoRA, packed, two batches per update', { ...adapterOptions, packing: true, batchSize: 1, accumulationSteps: 2 }],
    ['all weights, packed, two batches per update, smoothed labels', { ...tinyOptions, packing: true, batchSize: 1, accumulationSteps: 2, labelSmoothing: 0.1 }],
  ])('equals the uninterrupted run bit for bit: %s', async (name, options) => {
    const folder = join(root, name)
    const whole = await withTrainer(options, examples, async (trainer) => ({ reports: await steps(trainer, 7), weights: trainer.weights() }))
    const first = await withTrainer(options, examples, async (trainer) => {
      const reports = await steps(trainer, 3)
      await trainer.save(folder)
      return reports
    })
    const second = await withTrainer({ ...options, threads: 2 }, examples, async (trainer) => {
      await trainer.restore(folder)
      expect(trainer.globalStep).toBe(3)
      return { reports: await steps(trainer, 4), weights: trainer.weights() }
    })
    expect([...first, ...second.reports]).toEqual(whole.reports)
    expect(second.weights).toEqual(whole.weights)
  })

  it('keeps the course of the run in the layout of trainer_state.json', async () => {
    const folder = join(root, 'course')
    const logHistory: Record<string, number>[] = [{ step: 2, epoch: 0.5, loss: 1.5 }, { step: 2, epoch: 0.5, eval_loss: NaN }]
    await withTrainer(adapterOptions, examples, async (trainer) => {
      await steps(trainer, 2)
      await trainer.save(folder, { best: { step: 2, value: 1.25 }, logHistory, loggingSteps: 10, evalSteps: 2, inputTokens: 77 })
    })
    expect(JSON.parse(readFileSync(join(folder, 'trainer_state.json'), 'utf8'))).toEqual({
      ...{ best_global_step: 2, best_metric: 1.25, best_model_checkpoint: 'checkpoint-2', epoch: 0.5, eval_steps: 2, global_step: 2, log_history: [logHistory[0], { ...logHistory[1], eval_loss: 'NaN' }] },
      ...{ logging_steps: 10, max_steps: 12, num_input_tokens_seen: 77, num_train_epochs: 3, save_steps: 2, train_batch_size: 2 },
    })
  })

  it('refuses a checkpoint of another run and says what differs', async () => {
    const folder = join(root, 'other')
    await withTrainer(adapterOptions, examples, (trainer) => trainer.save(folder))
    await withTrainer({ ...adapterOptions, seed: 6 }, examples, (trainer) => expect(trainer.restore(folder)).rejects.toThrow('trained with seed = 5, this run has 6'))
    await withTrainer(adapterOptions, examples.slice(1), (trainer) => expect(trainer.restore(folder)).rejects.toThrow('dataHash'))
    rmSync(join(folder, 'trainer_state.json'))
    await withTrainer(adapterOptions, examples, (trainer) => expect(trainer.restore(folder)).rejects.toThrow('a checkpoint without it is incomplete'))
  })
})

describe('training', () => {
  it.each<[string, TrainerOptions]>([['all weights', tinyOptions], ['LoRA', { ...adapterOptions, lora: { ...lora, rank: 8, targetModules: ['all-linear'], dropout: 0 } }]])('learns by heart: %s', async (_, options) => {
    const few = examples.slice(0, 2)
    await withTrainer({ ...options, ...eager }, few, async (trainer) => {
      const before = (await trainer.evaluate(few)).loss
      await steps(trainer, 150)
      const after = await trainer.evaluate(few)
      expect(before).toBeGreaterThan(2.5)
      expect(after.loss).toBeLessThan(options.lora ? 0.6 * before : 0.1)
    })
  })

  it('leaves the base model in its file untouched', async () => {
    const before = readFileSync(join(base, 'model.safetensors'))
    await withTrainer(adapterOptions, examples, (trainer) => steps(trainer, 2))
    expect(readFileSync(join(base, 'model.safetensors')).equals(before)).toBe(true)
  })

  it.each([false, true])('starts an adapter from the base model exactly (DoRA: %s)', async (useDora) => {
    const plain = await withTrainer({ ...tinyOptions, modelFolder: base, config: undefined }, examples, (trainer) => trainer.evaluate(examples))
    const adapted = await withTrainer({ ...adapterOptions, lora: { ...lora, useDora } }, examples, (trainer) => trainer.evaluate(examples))
    // Adding the adapter's zeros is exact; only the kernels for fed and for stored weights may round differently.
    expect(Math.abs(adapted.loss - plain.loss)).toBeLessThan(1e-6)
  })

  it('gives the same loss packed and padded', async () => {
    const whole = { ...adapterOptions, lora: { ...lora, dropout: 0 }, batchSize: 7 }
    const [padded] = await withTrainer(whole, examples, (trainer) => steps(trainer, 1))
    const [packed] = await withTrainer({ ...whole, packing: true }, examples, (trainer) => steps(trainer, 1))
    expect(packed?.supervisedTokens).toBe(padded?.supervisedTokens)
    expect(packed?.tokens).toBe(padded?.tokens)
    expect(Math.abs((packed?.loss ?? NaN) - (padded?.loss ?? NaN))).toBeLessThan(1e-6)
    expect(Math.abs((packed?.gradNorm ?? NaN) - (padded?.gradNorm ?? NaN))).toBeLessThan(1e-5)
  })

  it('gives the same update in one batch or several', async () => {
    const whole = { ...adapterOptions, lora: { ...lora, dropout: 0 }, batchSize: 6 }
    const [one] = await withTrainer(whole, examples, (trainer) => steps(trainer, 1))
    const [several] = await withTrainer({ ...whole, batchSize: 2, accumulationSteps: 3 }, examples, (trainer) => steps(trainer, 1))
    expect(several?.supervisedTokens).toBe(one?.supervisedTokens)
    expect(Math.abs((several?.loss ?? NaN) - (one?.loss ?? NaN))).toBeLessThan(1e-6)
    expect(Math.abs((several?.gradNorm ?? NaN) - (one?.gradNorm ?? NaN))).toBeLessThan(1e-6)
  })

  it('smooths labels while training and not while evaluating', async () => {
    const sharp = { ...adapterOptions, lora: { ...lora, dropout: 0 }, batchSize: 7 }
    const measured = (options: TrainerOptions): Promise<[number, number]> =>
      withTrainer(options, examples, async (trainer) => [(await trainer.evaluate(examples)).loss, (await steps(trainer, 1))[0]?.loss ?? NaN])
    const [plainEvaluation, plainLoss] = await measured(sharp)
    const [evaluation, loss] = await measured({ ...sharp, labelSmoothing: 0.1 })
    expect(evaluation).toBe(plainEvaluation)
    expect(Math.abs(plainLoss - plainEvaluation)).toBeLessThan(1e-5)
    expect(Math.abs(loss - plainLoss)).toBeGreaterThan(1e-3)
  })

  it('counts first choices while it trains as evaluation does', async () => {
    await withTrainer({ ...adapterOptions, ...eager, lora: { ...lora, dropout: 0, rank: 8, targetModules: ['all-linear'] }, batchSize: 7, learningRate: 0.02 }, examples, async (trainer) => {
      await steps(trainer, 40)
      const { tokenAccuracy, loss } = await trainer.evaluate(examples)
      const [report] = await steps(trainer, 1)
      expect(tokenAccuracy).toBeGreaterThan(0.2)
      expect(report?.tokenAccuracy).toBe(tokenAccuracy)
      expect(Math.abs((report?.loss ?? NaN) - loss)).toBeLessThan(1e-5)
    })
  })

  it('visits every example once an epoch, in another order the next', async () => {
    await withTrainer({ ...tinyOptions, batchSize: 3 }, examples, async (trainer) => {
      expect(trainer.stepsPerEpoch).toBe(3)
      const reports = await steps(trainer, 6)
      const total = (from: number): number => reports.slice(from, from + 3).reduce((sum, { tokens }) => sum + tokens, 0)
      expect(total(0)).toBe(examples.reduce((sum, { tokens }) => sum + tokens.length, 0))
      expect(total(3)).toBe(total(0))
      expect(trainer.epoch).toBe(2)
      expect(reports.slice(0, 3).map(({ tokens }) => tokens)).not.toEqual(reports.slice(3).map(({ tokens }) => tokens))
    })
  })

  it('stops at a loss that is not finite and keeps the last good weights', async () => {
    const folder = join(root, 'broken')
    await withTrainer(tinyOptions, examples, (trainer) => trainer.save(folder))
    const file = join(folder, 'model.safetensors')
    const bytes = readFileSync(file)
    // Finite, so that it is loaded, but beyond what the logits can hold.
    bytes.writeFloatLE(3e38, bytes.length - 4)
    writeFileSync(file, bytes)
    await withTrainer({ ...adapterOptions, modelFolder: folder }, examples, async (trainer) => {
      const before = structuredClone(trainer.weights())
      await expect(trainer.step()).rejects.toThrow(/step 1: loss is NaN/)
      expect(trainer.weights()).toEqual(before)
      expect(trainer.globalStep).toBe(0)
    })
  })
})

describe('gradient checkpointing', () => {
  it.each<[string, TrainerOptions]>([
    ['all weights of five layers', { ...tinyOptions, config: { ...tinyConfig, layers: 5 } }],
    ['LoRA with dropout', adapterOptions],
    ['LoRA on every layer, packed', { ...adapterOptions, packing: true, lora: { ...lora, targetModules: ['all-linear'] } }],
  ])('changes no bit of losses, gradient norms and weights, and needs less memory: %s', async (_, options) => {
    const run = (gradientCheckpointing: boolean) =>
      withTrainer({ ...options, gradientCheckpointing }, examples, async (trainer) => ({ reports: await steps(trainer, 2), weights: trainer.weights(), peak: trainer.peakActivationBytes }))
    const [kept, recomputed] = [await run(false), await run(true)]
    expect(recomputed.reports).toEqual(kept.reports)
    expect(recomputed.weights).toEqual(kept.weights)
    expect(recomputed.peak / kept.peak).toBeLessThan(options.config?.layers === 5 ? 0.65 : 0.95)
  })
})

describe('evaluation', () => {
  it('weights examples by their supervised tokens and reports those without any as NaN', async () => {
    const silent = { id: 'silent', tokens: [1, 2, 3], labels: [-100, -100, -100] }
    const { perExample, loss, perplexity, tokens } = await withTrainer(adapterOptions, examples, (trainer) => trainer.evaluate([...examples, silent]))
    expect(perExample.map(({ id }) => id)).toEqual([...examples, silent].map(({ id }) => id))
    expect(perExample.at(-1)).toEqual({ id: 'silent', loss: NaN, tokens: 0, correctTokens: 0, tokenLosses: new Float32Array() })
    const scored = perExample.slice(0, -1)
    expect(tokens).toBe(scored.reduce((sum, result) => sum + result.tokens, 0))
    expect(loss).toBeCloseTo(scored.reduce((sum, result) => sum + result.loss * result.tokens, 0) / tokens, 12)
    expect(perplexity).toBeCloseTo(Math.exp(loss), 12)
  })

  it('tells the loss of each token, which is what it costs when no other token is learned', async () => {
    await withTrainer(adapterOptions, examples, async (trainer) => {
      const { perExample } = await trainer.evaluate(examples)
      for (const [index, { loss, tokens, tokenLosses }] of perExample.entries()) {
        expect(tokenLosses).toHaveLength(tokens)
        expect(tokenLosses.reduce((sum, one) => sum + one, 0) / tokens).toBeCloseTo(loss, 5)
        const example = examples[index] ?? { tokens: [], labels: [] }
        const learned = [...example.labels].flatMap((label, place) => (place > 0 && label !== -100 ? [place] : []))
        const single = await trainer.evaluate(learned.map((place) => ({ id: String(place), tokens: example.tokens, labels: [...example.labels].map((label, at) => (at === place ? label : -100)) })))
        for (const [at, alone] of single.perExample.entries()) expect(Math.abs(alone.loss - (tokenLosses[at] ?? NaN))).toBeLessThan(1e-5)
      }
    })
  })

  it('does not depend on what else is in the batch', async () => {
    await withTrainer(adapterOptions, examples, async (trainer) => {
      const together = await trainer.evaluate(examples)
      for (const example of examples) {
        const alone = await trainer.evaluate([example])
        const other = together.perExample.find(({ id }) => id === example.id)
        expect(Math.abs(alone.loss - (other?.loss ?? NaN))).toBeLessThan(1e-6)
      }
    })
  })

  it('is the same after saving and loading', async () => {
    const folder = join(root, 'saved')
    const before = await withTrainer(adapterOptions, examples, async (trainer) => {
      await steps(trainer, 3)
      await trainer.save(folder)
      return trainer.evaluate(examples)
    })
    const after = await withTrainer(adapterOptions, examples, async (trainer) => {
      await trainer.restore(folder)
      return trainer.evaluate(examples)
    })
    expect(after).toEqual(before)
  })
})

describe('refusals name the field and the mend', () => {
  it.each<[string, Partial<TrainerOptions>, TrainingExample[], string]>([
    ['no supervised token', {}, [{ id: 'a', tokens: [1, 2], labels: [-100, -100] }], 'none of the 1 training examples has a supervised token'],
    ['token outside the vocabulary', {}, [{ id: 'a', tokens: [1, 23], labels: [1, 2] }], 'example "a": tokens[1] is 23; the model\'s vocabulary has 23 entries'],
    ['labels not aligned', {}, [{ id: 'a', tokens: [1, 2], labels: [1] }], '2 tokens but 1 labels'],
    ['longer than the model reads', { maxLength: 65 }, examples, 'maxLength is 65; the model reads at most 64 tokens'],
    ['rank above the layer', { lora: { ...lora, rank: 9 } }, examples, 'lora.rank is 9, but model.layers.0.self_attn.q_proj'],
    ['unknown layer', { lora: { ...lora, targetModules: ['attn'] } }, examples, 'lora.targetModules names "attn"'],
    ['dropout of everything', { lora: { ...lora, dropout: 1 } }, examples, 'lora.dropout is 1'],
    ['adapter without a model', { config: tinyConfig }, examples, 'use lora: null'],
    ['no batch', { batchSize: 0 }, examples, 'batchSize is 0'],
    ['all smooth', { labelSmoothing: 1 }, examples, 'labelSmoothing is 1'],
  ])('%s', async (_, change, data, message) => {
    await expect(withTrainer({ ...adapterOptions, ...change }, data, (trainer) => trainer.step())).rejects.toThrow(message)
  })
})
