import { cp, readdir, readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { LoraParametersSchema, PromptParametersSchema, type Assignment, type Summary } from '../../server/contracts/index.js'
import { seriesAnswer } from '../fixtures/metrics-answer.js'
import { contextWith, keepCheckpoints, pointsOf, type Reported, type TestDataset } from '../fixtures/run-context.js'
import { writeTinyModel } from '../fixtures/tiny-model.js'
import { hashFile } from '../reporter.js'
import type { RunContext } from '../run-context.js'
import { runLora } from './lora.js'
import { runPrompt } from './prompt.js'

const COLOURS = ['red', 'green', 'blue', 'grey', 'pink', 'black']
const item = (index: number): { id: string; input: string; target: string } => ({ id: `i${index}`, input: `${COLOURS[index % 6]} ${index % 7}`, target: index % 6 < 3 ? 'yes' : 'no' })
const range = (from: number, to: number): ReturnType<typeof item>[] => Array.from({ length: to - from }, (_, index) => item(from + index))
const dataset: TestDataset = { task: 'classification', labels: ['yes', 'no'], splits: { train: range(0, 48), validation: range(48, 60), test: range(60, 72) } }
const params = LoraParametersSchema.parse({ model: 'tiny', template: '{{ input }}:', rank: 4, steps: 12, evalEvery: 4, batchSize: 4, maxLength: 32, warmupSteps: 2, learningRate: 0.02 })

interface Prepared {
  context: RunContext<typeof params>
  reported: Reported
  /** Copies of the checkpoint folders as they were when reported. */
  saved: (step: number) => string
}

async function prepare(assignment: Partial<Assignment> = {}, more: Partial<typeof params> = {}, data: TestDataset = dataset): Promise<Prepared> {
  const { context, reported } = await contextWith({ params: { ...params, ...more }, dataset: data, assignment: { kind: 'lora', metrics: ['accuracy', 'loss'], ...assignment } })
  await writeTinyModel(context.folders.models[0] ?? '', 'tiny', range(0, 72).map(({ input, target }) => `${input}: ${target}`))
  return { context, reported, saved: keepCheckpoints(context) }
}

test('trains, evaluates the base model first, keeps checkpoints and scores the test split with the best', async () => {
  const { context, reported } = await prepare()
  const summary = await runLora(context)
  expect(pointsOf(reported, 'train/loss').map(([step]) => step)).toEqual([1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12])
  const losses = pointsOf(reported, 'eval/loss')
  expect(losses.map(([step]) => step)).toEqual([0, 4, 8, 12])
  expect(losses.at(-1)?.[1]).toBeLessThan((losses[0]?.[1] ?? 0) - 0.2)
  expect(pointsOf(reported, 'eval/accuracy')).toHaveLength(4)
  expect(reported.checkpoints.map(({ step, samples }) => [step, samples.length])).toEqual([[0, 3], [4, 3], [8, 3], [12, 3]])
  expect(reported.checkpoints[0]?.samples[0]).toMatchObject({ prompt: 'red 6:', expected: ' yes' })
  // The items' own losses, weighed by their tokens, are the loss of the split.
  for (const { losses = [], metrics } of reported.checkpoints) {
    const tokens = losses.reduce((sum, item) => sum + item.tokens, 0)
    expect(losses.reduce((sum, item) => sum + item.loss * item.tokens, 0) / tokens).toBeCloseTo(metrics['eval/loss'] ?? Number.NaN, 6)
  }
  // And so are those of their tokens, which spell the answers.
  const kept = reported.checkpoints.map(({ tokens }) => tokens)
  expect(kept.map((tokens) => [tokens?.items.length, tokens?.losses.length])).toEqual([[12, 12], [0, 12], [0, 12], [0, 12]])
  expect(kept[0]?.items[0]).toEqual({ itemId: 'i48', texts: ['<|endoftext|>red 6:', ' yes', '<|endoftext|>'], counted: [false, true, true] })
  for (const { losses = [], tokens } of reported.checkpoints) {
    for (const [index, { itemId, loss }] of losses.entries()) {
      const single = tokens?.losses.filter((one) => one.itemId === itemId).map((one) => one.losses.reduce((sum, value) => sum + value, 0) / one.losses.length)
      expect(single, `${index}`).toEqual([expect.closeTo(loss, 5)])
    }
  }
  const best = losses.reduce((low, point) => (point[1] < low[1] ? point : low))
  expect(summary).toMatchObject({ primaryMetric: 'accuracy', bestStep: best[0], metrics: { accuracy: { n: 12, errors: 0 }, loss: { n: 12 } }, latency: { n: 12 } })
  expect(summary.trainableParameters).toBe(4 * (4 * 32 + 32 + 16 + 16 + 32 + 3 * (32 + 64)))
})

test.each<[string, Partial<typeof params>]>([
  ['an adapter', {}],
  ['an adapter with dropout, packed and accumulated, until it stops early', { dropout: 0.1, maxLength: 64, batchSize: 1, accumulationSteps: 2, earlyStoppingPatience: 2, earlyStoppingMinDelta: 0.4 }],
  ['all weights, packed and accumulated', { method: 'full', batchSize: 1, maxLength: 64, accumulationSteps: 2, learningRate: 3e-3, labelSmoothing: 0.1 }],
  ['all weights, one example a row, in half precision', { method: 'full', packing: false, learningRate: 3e-3, saveDtype: 'BF16' }],
])('goes on from a checkpoint bit for bit, and does not score again what was scored: %s', async (_case, more) => {
  const whole = await prepare({}, more)
  const expected = await runLora(whole.context)
  const last = whole.reported.checkpoints.at(-1)?.step ?? NaN
  expect(last).toBeGreaterThan(4)

  const assignment = { attempt: 2, resume: { checkpointStep: 4, checkpointFiles: [], doneItems: [], spentUsd: 0, spentCalls: 0, elapsedMs: 0 } }
  const second = await prepare(assignment, more)
  second.context.resumeFolder = whole.saved(4)
  second.context.doneExamples = whole.reported.examples.slice(0, 5)
  second.context.server.getJson = () => Promise.resolve(seriesAnswer(whole.reported, 4))
  const resumed = await runLora(second.context)

  for (const key of ['train/loss', 'train/grad_norm', 'train/token_accuracy', 'train/num_tokens', 'eval/loss', 'eval/accuracy']) {
    expect(pointsOf(second.reported, key)).toEqual(pointsOf(whole.reported, key).filter(([step]) => step > 4))
  }
  expect(second.reported.examples).toHaveLength(7)
  const timeless = (summary: Summary): unknown => ({ ...summary, durationMs: 0, latency: null })
  expect(timeless(resumed)).toEqual(timeless(expected))
  for (const file of [more.method === 'full' ? 'model.safetensors' : 'adapter_model.safetensors', 'optimizer.safetensors', 'trainer_state.json']) {
    expect((await readFile(join(second.saved(last), file))).equals(await readFile(join(whole.saved(last), file))), file).toBe(true)
  }
})

test.each<[string, Partial<typeof params>]>([
  ['adapter', {}],
  ['model', { method: 'full', learningRate: 3e-3 }],
])('a run that was interrupted behind its last step tests the best %s, which lies on the server', async (_case, more) => {
  const whole = await prepare({}, more)
  await runLora(whole.context)
  const second = await prepare({ attempt: 2, resume: { checkpointStep: 12, checkpointFiles: [], doneItems: [], spentUsd: 0, spentCalls: 0, elapsedMs: 0 } }, more)
  second.context.resumeFolder = whole.saved(12)
  const points = whole.reported.metrics.map((point) => (point.key === 'eval/loss' && point.step === 4 ? { ...point, value: 0.01 } : point))
  const files = await Promise.all((await readdir(whole.saved(4))).map(async (name) => ({ name, sizeBytes: 0, sha256: await hashFile(join(whole.saved(4), name)) })))
  const checkpoint = { runId: 'run', step: 4, metrics: {}, sizeBytes: 0, files, picked: false, best: true, createdAt: '' }
  Object.assign(second.context.server, {
    getJson: (path: string) => Promise.resolve(path.endsWith('/checkpoints') ? { checkpoints: [checkpoint] } : seriesAnswer({ metrics: points }, 12)),
    download: async (path: string, file: string) => {
      await cp(join(whole.saved(4), path.split('/').at(-1) ?? ''), file)
      return 0
    },
  })
  const { bestStep } = await runLora(second.context)
  expect(bestStep).toBe(4)
  expect(second.reported.checkpoints).toEqual([])

  await cp(whole.saved(4), join(second.context.folders.cache, 'checkpoints', 'trained-4'), { recursive: true })
  const prompt = await contextWith({ params: PromptParametersSchema.parse({ model: 'run:trained@4', template: params.template }), dataset })
  prompt.context.folders = second.context.folders
  prompt.context.server.getJson = () => Promise.resolve({ ...trainedRun, params: { model: 'tiny', ...more } })
  await runPrompt(prompt.context)
  expect(second.reported.examples.map(({ details }) => details)).toEqual(prompt.reported.examples.map(({ details }) => details))
})

test.each<[string, Partial<typeof params>, Record<string, unknown>]>([
  ['adapter', {}, {}],
  ['model', { method: 'full', learningRate: 3e-3, saveDtype: 'BF16' }, {}],
  ['adapter of a chat model', { chatTemplate: true }, { chat: 'always' }],
])('a prompt run on the trained %s gives the scores of the run itself', async (_case, more, asked) => {
  const { context, reported, saved } = await prepare({}, more)
  const { bestStep } = await runLora(context)
  await cp(saved(bestStep ?? -1), join(context.folders.cache, 'checkpoints', `trained-${bestStep}`), { recursive: true })
  const prompt = await contextWith({ params: PromptParametersSchema.parse({ model: `run:trained@${bestStep}`, template: params.template, ...asked }), dataset })
  prompt.context.folders = context.folders
  prompt.context.server.getJson = () => Promise.resolve({ ...trainedRun, params: { model: 'tiny', ...more } })
  await runPrompt(prompt.context)
  const scores = (from: Reported): unknown => from.examples.map(({ itemId, output, details }) => ({ itemId, output, details }))
  expect(scores(prompt.reported)).toEqual(scores(reported))
})

test('trains every weight of a model, and keeps whole models that answer', async () => {
  const talk = ({ id, target }: ReturnType<typeof item>): Record<string, unknown> => ({ id, messages: [{ role: 'user', content: `say ${target}` }, { role: 'assistant', content: target }] })
  const talks: TestDataset = { task: 'chat', splits: { train: range(0, 48).map(talk), validation: range(48, 60).map(talk), test: range(60, 66).map(talk) } }
  const full = { method: 'full' as const, learningRate: 0.02, steps: 60, evalEvery: 20, keepCheckpoints: undefined }
  const { context, reported, saved } = await prepare({ metrics: ['exact_match', 'loss'] }, full, talks)
  const summary = await runLora(context)
  expect(reported.examples.map(({ output }) => output)).toEqual(reported.examples.map(({ target }) => target))
  expect(summary.metrics).toMatchObject({ exact_match: { n: 6, mean: 1 } })
  expect((await readdir(saved(60))).sort()).toEqual(['config.json', 'generation_config.json', 'model.safetensors', 'optimizer.safetensors', 'special_tokens_map.json', 'tokenizer.json', 'tokenizer_config.json', 'trainer_state.json'])
  expect(reported.logs).toContainEqual(expect.stringContaining('warn: learningRate 0.02 suits an adapter'))
  // Left out, the two newest whole models are kept.
  expect(reported.dropped).toEqual([0, 20])
})

test('learns the answers of conversations, and answers the last turn of others', async () => {
  const talk = ({ id, input, target }: ReturnType<typeof item>): Record<string, unknown> => ({
    id,
    messages: [{ role: 'user', content: input }, { role: 'assistant', content: target }, { role: 'user', content: 'sure?' }, { role: 'assistant', content: target }],
  })
  const talks: TestDataset = { task: 'chat', splits: { train: range(0, 48).map(talk), validation: range(48, 60).map(talk), test: range(60, 66).map(talk) } }
  const { context, reported } = await prepare({ metrics: ['exact_match', 'loss'] }, { system: 'S', maxLength: 96, samples: ['blue 1'] }, talks)
  const summary = await runLora(context)
  expect(reported.logs).toContainEqual(
    expect.stringContaining('which stand in ⟦ ⟧:\n<|endoftext|>S<|user|>red 0<|end|><|assistant|>⟦yes<|end|>⟧<|user|>sure?<|end|><|assistant|>⟦yes<|end|>⟧'),
  )
  const losses = pointsOf(reported, 'eval/loss')
  expect(losses.at(-1)?.[1]).toBeLessThan((losses[0]?.[1] ?? 0) - 0.2)
  expect(reported.checkpoints[0]?.samples[0]?.prompt).toBe('<|endoftext|>S<|user|>blue 1<|end|><|assistant|>')
  expect(reported.examples[0]).toMatchObject({ input: '<|endoftext|>S<|user|>red 4<|end|><|assistant|>yes<|end|><|user|>sure?<|end|><|assistant|>', target: 'yes' })
  expect(summary.metrics).toMatchObject({ exact_match: { n: 6 }, loss: { n: 6 } })
})

test('puts prompts and answers into the chat template where told so', async () => {
  const { context, reported } = await prepare({}, { chatTemplate: true, steps: 4, testLimit: 2 })
  await runLora(context)
  expect(reported.logs.join('\n')).toContain('<|endoftext|><|user|>red 0:<|end|><|assistant|>⟦yes<|end|>⟧')
  expect(reported.examples[0]?.input).toMatch(/^<\|endoftext\|><\|user\|>\w+ \d:<\|end\|><\|assistant\|>$/)
})

test('learns texts whole, in pieces where they are long, and scores them by their likelihood', async () => {
  const text = (index: number): Record<string, unknown> => ({ id: `t${index}`, text: Array.from({ length: 12 }, (_, word) => COLOURS[(index + word) % 6]).join(' ') })
  const texts: TestDataset = { task: 'text', splits: { train: Array.from({ length: 24 }, (_, index) => text(index)), validation: [text(30)], test: [text(31), text(32)] } }
  const { context, reported } = await prepare({ metrics: ['bits_per_byte', 'loss'] }, {}, texts)
  const { metrics } = await runLora(context)
  const losses = pointsOf(reported, 'eval/loss')
  expect(losses.at(-1)?.[1]).toBeLessThan((losses[0]?.[1] ?? 0) - 0.2)
  expect(reported.checkpoints.map(({ samples }) => samples)).toEqual([[], [], [], []])
  expect(metrics).toMatchObject({ bits_per_byte: { n: 2 }, loss: { n: 2 } })
  const [first] = reported.examples
  const tokens = Number(first?.tokensIn)
  expect(Number(first?.scores['bits_per_byte'])).toBeCloseTo((Number(first?.scores['loss']) * tokens) / Math.LN2 / String(text(31)['text']).length, 10)
})

test.each([
  ['answers of a text', { lossOn: 'completion' as const }, 'text' as const, 'a text has no answers'],
  ['turns of plain text', { lossOn: 'assistant' as const }, 'classification' as const, 'plain text has no turns'],
  ['a system message in plain text', { system: 'S' }, 'classification' as const, 'plain text has no system message'],
])('refuses %s', async (_case, more, task, message) => {
  const splits = task === 'text' ? { train: [{ id: 'a', text: 'x' }], validation: [{ id: 'b', text: 'y' }], test: [] } : dataset.splits
  const metrics = task === 'text' ? ['loss'] : ['accuracy']
  const { context } = await prepare({ metrics }, more, task === 'text' ? { task, splits } : dataset)
  await expect(runLora(context)).rejects.toThrow(message)
})

test('a loss that is no longer a number ends the run at its last point, with what is known until then', async () => {
  const { context, reported } = await prepare({}, { learningRate: 1e30, schedule: 'constant', warmupSteps: 0 })
  const failure = await runLora(context).then(() => null, (error: unknown) => error)
  expect(failure).toMatchObject({
    code: 'diverged',
    message: expect.stringMatching(/^step 2: loss is .* The last checkpoint is that of step 0; the best is step 0: lowest eval loss/),
    summary: { primaryMetric: 'accuracy', metrics: {}, bestStep: 0, generalizationGap: null, latency: null },
  })
  expect(pointsOf(reported, 'train/loss').at(-1)).toEqual([2, expect.not.toSatisfy(Number.isFinite)])
  expect(reported.checkpoints.map(({ step }) => step)).toEqual([0])
})

test('stops early, says so, and keeps the best checkpoint and the newest', async () => {
  const still = { learningRate: 1e-9, steps: 20, evalEvery: 2, earlyStoppingPatience: 3, earlyStoppingMinDelta: 0.01, keepCheckpoints: 1 }
  const { context, reported } = await prepare({}, still)
  const summary = await runLora(context)
  expect(reported.checkpoints.map(({ step }) => step)).toEqual([0, 2, 4, 6])
  expect(summary.stopReason).toMatch(/^stopped early at step 6: 3 evaluations in a row did not improve eval loss by more than 0.01; its best is /)
  expect(reported.logs).toContainEqual(expect.stringMatching(/^info: stopped early at step 6.* 14 of 20 steps were not needed$/))
  const kept = [0, 2, 4, 6].filter((step) => !reported.dropped.includes(step))
  expect(kept).toEqual([...new Set([summary.bestStep, 6])].sort())
  expect(reported.examples).toHaveLength(12)

  const last = await prepare({}, { ...still, steps: 6 })
  expect(await runLora(last.context)).not.toHaveProperty('stopReason')
  expect(last.reported.logs.join('\n')).not.toContain('stopped early')
})

test('chooses by the accuracy where told so, which only labels have', async () => {
  const { context, reported } = await prepare({}, { bestMetric: 'accuracy' })
  const { bestStep, bestReason } = await runLora(context)
  const accuracies = pointsOf(reported, 'eval/accuracy')
  expect(bestStep).toBe(accuracies.find(([, value]) => value === Math.max(...accuracies.map(([, other]) => other)))?.[0])
  expect(bestReason).toContain('highest eval accuracy')
  const { context: free } = await prepare({ metrics: ['loss'] }, { bestMetric: 'accuracy' }, { task: 'generation', splits: dataset.splits })
  await expect(runLora(free)).rejects.toThrow('bestMetric is accuracy, and "data" has no labels')
})

const trainedRun = {
  ...{ id: 'trained', experimentId: 'e', experimentName: 'e', kind: 'lora', name: 'e', cell: 0, repeat: 0, seed: 42, params: { model: 'tiny' }, varied: {}, dataset: 'data', status: 'succeeded' },
  ...{ attempt: 1, progress: null, summary: null, error: null, environment: null, pickedStep: null, colorSlot: 0, worker: null, latest: {}, createdAt: '', startedAt: null, finishedAt: null },
}
