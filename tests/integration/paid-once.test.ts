/**
 * What is paid for is kept: worker and server are killed with calls in flight, and an endpoint that counts
 * its calls says whether any stored reply was asked for again. And however many workers call it, it sees no
 * more than its limit.
 */
import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, it } from 'vitest'
import type { CacheInfo, CreatedExperiment, Example, Experiment, Run } from '../../server/contracts/index.js'
import { freePort, isOver, killTree, pause, Running, type Server, startServer, startWorker, temporaryFolder, until } from '../support/bancada.js'
import { CountingEndpoint } from '../support/counting-endpoint.js'

const CONCURRENCY = 4

function promptRun(baseUrl: string, more: Record<string, unknown> = {}): Record<string, unknown> {
  return { name: 'Counted', kind: 'prompt', dataset: 'spam', model: { provider: 'openai', baseUrl, model: 'counted' }, fixed: { limit: 120, concurrency: CONCURRENCY }, metrics: ['accuracy'], ...more }
}

/** Items whose right answers the endpoint can work out. */
function writeNumbers(home: string, count: number): void {
  const folder = join(home, 'datasets', 'numbers')
  mkdirSync(folder, { recursive: true })
  writeFileSync(join(folder, 'test.jsonl'), Array.from({ length: count }, (_, number) => `${JSON.stringify({ id: `n${number}`, input: `Say ${number}`, target: String(number) })}\n`).join(''))
  writeFileSync(join(folder, 'dataset.yaml'), JSON.stringify({ name: 'numbers', title: 'Numbers', task: 'generation', language: 'en', licence: 'CC0-1.0', source: 'made by the test', description: 'Numbers.', splits: { test: 'test.jsonl' } }))
}

/** One document of words that are all different, and questions for some of them. */
function writeDocument(home: string, lines: number): void {
  const folder = join(home, 'datasets', 'words')
  mkdirSync(folder, { recursive: true })
  const words = Array.from({ length: lines * 10 }, (_, index) => `word${String(index).padStart(6, '0')}`)
  const text = words.join(' ')
  const questions = words.slice(0, 5).map((passage) => ({ id: passage, question: `Where is ${passage}?`, answer: passage, document: 'd', passage, start: text.indexOf(passage), end: text.indexOf(passage) + passage.length }))
  const jsonLines = (rows: readonly unknown[]): string => rows.map((row) => `${JSON.stringify(row)}\n`).join('')
  writeFileSync(join(folder, 'documents.jsonl'), jsonLines([{ id: 'd', title: 'D', text }]))
  writeFileSync(join(folder, 'test.jsonl'), jsonLines(questions))
  writeFileSync(join(folder, 'dataset.yaml'), JSON.stringify({ name: 'words', title: 'Words', task: 'retrieval', language: 'en', licence: 'CC0-1.0', source: 'made by the test', description: 'Words.', splits: { test: 'test.jsonl' }, documents: 'documents.jsonl' }))
}

async function answersOf(server: Server, runId: string | undefined): Promise<Example[]> {
  return (await server.get<{ examples: Example[] }>(`/api/runs/${runId}/examples?limit=1000`)).examples
}

it('kill -9 of a worker: no reply that was stored is asked for again', async () => {
  await using endpoint = await CountingEndpoint.start({ delayMs: () => 40, answer: () => 'ham' })
  await using home = await temporaryFolder()
  await using server = await startServer(home.path)
  const id = (await server.post<CreatedExperiment>('/api/experiments', promptRun(endpoint.baseUrl))).runs[0]?.id
  const doomed = startWorker(server.url, home.path, 'doomed')
  await until(() => server.get<CacheInfo>('/api/cache'), ({ entries }) => entries >= 30)
  killTree(doomed)
  // What it had sent when it died is still stored.
  await pause(500)
  const paid = endpoint.calls.length
  const stored = (await server.get<CacheInfo>('/api/cache')).entries
  expect(stored).toBeLessThan(120)

  await using _heir = startWorker(server.url, home.path, 'heir')
  const run = await until(() => server.get<Run>(`/api/runs/${id}`), isOver)
  expect([run.status, run.error, run.summary?.metrics['accuracy']?.n]).toEqual(['succeeded', null, 120])
  // Those that were under way, or answered but on their way to the store, are all that is lost.
  expect(endpoint.calls.length).toBe(120 + paid - stored)
  const twice = [...endpoint.timesAsked].filter(([, times]) => times > 1).map(([prompt]) => prompt)
  expect(twice).toHaveLength(paid - stored)
  const examples = await answersOf(server, id)
  expect(new Set(examples.map(({ itemId }) => itemId)).size).toBe(120)
  const foundStored = examples.filter(({ cached }) => cached).map(({ input }) => `counted: ${input}`)
  expect(foundStored.filter((prompt) => twice.includes(prompt))).toEqual([])
  expect((await server.get<CacheInfo>('/api/cache')).entries).toBe(120)
})

