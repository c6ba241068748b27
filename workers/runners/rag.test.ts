import { mkdtemp, readdir, rm, stat, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { type Dataset, openDataset } from '../../datasets/reader.js'
import { type Example, ExampleSchema, type RagParameters, RagParametersSchema, type StoredResponse, SummarySchema } from '../../server/contracts/index.js'
import { CountingEndpoint } from '../../tests/support/counting-endpoint.js'
import { answersJson, endpointThat, fails } from '../fixtures/model-endpoint.js'
import { answerFrom } from '../fixtures/run-context.js'
import { CallGate } from '../providers/gate.js'
import type { RunContext } from '../run-context.js'
import { runRag } from './rag.js'

const documents = [
  { id: 'a', title: 'A', text: 'The navy needs twelve new ships this year. Trade with the islands has grown. The harbour of Boston was deepened at last.' },
  { id: 'b', title: 'B', text: 'Farmers ask for lower tariffs on tools. Wheat and corn were plentiful. The western railway reached the sea in May.' },
]
const asked = [
  { id: 'q1', question: 'How many ships does the navy need?', answer: 'twelve', document: 'a', passage: 'The navy needs twelve new ships this year.' },
  { id: 'q2', question: 'When did the railway arrive at the ocean?', answer: 'in May', document: 'b', passage: 'The western railway reached the sea in May.' },
  { id: 'q3', question: 'Qwertz uiop?', answer: 'none', document: 'b', passage: 'Wheat and corn were plentiful.' },
]

let folder: string
let dataset: Dataset

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'rag-'))
  const lines = (rows: unknown[]): string => rows.map((row) => `${JSON.stringify(row)}\n`).join('')
  const questions = asked.map((question) => {
    const start = documents.find(({ id }) => id === question.document)?.text.indexOf(question.passage) ?? -1
    return Object.assign({ start, end: start + question.passage.length }, question)
  })
  await writeFile(join(folder, 'documents.jsonl'), lines(documents))
  await writeFile(join(folder, 'test.jsonl'), lines(questions))
  await writeFile(join(folder, 'dataset.yaml'), 'name: tiny\ntitle: T\ntask: retrieval\nlanguage: en\nlicence: CC0-1.0\nsource: here\ndescription: Six sentences.\nsplits:\n  test: test.jsonl\ndocuments: documents.jsonl\n')
  dataset = await openDataset(folder, [])
})
afterAll(() => rm(folder, { recursive: true }))

async function vectorFiles(): Promise<[string, number][]> {
  const cache = join(folder, 'cache', 'sentence-vectors')
  const names = (await readdir(cache)).toSorted()
  return Promise.all(names.map(async (name): Promise<[string, number]> => [name, (await stat(join(cache, name))).mtimeMs]))
}

interface Reported {
  examples: Example[]
  points: [string, number, number][]
  messages: string[]
}

function contextOf(params: Partial<RagParameters>, { doneExamples = [], responses = new Map() }: { doneExamples?: Example[]; responses?: Map<string, StoredResponse> } = {}): { context: RunContext<RagParameters>; reported: Reported } {
  const reported: Reported = { examples: [], points: [], messages: [] }
  const context: RunContext<RagParameters> = {
    assignment: {
      runId: 'r', attempt: 1, kind: 'rag', name: 'r', dataset: 'tiny', datasetHash: dataset.hash, params: {}, metrics: ['ndcg', 'recall'], seed: 1, repeat: 0, budget: null, prices: { rows: [], problem: null }, heartbeatMs: 1000,
      resume: { checkpointStep: null, checkpointFiles: [], doneItems: doneExamples.map(({ itemId }) => itemId), spentUsd: 0, spentCalls: 0, elapsedMs: 0 },
    },
    dataset,
    params: RagParametersSchema.parse({ chunkSize: 45, k: 2, ...params }),
    report: {
      metric: (key, step, value) => reported.points.push([key, step, value]),
      example: (example) => reported.examples.push(ExampleSchema.parse(example)),
      progress: ({ message }) => void (message !== undefined && reported.messages.push(message)),
      log: (_level, message) => void reported.messages.push(message),
      environment: () => undefined,
      checkpoint: () => Promise.reject(new Error('a rag run has no checkpoints')),
      dropCheckpoint: () => undefined,
    },
    signal: new AbortController().signal,
    threads: 1,
    folders: { models: [], cache: join(folder, 'cache'), work: join(folder, 'work'), home: folder },
    server: { postJson: answerFrom(responses), getJson: () => Promise.reject(new Error('not asked')), download: () => Promise.reject(new Error('not asked')) },
    gateFor: (_gateId, most) => new CallGate(most),
    doneExamples,
    resumeFolder: null,
    startedAtMs: performance.now(),
  }
  return { context, reported }
}

