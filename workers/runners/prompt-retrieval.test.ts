import { expect, test } from 'vitest'
import { chatEndpoint, promptRun } from '../fixtures/prompt-run.js'
import type { TestDataset } from '../fixtures/run-context.js'
import { runPrompt } from './prompt.js'

const texts = {
  navy: 'The navy needs twelve new ships this year. Trade with the islands has grown. The harbour of Boston was deepened at last.',
  farms: 'Farmers ask for lower tariffs on tools. Wheat and corn were plentiful. The western railway reached the sea in May.',
}

function about(id: string, document: keyof typeof texts, { question, answer, passage }: Record<'question' | 'answer' | 'passage', string>): Record<string, unknown> {
  const start = texts[document].indexOf(passage)
  return { id, question, answer, document, passage, start, end: start + passage.length }
}

const speeches: TestDataset = {
  task: 'retrieval',
  documents: Object.entries(texts).map(([id, text]) => ({ id, title: id, text })),
  splits: {
    train: [about('seen', 'farms', { question: 'What was plentiful?', answer: 'Wheat and corn', passage: 'Wheat and corn were plentiful.' })],
    test: [
      about('ships', 'navy', { question: 'How many ships does the navy need?', answer: 'twelve', passage: 'The navy needs twelve new ships this year.' }),
      about('railway', 'farms', { question: 'When did the railway reach the sea?', answer: 'May', passage: 'The western railway reached the sea in May.' }),
    ],
  },
}
const retrieve = { k: 1, chunkSize: 60, chunkOverlap: 0, retriever: 'bm25' }
const options = { dataset: speeches, assignment: { metrics: ['exact_match'] } }

/** Answers as one who can only read. */
const reader = (prompt: string): string => (prompt.includes('twelve new ships') ? 'twelve' : prompt.includes('sea in May') ? 'May' : 'unknown')

test('a prompt reads the chunks that are found for its question, and its example tells which they were', async () => {
  const { baseUrl, prompts } = await chatEndpoint(reader)
  const { context, reported } = await promptRun(baseUrl, { template: '{{ context }}\n\n{{ question }}', retrieve, concurrency: 1 }, options)
  expect(await runPrompt(context)).toMatchObject({ metrics: { exact_match: { mean: 1, n: 2 } } })
  expect(prompts[0]).toBe('The navy needs twelve new ships this year.\n\nHow many ships does the navy need?')
  expect(reported.examples.find(({ itemId }) => itemId === 'ships')).toMatchObject({
    cluster: 'navy', target: 'twelve',
    details: { retrieved: [{ document: 'navy', start: 0, relevance: 1 }], retrievalMs: expect.any(Number) as number },
  })
})

test('the same questions are asked from memory and with the gold passage', async () => {
  const { baseUrl } = await chatEndpoint(reader)
  const means = []
  const logs = []
  for (const template of ['{{ question }}', '{{ passage }}\n{{ question }}']) {
    const { context, reported } = await promptRun(baseUrl, { template, retrieve }, options)
    means.push((await runPrompt(context)).metrics['exact_match']?.mean)
    logs.push(...reported.logs)
  }
  expect(means).toEqual([0, 1])
  expect(logs.filter((line) => line.startsWith('warn: retrieve is given, and no template of this run reads context'))).toHaveLength(2)
})

test('few-shot examples show what is found for their own questions', async () => {
  const { baseUrl, prompts } = await chatEndpoint(reader)
  await runPrompt((await promptRun(baseUrl, { template: '{{ chunks[0].text }}\n{{ input }}', retrieve, shots: 1, limit: 1 }, options)).context)
  expect(prompts[0]).toMatch(/^[^\n]*Wheat and corn were plentiful\.[^\n]*\nWhat was plentiful\? Wheat and corn\n\n/)
})

test('a dataset without documents is refused before anything is asked', async () => {
  const { baseUrl, prompts } = await chatEndpoint(reader)
  await expect(runPrompt((await promptRun(baseUrl, { template: '{{ context }} {{ input }}', retrieve })).context)).rejects.toMatchObject({ code: 'dataset_unfit', message: expect.stringContaining('"data" is for classification') as string })
  expect(prompts).toEqual([])
})
