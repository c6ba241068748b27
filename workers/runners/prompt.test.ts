import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { expect, onTestFinished, test } from 'vitest'
import { PromptParametersSchema, type Price } from '../../server/contracts/index.js'
import { contextWith, type ContextOptions, type TestDataset } from '../fixtures/run-context.js'
import { runPrompt } from './prompt.js'

type Prompts = ContextOptions<ReturnType<typeof PromptParametersSchema.parse>>

const mails: TestDataset = {
  task: 'classification',
  labels: ['spam', 'ham'],
  splits: {
    train: Array.from({ length: 12 }, (_, index) => ({ id: `train-${index}`, input: `seen ${index}`, target: index % 2 === 0 ? 'spam' : 'ham' })),
    test: Array.from({ length: 10 }, (_, index) => ({ id: `test-${index}`, input: `mail ${index}`, target: index < 4 ? 'spam' : 'ham' })),
  },
}

interface ChatBody {
  messages: { role: string; content: string }[]
}

/** A chat endpoint that answers what `answer` says for a prompt; a number is a status to fail with. */
async function endpoint(answer: (prompt: string) => string | number): Promise<{ baseUrl: string; prompts: string[]; mostInFlight: () => number }> {
  const prompts: string[] = []
  let inFlight = 0
  let most = 0
  const server = createServer((request, response) => {
    const chunks: Buffer[] = []
    request.on('data', (chunk: Buffer) => chunks.push(chunk))
    request.on('end', () => {
      const { messages } = JSON.parse(Buffer.concat(chunks).toString()) as ChatBody
      const prompt = messages.at(-1)?.content ?? ''
      prompts.push(prompt)
      most = Math.max(most, ++inFlight)
      setTimeout(() => {
        inFlight -= 1
        const text = answer(prompt)
        response.writeHead(typeof text === 'number' ? text : 200, { 'content-type': 'application/json' })
        if (typeof text === 'number') response.end(JSON.stringify({ error: { message: text === 400 ? 'maximum context length exceeded' : 'no such model' } }))
        else response.end(JSON.stringify({ choices: [{ message: { content: text }, finish_reason: 'stop' }], usage: { prompt_tokens: 100, completion_tokens: 10 } }))
      }, 20)
    })
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  onTestFinished(() => {
    server.closeAllConnections()
    server.close()
  })
  return { baseUrl: `http://127.0.0.1:${(server.address() as AddressInfo).port}/v1`, prompts, mostInFlight: () => most }
}

function run(baseUrl: string, params: Record<string, unknown> = {}, more: Partial<Omit<Prompts, 'params'>> & { price?: Price } = {}): ReturnType<typeof contextWith<Prompts['params']>> {
  const { price, ...rest } = more
  return contextWith({ dataset: mails, ...rest, params: PromptParametersSchema.parse({ model: { provider: 'openai', baseUrl, model: 'tiny', price }, template: '{{ input }}\nLabel:', ...params }) })
}

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
  const { context, reported } = await run(baseUrl, {}, { dataset, assignment: { metrics: ['numeric_match'] } })
  expect(await runPrompt(context)).toMatchObject({ primaryMetric: 'numeric_match', metrics: { numeric_match: { mean: 1 }, exact_match: { mean: 0 } } })
  expect(reported.examples[0]?.scores).toMatchObject({ numeric_match: 1, contains: 1, exact_match: 0 })
})

test.each([
  [{ template: '{{ subject }}' }, 'template uses "subject", which item "test-0" does not have; its fields are id, input, target'],
  [{ scoring: 'likelihood' }, 'an endpoint tells no likelihood of a given text'],
  [{ shots: 2, split: 'train' }, 'split is train, and few-shot examples are drawn from it'],
  [{ shots: 64 }, 'the train split of "data" has only 12 items'],
  [{ model: 'no-such-model' }, 'model "no-such-model" is not a folder with a config.json under models/ (no model is installed)'],
])('%j is refused before any call', async (params, message) => {
  const { baseUrl, prompts } = await endpoint(() => 'ham')
  const { context } = await run(baseUrl, params)
  await expect(runPrompt(context)).rejects.toThrow(message)
  expect(prompts).toHaveLength(0)
})