describe('runRag', () => {
  it('answers each question with chunks, scores and places', async () => {
    const { context, reported } = contextOf({})
    const summary = await runRag(context)
    expect(SummarySchema.parse(summary)).toEqual(summary)
    expect(reported.examples.map(({ itemId, scores }) => [itemId, scores['ndcg'], scores['recall']])).toEqual([['q1', 1, 1], ['q2', 1, 1], ['q3', 0, 0]])
    expect(reported.examples[0]).toMatchObject({
      input: 'How many ships does the navy need?',
      target: 'The navy needs twelve new ships this year.',
      cluster: 'a',
      status: 'scored',
      costUsd: null,
      details: { answer: 'twelve', gold: { document: 'a', start: 0, end: 42 } },
    })
    expect(reported.examples[0]?.details['retrieved']).toEqual([
      { document: 'a', start: 0, end: 42, score: expect.any(Number), relevance: 1 },
      { document: 'b', start: 71, end: 114, score: expect.any(Number), relevance: 0 },
    ])
    expect(reported.examples[0]?.output).toBe('[1] a 0–42: The navy needs twelve new ships this year.\n\n[2] b 71–114: The western railway reached the sea in May.')
    expect(reported.examples[2]?.output).toBe('nothing was found')
    expect(summary).toMatchObject({ primaryMetric: 'ndcg', metrics: { ndcg: { n: 3, mean: expect.closeTo(2 / 3, 12) }, recall: { n: 3 }, hit: { n: 3 }, context_chars: { n: 3 } }, latency: { n: 3 } })
    expect(reported.points.map(([key, step]) => [key, step])).toEqual([['index/seconds', 0], ['index/chunks', 0], ['index/mb_per_second', 0], ['running/ndcg', 1], ['running/ndcg', 2], ['running/ndcg', 3]])
  })

  it('goes on after the questions that are done, and sums up all of them', async () => {
    const first = contextOf({})
    await runRag(first.context)
    const { context, reported } = contextOf({}, { doneExamples: first.reported.examples.slice(0, 2) })
    const summary = await runRag(context)
    expect(reported.examples.map(({ itemId }) => itemId)).toEqual(['q3'])
    expect(summary.metrics['ndcg']).toMatchObject({ n: 3, mean: expect.closeTo(2 / 3, 12) })
  })

  it('finds by meaning what shares no word, and embeds the documents once', async () => {
    const params = { retriever: 'embedding', k: 1 } as const
    const { context, reported } = contextOf(params)
    await runRag(context)
    expect(reported.examples[1]).toMatchObject({ itemId: 'q2', scores: { ndcg: 1, hit: 1 } })
    expect(reported.messages.join()).toContain('embedding the documents: 6 of 6 sentences')
    const written = await vectorFiles()
    expect(written).toHaveLength(2)
    await runRag(contextOf({ ...params, chunkSize: 100 }).context)
    expect(await vectorFiles()).toEqual(written)
    const hybrid = contextOf({ ...params, retriever: 'hybrid', k: 2 })
    await runRag(hybrid.context)
    expect(hybrid.reported.examples.map(({ scores }) => scores['recall'])).toEqual([1, 1, expect.any(Number)])
  })

  it('asks an endpoint for vectors of chunks and questions, each once for all runs, and prices them apart', async () => {
    await using endpoint = await CountingEndpoint.start({ delayMs: () => 0, answer: () => '' })
    const embeddingModel = { provider: 'openai', api: 'chat', baseUrl: endpoint.baseUrl, model: 'letters', price: { inputPerMillion: 1e6 } } as const
    const responses = new Map<string, StoredResponse>()
    const { context, reported } = contextOf({ retriever: 'embedding', k: 1, embeddingModel }, { responses })
    const summary = await runRag(context)
    expect(SummarySchema.parse(summary)).toEqual(summary)
    expect(reported.examples.map(({ itemId, scores }) => [itemId, scores['hit']]).toSorted().slice(0, 2)).toEqual([['q1', 1], ['q2', 1]])
    const lengths = new Map(asked.map(({ id, question }) => [id, question.length]))
    for (const { itemId, tokensIn, costUsd, cached, latencyMs } of reported.examples) expect([tokensIn, costUsd, cached, Number(latencyMs) > 0]).toEqual([lengths.get(itemId), lengths.get(itemId), undefined, true])
    // All chunks in one call, each question in one of its own.
    const chunks = endpoint.embedded.length - 3
    expect([endpoint.embeddingRequests, chunks]).toEqual([4, reported.points.find(([key]) => key === 'index/chunks')?.[2]])
    const questionsUsd = asked.reduce((sum, { question }) => sum + question.length, 0)
    const indexUsd = endpoint.embedded.join('').length - questionsUsd
    expect(reported.points.find(([key]) => key === 'index/usd')?.[2]).toBeCloseTo(indexUsd, 9)
    expect(summary).toMatchObject({ costUsd: questionsUsd, spentUsd: indexUsd + questionsUsd, embeddings: { texts: chunks + 3, cached: 0 }, latency: { n: 3 } })

    const again = contextOf({ retriever: 'hybrid', k: 1, embeddingModel }, { responses })
    expect(await runRag(again.context)).toMatchObject({ costUsd: questionsUsd, spentUsd: 0, cachedExamples: 3, latency: null, embeddings: { texts: chunks + 3, cached: chunks + 3 } })
    expect(endpoint.embeddingRequests).toBe(4)
  })

  it('tells which question has no vector, and has no index without vectors of all chunks', async () => {
    let refused = 'Qwertz'
    const endpoint = await endpointThat((request, response) => {
      const input = endpoint.bodies.at(-1)?.['input'] as string[]
      const isRefused = input.some((text) => text.startsWith(refused))
      const answer = isRefused ? fails(400, 'maximum context length exceeded') : answersJson({ data: input.map((text, index) => ({ index, embedding: [text.length, 1] })) })
      answer(request, response)
    })
    const embeddingModel = { provider: 'openai', api: 'chat', baseUrl: endpoint.baseUrl, model: 'letters' } as const
    const { context, reported } = contextOf({ retriever: 'embedding', embeddingModel })
    expect((await runRag(context)).metrics['ndcg']).toMatchObject({ n: 2, errors: 1 })
    expect(reported.examples.find(({ itemId }) => itemId === 'q3')).toMatchObject({ status: 'error', error: expect.stringContaining('maximum context length') as string, latencyMs: null })
    refused = 'Farmers'
    await expect(runRag(contextOf({ retriever: 'embedding', embeddingModel }).context)).rejects.toMatchObject({ code: 'endpoint_failed', message: expect.stringContaining('a chunk of the documents has no vector') as string })
  })

  it('prices a question by the hour of the machine', async () => {
    const { context, reported } = contextOf({ price: { perHour: 3.6 } })
    const summary = await runRag(context)
    for (const { costUsd, latencyMs } of reported.examples) expect(costUsd).toBeCloseTo((latencyMs ?? NaN) / 1e6, 12)
    expect(summary.costUsd).toBeGreaterThan(0)
  })

  it('refuses what it cannot do, naming field and mend', async () => {
    const other = contextOf({})
    other.context.assignment.metrics = ['accuracy']
    await expect(runRag(other.context)).rejects.toThrow('metric "accuracy" cannot be scored on a rag run')
    await expect(runRag(contextOf({ chunkOverlap: 45 }).context)).rejects.toThrow('chunkOverlap 45 must be less than chunkSize 45')
    await expect(runRag(contextOf({ split: 'dev' }).context)).rejects.toThrow('has no split "dev"')
  })
})
