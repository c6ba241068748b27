/* What a prompt run asks, what it finds stored, and what ends it. */
import { expect, test } from 'vitest'
import type { Budget, Example } from '../../server/contracts/index.js'
import { breaksOffAfter, chatAnswers, chatPiece, endpointThat, fails } from '../fixtures/model-endpoint.js'
import { chatEndpoint, promptRun } from '../fixtures/prompt-run.js'
import type { RunFailure } from '../run-context.js'
import { runPrompt } from './prompt.js'

const price = { inputPerMillion: 2, outputPerMillion: 10 }
/** Of one call of `chatEndpoint`: 100 tokens in, 10 out. */
const CALL_USD = 0.0003

test('the same calls are found by another run, marked, and neither timed nor paid again', async () => {
  const { baseUrl, prompts } = await chatEndpoint(() => 'ham')
  const first = await promptRun(baseUrl, {}, { price })
  expect(await runPrompt(first.context)).toMatchObject({ spentUsd: expect.closeTo(10 * CALL_USD, 12) as number, latency: { n: 10 } })
  const { responses } = first.reported
  const second = await promptRun(baseUrl, {}, { price, responses, assignment: { runId: 'another' } })
  const summary = await runPrompt(second.context)
  expect(prompts).toHaveLength(10)
  expect(summary).toMatchObject({ spentUsd: 0, costUsd: expect.closeTo(10 * CALL_USD, 12) as number, latency: null, cachedExamples: 10, metrics: { accuracy: { mean: 0.6, n: 10 } } })
  expect(second.reported.examples.every(({ cached }) => cached === true)).toBe(true)
  // A variant that shares some prompts asks for the others only.
  const third = await promptRun(baseUrl, { template: '{% if id == "test-0" %}Look: {% endif %}{{ input }}\nLabel:' }, { responses })
  await runPrompt(third.context)
  expect(prompts).toHaveLength(11)
})

test('a reply that was stored before its price was known costs what it would cost now, and is not paid again', async () => {
  const { baseUrl } = await chatEndpoint(() => 'ham')
  const first = await promptRun(baseUrl)
  expect(await runPrompt(first.context)).toMatchObject({ costUsd: null })
  const second = await promptRun(baseUrl, {}, { price, responses: first.reported.responses, assignment: { runId: 'another' } })
  expect(await runPrompt(second.context)).toMatchObject({ spentUsd: 0, costUsd: expect.closeTo(10 * CALL_USD, 12) as number, cachedExamples: 10 })
})

test.each([
  ['the temperature', { temperature: 0.5 }, {}],
  ['the repeat', {}, { repeat: 1 }],
  ['maxTokens', { maxTokens: 5 }, {}],
  ['the system message', { system: 'Be brief.' }, {}],
])('%s makes other calls of the same prompts', async (_, params, assignment) => {
  const { baseUrl, prompts } = await chatEndpoint(() => 'ham')
  const first = await promptRun(baseUrl)
  await runPrompt(first.context)
  await runPrompt((await promptRun(baseUrl, params, { responses: first.reported.responses, assignment })).context)
  expect(prompts).toHaveLength(20)
})

test('a seed makes other calls only where something is drawn', async () => {
  const { baseUrl, prompts, bodies } = await chatEndpoint(() => 'ham')
  const cold = await promptRun(baseUrl)
  await runPrompt(cold.context)
  await runPrompt((await promptRun(baseUrl, {}, { responses: cold.reported.responses, assignment: { seed: 7 } })).context)
  expect(prompts).toHaveLength(10)
  const warm = await promptRun(baseUrl, { temperature: 1 })
  await runPrompt(warm.context)
  await runPrompt((await promptRun(baseUrl, { temperature: 1 }, { responses: warm.reported.responses, assignment: { seed: 7 } })).context)
  expect(prompts).toHaveLength(30)
  expect(new Set(bodies.map(({ seed }) => seed))).toEqual(new Set([undefined, 42, 7]))
})

test('cache off: other runs find nothing, this run’s next attempt everything', async () => {
  const { baseUrl, prompts } = await chatEndpoint(() => 'ham')
  const first = await promptRun(baseUrl, { cache: 'off' })
  await runPrompt(first.context)
  const { responses } = first.reported
  await runPrompt((await promptRun(baseUrl, { cache: 'off' }, { responses, assignment: { attempt: 2 } })).context)
  expect(prompts).toHaveLength(10)
  await runPrompt((await promptRun(baseUrl, { cache: 'off' }, { responses, assignment: { runId: 'another' } })).context)
  await runPrompt((await promptRun(baseUrl, { cache: 'on' }, { responses })).context)
  expect(prompts).toHaveLength(30)
  // read: what was shared is found, and what is asked stays private.
  await runPrompt((await promptRun(baseUrl, { cache: 'read', limit: 3 }, { responses, assignment: { runId: 'reader' } })).context)
  await runPrompt((await promptRun(baseUrl, { cache: 'read', maxTokens: 3 }, { responses, assignment: { runId: 'reader' } })).context)
  await runPrompt((await promptRun(baseUrl, { cache: 'on', maxTokens: 3 }, { responses })).context)
  expect(prompts).toHaveLength(50)
})

test('a prompt that several items share is asked once', async () => {
  const { baseUrl, prompts } = await chatEndpoint(() => 'ham')
  const { context, reported } = await promptRun(baseUrl, { template: 'Guess:' })
  await runPrompt(context)
  expect(prompts).toHaveLength(1)
  expect(reported.examples.filter(({ cached }) => cached !== true)).toHaveLength(1)
})

