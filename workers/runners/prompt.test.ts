import { expect, test } from 'vitest'
import { promptRun as run, chatEndpoint as endpoint } from '../fixtures/prompt-run.js'
import type { TestDataset } from '../fixtures/run-context.js'
import { runPrompt } from './prompt.js'

test('scores every item of the split, with tokens, latency and cost', async () => {
  const { baseUrl, mostInFlight } = await endpoint(() => 'It is spam.')
  const { context, reported } = await run(baseUrl, { concurrency: 3 }, { price: { inputPerMillion: 2, outputPerMillion: 10 } })
  const summary = await runPrompt(context)
  expect(summary).toMatchObject({ primaryMetric: 'accuracy', tokensIn: 1000, tokensOut: 100, metrics: { accuracy: { mean: 0.4, n: 10, method: 'wilson', errors: 0 } }, latency: { n: 10 } })
  expect(summary.costUsd).toBeCloseTo(10 * (100 * 2e-6 + 10 * 10e-6), 12)
  expect(new Set(reported.examples.map(({ itemId }) => itemId)).size).toBe(10)
  expect(reported.metrics.map(({ step }) => step)).toEqual([1, 2, 3, 4, 5, 6, 7, 8, 9, 10])
  expect(mostInFlight()).toBe(3)
})

test('few-shot examples come from the train split, the same for every item', async () => {
  const { baseUrl, prompts } = await endpoint(() => 'ham')
  await runPrompt((await run(baseUrl, { shots: 4, limit: 3, concurrency: 1 })).context)
  const [first = '', second = ''] = prompts
  expect(first).toMatch(/^(seen \d+\nLabel: (spam|ham)\n\n){4}mail \d+\nLabel:$/)
  expect(second.slice(0, second.indexOf('mail'))).toBe(first.slice(0, first.indexOf('mail')))
  expect(first.match(/Label: spam/g)).toHaveLength(2)
})

test('items that were done before are not asked again, and count in the summary', async () => {
  const { baseUrl, prompts } = await endpoint(() => 'spam')
  const first = await run(baseUrl)
  await runPrompt(first.context)
  const doneExamples = first.reported.examples.slice(0, 7)
  prompts.length = 0
  const second = await run(baseUrl, {}, { doneExamples })
  expect(await runPrompt(second.context)).toMatchObject({ metrics: { accuracy: { mean: 0.4, n: 10 } } })
  expect(prompts).toHaveLength(3)
  expect(second.reported.examples).toHaveLength(3)
})

test('a prompt that is too long is an error of its example, counted apart', async () => {
  const { baseUrl } = await endpoint((prompt) => (prompt.startsWith('mail 9') ? 400 : 'ham'))
  const { context, reported } = await run(baseUrl)
  expect(await runPrompt(context)).toMatchObject({ metrics: { accuracy: { n: 9, errors: 1 } } })
  expect(reported.examples.find(({ itemId }) => itemId === 'test-9')).toMatchObject({ status: 'error', scores: {}, error: expect.stringContaining('maximum context length exceeded') as string })
})

test('a refused call ends the run with the words of the endpoint; what was scored stays', async () => {
  const { baseUrl } = await endpoint((prompt) => (prompt.startsWith('mail 5') ? 404 : 'ham'))
  const { context, reported } = await run(baseUrl, { concurrency: 1 })
  await expect(runPrompt(context)).rejects.toMatchObject({ code: 'endpoint_failed', message: expect.stringContaining('answered 404: no such model') as string })
  expect(reported.examples).toHaveLength(5)
})

test('the money budget ends the run, counting what earlier attempts spent', async () => {
  const { baseUrl, prompts } = await endpoint(() => 'ham')
  const assignment = { budget: { usd: 0.001 }, resume: { checkpointStep: null, checkpointFiles: [], doneItems: [], spentUsd: 0.0004, spentCalls: 0, elapsedMs: 0 } }
  const { context } = await run(baseUrl, { concurrency: 1 }, { price: { inputPerMillion: 2, outputPerMillion: 0 }, assignment })
  await expect(runPrompt(context)).rejects.toMatchObject({ code: 'budget_exceeded' })
  expect(prompts).toHaveLength(3)
})

test('free text is scored by match, overlap and number', async () => {
  const { baseUrl } = await endpoint(() => 'The answer is 42')
  const dataset: TestDataset = { task: 'generation', splits: { test: [{ id: 'a', input: '6 × 7?', target: '42' }] } }
  const { context, reported } = await run(baseUrl, {}, { dataset, assignment: { metrics: ['numeric_match', 'exact_match', 'contains'] } })
  expect(await runPrompt(context)).toMatchObject({ primaryMetric: 'numeric_match', metrics: { numeric_match: { mean: 1 }, exact_match: { mean: 0 } } })
  expect(reported.examples[0]?.scores).toMatchObject({ numeric_match: 1, contains: 1, exact_match: 0 })
})

test.each([
  [{ template: '{{ subject }}' }, 'template uses "subject", which item "test-0" does not have; its fields are id, input, target'],
  [{ scoring: 'likelihood' }, 'a chat endpoint tells no likelihood of a given text'],
  [{ shots: 2, shotSplit: 'validation' }, 'few-shot examples are drawn from split "validation" of "data", which is not there'],
  [{ shots: 64 }, 'shots is 64, and split "train" of "data" has only 12 items'],
  [{ sampler: 'fixed', shots: 2, shotIds: ['train-1', 'nobody'] }, 'shotIds names "nobody", which split "train" of "data" does not have'],
  [{ template: '{{ steps.plan }}', chain: [{ name: 'reason', template: '{{ input }}' }] }, 'a template uses "steps.plan", and the steps before it are reason'],
  [{ template: '{{ steps.reason }}', chain: [{ name: 'reason', template: '{{ input }}' }], shots: 2 }, 'a few-shot example has no outputs of steps'],
  [{ model: 'no-such-model' }, 'model "no-such-model" is not a folder with a config.json under models/ (no model is installed)'],
])('%j is refused before any call', async (params, message) => {
  const { baseUrl, prompts } = await endpoint(() => 'ham')
  const { context } = await run(baseUrl, params)
  await expect(runPrompt(context)).rejects.toThrow(message)
  expect(prompts).toHaveLength(0)
})
