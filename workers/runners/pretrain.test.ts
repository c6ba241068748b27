import { readdir, readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { PretrainParametersSchema, type Assignment, type Summary } from '../../server/contracts/index.js'
import { seriesAnswer } from '../fixtures/metrics-answer.js'
import { contextWith, keepCheckpoints, pointsOf, type Reported, type TestDataset } from '../fixtures/run-context.js'
import type { RunContext } from '../run-context.js'
import { runPretrain } from './pretrain.js'

const WORDS = ['o', 'pato', 'pateta', 'pintou', 'a', 'nação', 'não']
const text = (index: number): { id: string; text: string } => ({ id: `t${index}`, text: Array.from({ length: 20 }, (_, word) => WORDS[(index + word) % WORDS.length]).join(' ') })
const range = (from: number, to: number): ReturnType<typeof text>[] => Array.from({ length: to - from }, (_, index) => text(from + index))
const dataset: TestDataset = { task: 'text', splits: { train: range(0, 30), validation: range(30, 34) } }
const params = PretrainParametersSchema.parse({
  ...{ vocabSize: 300, hiddenSize: 16, intermediateSize: 32, layers: 1, heads: 2, kvHeads: 1, contextLength: 64, maxLength: 32, batchSize: 4, accumulationSteps: 2 },
  ...{ steps: 12, evalEvery: 4, evalLimit: 2, warmupSteps: 100, learningRate: 0.02, samples: ['o pato'] },
})

interface Prepared {
  context: RunContext<typeof params>
  reported: Reported
  saved: (step: number) => string
}

async function prepare(assignment: Partial<Assignment> = {}, more: Partial<typeof params> = {}): Promise<Prepared> {
  const { context, reported } = await contextWith({ params: { ...params, ...more }, dataset, assignment: { kind: 'pretrain', metrics: ['bits_per_byte', 'loss'], ...assignment } })
  return { context, reported, saved: keepCheckpoints(context) }
}

test('trains a vocabulary and a model, keeps whole folders, and scores every held-out document with the best', async () => {
  const { context, reported, saved } = await prepare()
  const summary = await runPretrain(context)
  expect(pointsOf(reported, 'train/loss').map(([step]) => step)).toEqual(Array.from({ length: 12 }, (_, index) => index + 1))
  const losses = pointsOf(reported, 'eval/loss')
  expect(losses.map(([step]) => step)).toEqual([4, 8, 12])
  expect(losses.at(-1)?.[1]).toBeLessThan((losses[0]?.[1] ?? 0) - 0.1)
  // A warm-up longer than the run is cut to it: the rate rises to its last step.
  expect(reported.logs).toContain('warn: warmupSteps 100 is more than the 12 steps of this run; the rate rises over all of them')
  const rates = pointsOf(reported, 'train/learning_rate').map(([, rate]) => rate)
  expect([rates[0], rates.at(-1)]).toEqual([0, expect.closeTo((0.02 * 11) / 12, 12)])
  expect(reported.checkpoints.map(({ step, samples, losses }) => [step, samples.length, losses?.length])).toEqual([[4, 1, 2], [8, 1, 2], [12, 1, 2]])
  // Rows of one document overlap by a token; its single losses count each of its tokens once.
  for (const { losses = [], tokens } of reported.checkpoints) {
    for (const { itemId, loss, tokens: count } of losses) {
      const single = tokens?.losses.find((one) => one.itemId === itemId)?.losses ?? new Float32Array()
      expect([single.length, single.reduce((sum, value) => sum + value, 0) / count]).toEqual([count, expect.closeTo(loss, 5)])
    }
  }
  for (const { texts, counted } of reported.checkpoints[0]?.tokens?.items ?? []) expect(counted).toEqual(texts.map((_, index) => index > 0))
  expect((await readdir(saved(12))).sort()).toEqual(['config.json', 'generation_config.json', 'model.safetensors', 'optimizer.safetensors', 'special_tokens_map.json', 'tokenizer.json', 'tokenizer_config.json', 'trainer_state.json'])
  expect(summary).toMatchObject({ primaryMetric: 'bits_per_byte', bestStep: 12, metrics: { bits_per_byte: { n: 4 }, loss: { n: 4 } }, latency: null, tokensOut: 0 })
  expect(reported.examples.map(({ itemId }) => itemId)).toEqual(['t30', 't31', 't32', 't33'])
})

test('goes on from a checkpoint bit for bit', async () => {
  const whole = await prepare()
  const expected = await runPretrain(whole.context)
  const second = await prepare({ attempt: 2, resume: { checkpointStep: 4, checkpointFiles: [], doneItems: [], spentUsd: 0, spentCalls: 0, elapsedMs: 0 } })
  second.context.resumeFolder = whole.saved(4)
  second.context.server.getJson = () => Promise.resolve(seriesAnswer(whole.reported, 4))
  const resumed = await runPretrain(second.context)
  for (const key of ['train/loss', 'train/grad_norm', 'train/num_tokens', 'eval/loss', 'eval/bits_per_byte']) {
    expect(pointsOf(second.reported, key)).toEqual(pointsOf(whole.reported, key).filter(([step]) => step > 4))
  }
  const timeless = (summary: Summary): Summary => ({ ...summary, durationMs: 0 })
  expect(timeless(resumed)).toEqual(timeless(expected))
  for (const file of ['model.safetensors', 'optimizer.safetensors', 'trainer_state.json', 'tokenizer.json']) {
    expect((await readFile(join(second.saved(12), file))).equals(await readFile(join(whole.saved(12), file))), file).toBe(true)
  }
})

test('stops early and scores with the checkpoint it recommends, not with the last', async () => {
  const { context, reported } = await prepare({}, { steps: 40, schedule: 'constant', warmupSteps: 0, learningRate: 0.5, earlyStoppingPatience: 2, keepCheckpoints: 1 })
  const summary = await runPretrain(context)
  const losses = pointsOf(reported, 'eval/loss')
  const lowest = losses.reduce((low, point) => (point[1] < low[1] ? point : low))
  expect(summary.bestStep).toBe(lowest[0])
  expect(summary.bestStep).toBeLessThan(losses.at(-1)?.[0] ?? 0)
  expect(summary.stopReason).toMatch(/^stopped early at step/)
  const documents = reported.examples.slice(0, 2).map(({ scores, tokensIn }) => ({ loss: Number(scores['loss']), tokens: tokensIn ?? 0 }))
  const mean = documents.reduce((sum, { loss, tokens }) => sum + loss * tokens, 0) / documents.reduce((sum, { tokens }) => sum + tokens, 0)
  expect(mean).toBeCloseTo(lowest[1], 5)
})

test('says at which step the loss went wrong, with what is known until then', async () => {
  const { context } = await prepare({}, { learningRate: 1e30, schedule: 'constant', warmupSteps: 0, evalEvery: 1 })
  await expect(runPretrain(context)).rejects.toMatchObject({ code: 'diverged', message: expect.stringMatching(/^step \d+: loss is .*The last checkpoint is that of step 1/), summary: { metrics: {}, trainableParameters: expect.any(Number) } })
})

test.each([
  ['another task', { task: 'generation' as const, splits: { train: [], validation: [] } }, {}, 'pretraining reads a dataset of task text'],
  ['too little text', { task: 'text' as const, splits: { train: [text(0)], validation: [text(1)] } }, { maxLength: 64, vocabSize: 330 }, 'less than one row of maxLength'],
])('refuses %s', async (_case, data, more, message) => {
  const { context } = await contextWith({ params: { ...params, ...more }, dataset: data, assignment: { kind: 'pretrain', metrics: ['loss'] } })
  await expect(runPretrain(context)).rejects.toThrow(message)
})