test('errors are not kept: they are asked again', async () => {
  const { baseUrl, bodies } = await endpointThat(fails(400, 'maximum context length exceeded'), chatAnswers)
  const first = await promptRun(baseUrl, { concurrency: 1 })
  await runPrompt(first.context)
  expect(first.reported.examples.filter(({ status }) => status === 'error')).toHaveLength(1)
  await runPrompt((await promptRun(baseUrl, { concurrency: 1 }, { responses: first.reported.responses })).context)
  expect(bodies).toHaveLength(11)
})

async function endOf(params: Record<string, unknown>, budget: Budget, spent: { spentUsd?: number; spentCalls?: number } = {}): Promise<{ failure: RunFailure; calls: number; examples: Example[] }> {
  const { baseUrl, prompts } = await chatEndpoint(() => 'ham')
  const resume = { checkpointStep: null, checkpointFiles: [], doneItems: [], spentUsd: 0, spentCalls: 0, elapsedMs: 0, ...spent }
  const { context, reported } = await promptRun(baseUrl, params, { price, assignment: { budget, resume } })
  const failure = await runPrompt(context).then(() => new Error('it did not end'), (error: unknown) => error)
  return { failure: failure as RunFailure, calls: prompts.length, examples: reported.examples }
}

test('a budget of calls is never overdrawn, whatever is in flight, and earlier attempts count', async () => {
  const { failure, calls, examples } = await endOf({ concurrency: 4 }, { calls: 7 }, { spentCalls: 2 })
  expect(failure).toMatchObject({ code: 'budget_exceeded', message: expect.stringContaining('the budget of 7 calls was used up') as string })
  expect(calls).toBe(5)
  expect(examples).toHaveLength(5)
  expect(failure.summary).toMatchObject({ metrics: { accuracy: { n: 5 } } })
})

test('a budget of dollars holds back what the calls in flight will cost', async () => {
  const { failure, calls, examples } = await endOf({ concurrency: 4 }, { usd: 6 * CALL_USD })
  expect(failure).toMatchObject({ code: 'budget_exceeded', message: expect.stringContaining('US dollars') as string })
  expect(calls).toBeLessThanOrEqual(6)
  expect(calls).toBeGreaterThanOrEqual(4)
  expect(examples).toHaveLength(calls)
})

test('a budget of minutes lets the calls in flight end', async () => {
  const { failure, calls, examples } = await endOf({ concurrency: 2 }, { minutes: 0.000_5 })
  expect(failure).toMatchObject({ code: 'budget_exceeded', message: expect.stringContaining('minutes') as string })
  expect(calls).toBeLessThan(10)
  expect(examples).toHaveLength(calls)
})

test('a budget of dollars without a price ends after the first call, which is kept', async () => {
  const { baseUrl, prompts } = await chatEndpoint(() => 'ham')
  const { context, reported } = await promptRun(baseUrl, { concurrency: 1 }, { assignment: { budget: { usd: 1 } } })
  await expect(runPrompt(context)).rejects.toMatchObject({ code: 'budget_unknown' })
  expect([prompts.length, reported.responses.size]).toEqual([1, 1])
})

test('the price table of the day prices what the file does not, and a broken one ends the run before any call', async () => {
  const { baseUrl, prompts } = await chatEndpoint(() => 'ham')
  const rows = [{ model: 'tiny', until: '2020-01-01', inputPerMillion: 99 }, { model: 'ti*', from: '2020-01-01', inputPerMillion: 1, outputPerMillion: 2 }]
  const { context } = await promptRun(baseUrl, {}, { assignment: { prices: { rows, problem: null } } })
  expect((await runPrompt(context)).costUsd).toBeCloseTo(10 * (100e-6 + 20e-6), 12)
  prompts.length = 0
  const broken = await promptRun(baseUrl, {}, { assignment: { prices: { rows: [], problem: 'prices.yaml is refused: row 2 overlaps row 1' } } })
  await expect(runPrompt(broken.context)).rejects.toMatchObject({ code: 'prices_invalid', message: expect.stringContaining('row 2 overlaps row 1') as string })
  expect(prompts).toHaveLength(0)
})

test('half an answer is an error of its example, with what was written; the run goes on', async () => {
  let calls = 0
  const { baseUrl } = await endpointThat((incoming, response) => {
    calls += 1
    return (calls === 2 ? breaksOffAfter(chatPiece('I th')) : chatAnswers)(incoming, response)
  })
  const { context, reported } = await promptRun(baseUrl, { concurrency: 1, limit: 4, tries: 1 })
  const summary = await runPrompt(context)
  expect(summary).toMatchObject({ metrics: { accuracy: { n: 3, errors: 1 } } })
  expect(reported.examples.find(({ status }) => status === 'error')).toMatchObject({ error: expect.stringContaining('closed the connection') as string, scores: {}, details: { partial: 'I th', tries: 1 } })
})

test('a run in which nothing was answered fails', async () => {
  const { baseUrl } = await endpointThat(fails(400, 'maximum context length exceeded'))
  const { context, reported } = await promptRun(baseUrl)
  await expect(runPrompt(context)).rejects.toMatchObject({ code: 'nothing_answered', message: expect.stringContaining('none of 10 items was answered; the first error: ') as string })
  expect(reported.examples).toHaveLength(10)
})