it('kill -9 of a worker while it indexes: no vector that was stored is asked for again, nor by another run', async () => {
  // The third call is still under way when its worker dies.
  let isHeld = true
  await using endpoint = await CountingEndpoint.start({ delayMs: () => (isHeld && endpoint.embeddingRequests > 2 ? null : 20), answer: () => '' })
  await using home = await temporaryFolder()
  writeDocument(home.path, 40)
  writeFileSync(join(home.path, 'prices.yaml'), 'prices: [{ model: letters, inputPerMillion: 1 }]')
  await using server = await startServer(home.path)
  const embeddingModel = { provider: 'openai', baseUrl: endpoint.baseUrl, model: 'letters' }
  const spec = { name: 'Vectors', kind: 'rag', dataset: 'words', fixed: { retriever: 'embedding', chunkSize: 24, k: 1, concurrency: 1, embeddingModel }, metrics: ['hit'] }
  const id = (await server.post<CreatedExperiment>('/api/experiments', spec)).runs[0]?.id
  const doomed = startWorker(server.url, home.path, 'doomed')
  const { entries: stored } = await until(() => server.get<CacheInfo>('/api/cache'), ({ entries }) => entries >= 128 && endpoint.embeddingRequests >= 3)
  killTree(doomed)
  const asked = [...endpoint.embedded]
  isHeld = false

  await using _heir = startWorker(server.url, home.path, 'heir')
  const run = await until(() => server.get<Run>(`/api/runs/${id}`), isOver)
  expect([run.status, run.error, run.summary?.metrics['hit']?.n]).toEqual(['succeeded', null, 5])
  const texts = new Set(endpoint.embedded)
  expect(stored).toBeLessThan(texts.size)
  expect(endpoint.embedded).toHaveLength(texts.size + asked.length - stored)
  const embeddings = run.summary?.embeddings
  expect(embeddings).toMatchObject({ texts: texts.size, cached: stored, tokensIn: [...texts].join('').length })
  expect(embeddings?.costUsd).toBeCloseTo([...texts].join('').length / 1e6, 12)
  // Both attempts together paid each stored vector once.
  expect(run.summary?.spentUsd).toBeCloseTo(embeddings?.costUsd ?? NaN, 12)

  const again = (await server.post<CreatedExperiment>('/api/experiments', { ...spec, name: 'Again', fixed: { ...spec.fixed, retriever: 'hybrid' } })).runs[0]?.id
  const repeat = await until(() => server.get<Run>(`/api/runs/${again}`), isOver)
  expect([repeat.status, repeat.summary?.spentUsd, repeat.summary?.embeddings]).toEqual(['succeeded', 0, { ...embeddings, cached: texts.size }])
  expect(endpoint.embedded).toHaveLength(texts.size + asked.length - stored)
})

it('kill -9 of the server in mid-race: the race goes on and ends with one answer per item', async () => {
  const answer = ({ prompt, model }: { prompt: string; model: string }): string => {
    const number = Number(prompt.slice('Say '.length))
    return number % 10 < (model === 'good' ? 9 : 3) ? String(number) : 'I cannot say'
  }
  await using endpoint = await CountingEndpoint.start({ delayMs: () => 25, answer })
  await using home = await temporaryFolder()
  writeNumbers(home.path, 150)
  const port = await freePort()
  const models = ['good', 'poor'].map((model) => ({ provider: 'openai', baseUrl: endpoint.baseUrl, model }))
  const { model: _model, ...race } = promptRun(endpoint.baseUrl, { name: 'Raced', dataset: 'numbers', strategy: 'race', axes: { model: models }, fixed: { concurrency: CONCURRENCY }, metrics: ['exact_match'] })
  let id: string
  {
    const server = await startServer(home.path, { port, args: ['--no-examples'] })
    id = (await server.post<CreatedExperiment>('/api/experiments', race)).id
    await until(() => server.get<CacheInfo>('/api/cache'), ({ entries }) => entries >= 60)
    server.kill('SIGKILL')
    await server.ended
  }
  await using server = await startServer(home.path, { port, args: ['--no-examples'] })
  const experiment = await until(() => server.get<Experiment>(`/api/experiments/${id}`), isOver)
  expect(experiment.runs.map(({ status, error }) => [status, error])).toEqual([['succeeded', null], ['stopped', null]])
  for (const run of experiment.runs) {
    const items = (await answersOf(server, run.id)).map(({ itemId }) => itemId)
    expect(new Set(items).size).toBe(items.length)
    expect(items.length).toBe(run.race?.items)
    expect(run.summary?.metrics['exact_match']?.n).toBe(items.length)
  }
  // Each reply is stored once, and only what the server had not acknowledged was asked again.
  const { entries } = await server.get<CacheInfo>('/api/cache')
  expect(entries).toBe(endpoint.timesAsked.size)
  expect(Math.max(...endpoint.timesAsked.values())).toBeLessThanOrEqual(2)
})

