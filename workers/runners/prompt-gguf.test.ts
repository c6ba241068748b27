// A prompt run over a GGUF model: the scores of the folder it was made from, and clear words where it cannot run.
import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { describe, expect, test, vi } from 'vitest'
import { describeWithPackage } from '../../tests/support/packages.js'
import { PromptParametersSchema, type Example, type PromptParameters } from '../../server/contracts/index.js'
import { exportGgufModel } from '../engine/gguf-export.js'
import { LLAMA_CPP_PACKAGE } from '../engine/llama-cpp.js'
import { mails } from '../fixtures/prompt-run.js'
import { contextWith, type ContextOptions, type TestDataset } from '../fixtures/run-context.js'
import { runPrompt } from './prompt.js'

vi.setConfig({ testTimeout: 60_000 })
const models = fileURLToPath(new URL('../../models/', import.meta.url))

async function withGguf(params: Record<string, unknown>, more: Partial<ContextOptions<PromptParameters>> = {}): ReturnType<typeof contextWith<PromptParameters>> {
  const made = await contextWith({ dataset: mails, ...more, params: PromptParametersSchema.parse({ template: '{{ input }}\nLabel:', limit: 4, ...params }) })
  const [root = ''] = made.context.folders.models
  mkdirSync(join(root, 'quantized'), { recursive: true })
  made.context.folders.models.push(models)
  return made
}

describeWithPackage(LLAMA_CPP_PACKAGE, 'a GGUF model answers prompts', () => {
  test.each(['likelihood', 'generate'])('as the model it was made from: %s', async (scoring) => {
    const examples: Example[][] = []
    for (const model of ['nano-pt-en', 'quantized/nano.gguf']) {
      const { context, reported } = await withGguf({ model, scoring, maxTokens: 8 })
      exportGgufModel({ modelFolder: join(models, 'nano-pt-en'), adapterFolder: null, path: join(context.folders.models[0] ?? '', 'quantized', 'nano.gguf'), dtype: 'F16' })
      await runPrompt(context)
      examples.push(reported.examples)
      expect(reported.environment.modelHash).toMatch(/^[0-9a-f]{64}$/)
      if (model.endsWith('.gguf')) expect(reported.environment.device).toBe('cpu, node-llama-cpp 3.22.1')
    }
    const [wanted = [], given = []] = examples
    const facts = (all: Example[]): unknown => all.map(({ itemId, output, tokensIn, tokensOut, scores }) => ({ itemId, output, tokensIn, tokensOut, accuracy: scores['accuracy'] }))
    expect(facts(given)).toEqual(facts(wanted))
    expect(given).toHaveLength(4)
    if (scoring === 'generate') expect(given.every(({ ttftMs, latencyMs }) => (ttftMs ?? 0) > 0 && (latencyMs ?? 0) >= (ttftMs ?? 0))).toBe(true)
    else for (const [index, { scores }] of given.entries()) expect(Number(scores['loss'])).toBeCloseTo(Number(wanted[index]?.scores['loss']), 2)
  })
})

describeWithPackage(LLAMA_CPP_PACKAGE, 'a GGUF model tells how likely targets and texts are', () => {
  test.each([['target', 'target_perplexity'], ['rolling', 'byte_perplexity']])('as the model it was made from: %s', async (scoring, metric) => {
    const text = 'Prezado cliente, '.repeat(400)
    const dataset: TestDataset = { task: 'generation', splits: { test: [{ id: 'a', input: 'Hello', target: scoring === 'rolling' ? text : ' friend' }, { id: 'b', input: 'One two', target: ' three four' }] } }
    const summaries = []
    for (const model of ['nano-pt-en', 'quantized/nano.gguf']) {
      const { context, reported } = await withGguf({ model, scoring, answerDelimiter: '', template: '{{ input }}' }, { dataset, assignment: { metrics: [metric, 'loss'] } })
      exportGgufModel({ modelFolder: join(models, 'nano-pt-en'), adapterFolder: null, path: join(context.folders.models[0] ?? '', 'quantized', 'nano.gguf'), dtype: 'F16' })
      const summary = await runPrompt(context)
      expect(summary.metrics[metric]).toMatchObject({ n: 2, corpus: 'perplexity', higherIsBetter: false })
      summaries.push(Number(summary.metrics[metric]?.mean))
      expect(reported.examples.every(({ output }) => output === '')).toBe(true)
    }
    const [wanted = NaN, given = NaN] = summaries
    expect(Math.abs(Math.log(given / wanted))).toBeLessThan(0.02)
  })
})

describe('a GGUF model that cannot run', () => {
  test('names what is there, and what the file lacks', async () => {
    const { context } = await withGguf({ model: 'other.gguf' })
    writeFileSync(join(context.folders.models[0] ?? '', 'broken.gguf'), 'GGUF but no more')
    await expect(runPrompt(context)).rejects.toMatchObject({ code: 'model_missing', message: expect.stringMatching(/"other.gguf" is not a file under models\/ \(models here: broken.gguf, nano-pt-en\)/) as string })
    context.params.model = 'broken.gguf'
    await expect(runPrompt(context)).rejects.toThrow(/GGUF file .*broken.gguf is of version/)
    context.params.model = '../broken.gguf'
    await expect(runPrompt(context)).rejects.toMatchObject({ code: 'model_missing' })
  })

  test('says how to install what runs it', async () => {
    const { context } = await withGguf({ model: 'a.gguf' })
    exportGgufModel({ modelFolder: join(models, 'nano-pt-en'), adapterFolder: null, path: join(context.folders.models[0] ?? '', 'a.gguf'), dtype: 'Q8_0' })
    vi.stubEnv('BANCADA_PACKAGES', join(context.folders.work, 'none'))
    await expect(runPrompt(context)).rejects.toMatchObject({ code: 'package_missing', message: expect.stringMatching(/the model a.gguf needs the package node-llama-cpp 3.22.1, which is not installed. Install it with: npm install --prefix .*node-llama-cpp@3.22.1/) as string })
    vi.unstubAllEnvs()
  })
})