it('two workers keep to one limit, and both wait as long as the endpoint asks', async () => {
  const RETRY_AFTER_S = 5
  const HEARD_MS = 2_000
  let turnAwayFrom = Infinity
  const callers = new Set<string>()
  await using endpoint = await CountingEndpoint.start({
    // Slow until both have called, however late the second worker comes.
    delayMs: ({ model }) => (callers.add(model).size === 2 ? 60 : 600),
    answer: () => 'ham',
    retryAfter: ({ atMs }) => (atMs >= turnAwayFrom && atMs < turnAwayFrom + 500 ? RETRY_AFTER_S : null),
  })
  await using home = await temporaryFolder()
  await using server = await startServer(home.path)
  const ids: (string | undefined)[] = []
  for (const model of ['one', 'two']) {
    const spec = promptRun(endpoint.baseUrl, { model: { provider: 'openai', baseUrl: endpoint.baseUrl, model }, fixed: { limit: 200, concurrency: 6 } })
    ids.push((await server.post<CreatedExperiment>('/api/experiments', spec)).runs[0]?.id)
  }
  const workers = ['one', 'two'].map((name) => new Running('dist/workers/main.js', ['--server', server.url, '--name', name, '--parallel', '1'], { BANCADA_HOME: home.path }))
  try {
    const runsNow = (): Promise<Run[]> => Promise.all(ids.map((id) => server.get<Run>(`/api/runs/${id}`)))
    await until(runsNow, (runs) => runs.every(({ status, progress }) => status === 'running' && (progress?.done ?? 0) > 0))
    expect(new Set((await runsNow()).map(({ worker }) => worker)).size).toBe(2)
    const before = endpoint.calls.length
    await until(() => Promise.resolve(endpoint.calls.length), (calls) => calls >= before + 40)
    turnAwayFrom = performance.now()
    const runs = await until(runsNow, (all) => all.every(isOver))
    expect(runs.map(({ status, error, summary }) => [status, error, summary?.metrics['accuracy']?.n])).toEqual([['succeeded', null, 200], ['succeeded', null, 200]])
  } finally {
    for (const worker of workers) await worker.stop()
  }
  expect(endpoint.mostInFlight).toBeLessThanOrEqual(12)
  expect(endpoint.calls).toHaveLength(400)
  const lastTurnedAway = endpoint.turnedAway.at(-1)?.atMs ?? Number.NaN
  expect(endpoint.turnedAway.length).toBeGreaterThan(0)
  // The other run hears of the pause at its next report; from then on nobody calls until it has passed.
  const tooEarly = endpoint.calls.filter(({ atMs }) => atMs > lastTurnedAway + HEARD_MS && atMs < lastTurnedAway + RETRY_AFTER_S * 1_000 - 50)
  expect(tooEarly).toEqual([])
  // Half of what was in flight before, shared by both, until answers come again.
  const goneOn = endpoint.calls.filter(({ atMs }) => atMs > lastTurnedAway + HEARD_MS).map(({ atMs }) => atMs)
  const first = Math.min(...goneOn)
  expect(goneOn.filter((atMs) => atMs < first + 55).length).toBeLessThanOrEqual(6)
})

it('two runs that ask the same at the same time pay once', async () => {
  await using endpoint = await CountingEndpoint.start({ delayMs: () => 150, answer: () => 'ham' })
  await using home = await temporaryFolder()
  await using server = await startServer(home.path)
  const ids: (string | undefined)[] = []
  for (const name of ['Counted', 'Counted beside it']) ids.push((await server.post<CreatedExperiment>('/api/experiments', promptRun(endpoint.baseUrl, { name, fixed: { limit: 60, concurrency: CONCURRENCY } }))).runs[0]?.id)
  await using _worker = new Running('dist/workers/main.js', ['--server', server.url, '--name', 'both', '--threads', '2'], { BANCADA_HOME: home.path })
  const runs = await until(() => Promise.all(ids.map((id) => server.get<Run>(`/api/runs/${id}`))), (all) => all.every(isOver))
  expect(runs.map(({ status, error, summary }) => [status, error, summary?.metrics['accuracy']?.n])).toEqual([['succeeded', null, 60], ['succeeded', null, 60]])
  const [one, other] = runs
  expect(Date.parse(other?.startedAt ?? '')).toBeLessThan(Date.parse(one?.finishedAt ?? ''))
  expect(endpoint.calls).toHaveLength(60)
  expect((one?.summary?.cachedExamples ?? 0) + (other?.summary?.cachedExamples ?? 0)).toBe(60)
})
