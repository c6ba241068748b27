/* The server over real HTTP on its real embedded database, in this process; no worker but the test. */
import { createHash } from 'node:crypto'
import { readdir, readFile } from 'node:fs/promises'
import { request as httpRequest } from 'node:http'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import type { Type } from '@nestjs/common'
import { ModulesContainer } from '@nestjs/core'
import { packFloats, readSeries, SERIES_BYTES, type Assignment, type Comparison, type CreatedExperiment, type ErrorBody, type Estimate, type Example, type ExamplePage, type Experiment, type ExperimentPage, type Health, type MetricsAnswer, type Plan, type Run, type ServerEvent } from '../../server/contracts/index.js'
import type { RunningServer } from '../../server/start.js'
import { pause, temporaryFolder } from '../support/bancada.js'
import { startServerHere } from '../support/server-here.js'

interface Answer<T> {
  status: number
  body: T
  headers: Headers
}

function clientOf(url: string) {
  return async <T>(method: string, path: string, body?: unknown, headers: Record<string, string> = {}): Promise<Answer<T>> => {
    const isRaw = typeof body === 'string' || body instanceof Uint8Array
    const response = await fetch(url + path, {
      method,
      headers: { ...(body === undefined || isRaw ? {} : { 'content-type': 'application/json' }), ...headers },
      ...(body === undefined ? {} : { body: isRaw ? (body as string | Uint8Array<ArrayBuffer>) : JSON.stringify(body) }),
    })
    const text = await response.text()
    return { status: response.status, headers: response.headers, body: (/json/.test(response.headers.get('content-type') ?? '') ? JSON.parse(text) : text) as T }
  }
}

const PROMPT = { name: 'Two shots', kind: 'prompt', dataset: 'spam', axes: { shots: [0, 2] } }
const YAML = 'name: From a file\nkind: prompt\ndataset: spam\naxes:\n  shots: [0, 1]\n'
const CLAIM = { worker: 'tester', kinds: ['prompt', 'lora', 'rag', 'pretrain'], waitMs: 0 }

function example(itemId: string, score: Example['scores'][string]): Example {
  return {
    itemId, cluster: null, input: `in ${itemId}`, output: 'ham', target: 'ham', status: 'scored', scores: { accuracy: score }, error: null,
    latencyMs: 2, ttftMs: null, tokensIn: 1, tokensOut: 1, costUsd: 0.01, details: {},
  }
}

describe('the server', () => {
  let server: RunningServer
  let home: Awaited<ReturnType<typeof temporaryFolder>>
  let ask: ReturnType<typeof clientOf>

  beforeAll(async () => {
    home = await temporaryFolder()
    server = await startServerHere(home.path)
    ask = clientOf(server.url)
  })
  afterAll(async () => {
    await server.close()
    await home[Symbol.asyncDispose]()
  })

  const queue = async (spec: object = PROMPT): Promise<string[]> => {
    const { status, body } = await ask<CreatedExperiment>('POST', '/api/experiments', spec)
    expect(status).toBe(201)
    return body.runs.map((run) => run.id)
  }
  const claim = async (): Promise<Assignment> => (await ask<Assignment>('POST', '/api/worker/claim', CLAIM)).body
  const drain = async (): Promise<void> => {
    const { body } = await ask<ExperimentPage>('GET', '/api/experiments?limit=500')
    for (const experiment of body.experiments) await ask('POST', `/api/experiments/${experiment.id}/cancel`)
    while ((await ask('POST', '/api/worker/claim', CLAIM)).status === 200);
  }
  const codeOf = (answer: Answer<unknown>): [number, string] => [answer.status, (answer.body as ErrorBody).error.code]

  it('gives every provider all it depends on', () => {
    const modules = server.app.get(ModulesContainer)
    let checked = 0
    for (const module of modules.values()) {
      for (const wrapper of [...module.providers.values(), ...module.controllers.values()]) {
        const { instance, metatype } = wrapper as { instance: object | undefined; metatype: Type | null | undefined }
        if (instance === undefined || !metatype || !/^(Experiments|Runs|Compare|Datasets|System|Worker|Events|EventHub|Claims|Recovery|Counters|Run)/.test(metatype.name)) continue
        checked += 1
        for (const [field, value] of Object.entries(instance)) expect([metatype.name, field, value === undefined]).toEqual([metatype.name, field, false])
      }
    }
    expect(checked).toBeGreaterThanOrEqual(18)
  })

  it('queues an experiment sent as JSON or as YAML', async () => {
    const json = await ask<CreatedExperiment>('POST', '/api/experiments', PROMPT)
    expect([json.status, json.body.runs.map((run) => run.params['shots'])]).toEqual([201, [0, 2]])
    const yaml = await ask<CreatedExperiment>('POST', '/api/experiments', YAML, { 'content-type': 'application/yaml' })
    const stored = await ask<Experiment>('GET', `/api/experiments/${yaml.body.id}`)
    expect(stored.body).toMatchObject({ name: 'From a file', status: 'queued', axes: { shots: [0, 1] }, primaryMetric: 'accuracy' })
    expect(stored.body.runs.map((run) => run.colorSlot)).toEqual([0, 1])
    const [, second] = stored.body.runs
    const some = async (runs: string): Promise<Answer<Experiment>> => ask<Experiment>('GET', `/api/experiments/${yaml.body.id}?runs=${runs}`)
    expect((await some(second?.id ?? '')).body).toEqual({ ...stored.body, runs: [second] })
    expect((await some('none')).body).toEqual({ ...stored.body, runs: [] })
    expect(codeOf(await some(json.body.runs[0]?.id ?? ''))).toEqual([404, 'not_found'])
    const page = await ask<ExperimentPage>('GET', '/api/experiments?limit=1')
    expect(page.body).toMatchObject({ experiments: [{ id: yaml.body.id }], next: yaml.body.id })
    expect((await ask<ExperimentPage>('GET', `/api/experiments?limit=1&before=${page.body.next}`)).body.experiments[0]?.id).toBe(json.body.id)
    await drain()
  })

  it('says what an experiment would take without queueing it', async () => {
    const before = (await ask<Health>('GET', '/api/health')).body.counts
    expect(await ask('POST', '/api/experiments/estimate', PROMPT)).toMatchObject({ status: 200, body: { runs: 2, tokens: expect.any(Number) } })
    expect((await ask<Health>('GET', '/api/health')).body.counts).toEqual(before)
  })

  it('estimates the memory of training, and queues nothing that fits no worker', async () => {
    const lora = { name: 'Ranks', kind: 'lora', dataset: 'spam', axes: { rank: [1, 64] }, fixed: { steps: 10 } }
    const { body } = await ask<Estimate>('POST', '/api/experiments/estimate', lora)
    const [first, second] = body.cells.map(({ memoryBytes }) => memoryBytes ?? 0)
    expect(body.cells.map(({ params }) => params)).toEqual([{ rank: 1 }, { rank: 64 }])
    expect(first).toBeGreaterThan(1e8)
    expect(second).toBeGreaterThan(first ?? Infinity)
    expect([body.memoryBytes, (body.flops ?? 0) > 1e9]).toEqual([second, true])
    const beat = (memoryBytes: number) => ask('POST', '/api/worker/heartbeat', { worker: 'small', host: 'h', devices: [{ id: 'cpu', kind: 'cpu', name: 'c', threads: 1, memoryBytes }], running: [] })
    await beat(1e8)
    const refused = await ask<ErrorBody>('POST', '/api/experiments', lora)
    expect([refused.status, refused.body.error.message]).toEqual([400, expect.stringMatching(/fits no worker: this run needs about .* and the largest worker, small, has 0\.1 GB; set gradientCheckpointing/)])
    await beat(64e9)
    await queue(lora)
    await drain()
  })

  it('gives a worker no second run that does not fit into its memory beside the first', async () => {
    const lora = { name: 'Side by side', kind: 'lora', dataset: 'spam', axes: { rank: [8, 16] }, fixed: { steps: 10 } }
    const { body } = await ask<Estimate>('POST', '/api/experiments/estimate', lora)
    const beat = (memoryBytes: number) => ask('POST', '/api/worker/heartbeat', { worker: CLAIM.worker, host: 'h', devices: [{ id: 'cpu', kind: 'cpu', name: 'c', threads: 2, memoryBytes }], running: [] })
    await beat(1.2 * (body.memoryBytes ?? NaN))
    await queue(lora)
    const first = await claim()
    expect((await ask('POST', '/api/worker/claim', CLAIM)).status).toBe(204)
    const other = await ask<Assignment>('POST', '/api/worker/claim', { ...CLAIM, worker: 'other' })
    expect([other.status, other.body.params['rank']]).toEqual([200, 16])
    await ask('POST', `/api/worker/runs/${other.body.runId}/finish`, { attempt: 1, status: 'released' })
    expect((await ask('POST', '/api/worker/claim', CLAIM)).status).toBe(204)
    await beat(2.5 * (body.memoryBytes ?? NaN))
    const second = await claim()
    expect([first.params['rank'], second.params['rank'], second.attempt]).toEqual([8, 16, 2])
    for (const { runId, attempt } of [first, second]) await ask('POST', `/api/worker/runs/${runId}/finish`, { attempt, status: 'cancelled', summary: null })
  })

  it('refuses a bad file with path, line, value and choices, and stores nothing', async () => {
    const before = (await ask<Health>('GET', '/api/health')).body.counts
    const bad = YAML.replace('shots: [0, 1]', 'shots: [0, many]')
    const answer = await ask<ErrorBody>('POST', '/api/experiments', bad, { 'content-type': 'application/yaml' })
    expect(answer).toMatchObject({ status: 400, body: { error: { code: 'invalid_spec', problems: [{ path: 'axes.shots[1]', line: 5, seen: '"many"' }] } } })
    expect(answer.body.error.requestId).toBe(answer.headers.get('x-request-id'))
    expect(codeOf(await ask('POST', '/api/experiments', 'name: [', { 'content-type': 'application/yaml' }))).toEqual([400, 'invalid_spec'])
    expect(codeOf(await ask('POST', '/api/experiments', '', { 'content-type': 'application/yaml' }))).toEqual([400, 'invalid_spec'])
    expect(codeOf(await ask('POST', '/api/experiments', { ...PROMPT, dataset: 'nope' }))).toEqual([400, 'invalid_spec'])
    expect(codeOf(await ask('POST', '/api/experiments', 'x', { 'content-type': 'text/csv' }))).toEqual([415, 'unsupported_media_type'])
    expect(codeOf(await ask('POST', '/api/experiments', 'x'.repeat(1_100_000), { 'content-type': 'application/yaml' }))).toEqual([413, 'too_large'])
    expect((await ask<Health>('GET', '/api/health')).body.counts).toEqual(before)
  })

  it('answers what it does not know or understand in one shape', async () => {
    expect(codeOf(await ask('GET', '/api/experiments/none'))).toEqual([404, 'not_found'])
    expect(codeOf(await ask('GET', '/api/runs/none/metrics'))).toEqual([404, 'not_found'])
    expect(codeOf(await ask('GET', '/api/nothing/here'))).toEqual([404, 'not_found'])
    expect(codeOf(await ask('GET', '/api/runs/a%00b'))).toEqual([400, 'invalid_request'])
    expect(codeOf(await ask('GET', '/api/compare?runs=none'))).toEqual([404, 'not_found'])
    expect(codeOf(await ask('GET', '/api/datasets/..%2F..%2Fetc'))).toEqual([404, 'not_found'])
    expect(codeOf(await ask('POST', '/api/worker/claim', '{', { 'content-type': 'application/json' }))).toEqual([400, 'invalid_request'])
    expect(await ask('GET', '/api/experiments?limit=0')).toMatchObject({ status: 400, body: { error: { code: 'invalid_request', problems: [{ path: 'query.limit', seen: '"0"' }] } } })
    expect(await ask('POST', '/api/worker/claim', { worker: 'a b', kinds: [] })).toMatchObject({ status: 400, body: { error: { problems: [{ path: 'worker', seen: '"a b"' }] } } })
  })

  it('refuses on every path what no name holds and no column takes', async () => {
    interface Operation { parameters?: { name: string; in: string; required?: boolean }[] }
    const { body } = await ask<{ paths: Record<string, Record<string, Operation>> }>('GET', '/api/docs/json')
    const failed: string[] = []
    for (const [path, operations] of Object.entries(body.paths)) {
      for (const [method, { parameters = [] }] of Object.entries(operations)) {
        for (const { name, in: place } of path === '/api/events' ? [] : parameters) {
          for (const value of ['%00', '2147483648']) {
            const filled = path.replaceAll(/\{(\w+)\}/g, (_, key: string) => (key === name ? value : '1'))
            const query = parameters.flatMap((other) => (other.in !== 'query' ? [] : other.name === name && place === 'query' ? `${name}=${value}` : other.required === true ? `${other.name}=1` : [])).join('&')
            const { status } = await ask(method.toUpperCase(), `${filled}?${query}`, ['post', 'put', 'patch'].includes(method) ? {} : undefined)
            if (status >= 500) failed.push(`${status} ${method} ${filled}?${query}`)
          }
        }
      }
    }
    expect(failed).toEqual([])
    const [id] = await queue()
    const { attempt } = await claim()
    const points = [{ key: 'loss', step: 2 ** 31, value: 1, time: 1 }]
    expect(codeOf(await ask('POST', `/api/worker/runs/${id}/metrics`, { attempt, points }))).toEqual([400, 'invalid_request'])
    expect(codeOf(await ask('PUT', '/api/annotations', { runId: 'a\0', itemId: 'x', annotator: 'me' }))).toEqual([400, 'invalid_request'])
    await drain()
  })

  it('refuses requests made by a foreign page or to a foreign name', async () => {
    const { hostname, port } = new URL(server.url)
    const send = (method: string, headers: Record<string, string>): Promise<number> =>
      new Promise((resolve, reject) => {
        const sent = httpRequest({ host: hostname, port, path: '/api/health', method, headers }, (response) => {
          response.resume()
          resolve(response.statusCode ?? 0)
        })
        sent.on('error', reject)
        sent.end()
      })
    expect(await send('GET', { host: 'evil.example' })).toBe(403)
    expect(await send('GET', { host: `localhost:${port}` })).toBe(200)
    expect(await send('POST', { host: `localhost:${port}`, origin: 'http://evil.example' })).toBe(403)
    expect(await send('POST', { host: `localhost:${port}`, origin: `http://localhost:${port}` })).toBe(404)
  })

  it('gives each run to one of many workers, in order', async () => {
    const ids = await queue()
    const answers = await Promise.all(Array.from({ length: 5 }, () => ask<Assignment>('POST', '/api/worker/claim', CLAIM)))
    expect(answers.map(({ status }) => status).sort()).toEqual([200, 200, 204, 204, 204])
    expect(answers.filter(({ status }) => status === 200).map(({ body }) => body.runId).sort()).toEqual([...ids].sort())
    await drain()
  })

  it('holds a claim open until a run comes', async () => {
    const waiting = ask<Assignment>('POST', '/api/worker/claim', { ...CLAIM, waitMs: 20_000 })
    await pause(100)
    const [first] = await queue()
    expect((await waiting).body.runId).toBe(first)
    await drain()
  })

  it('takes a run from claim to finish, and every batch twice', async () => {
    const [id = ''] = await queue()
    const { attempt } = await claim()
    const at = `/api/worker/runs/${id}`
    const batch = { attempt, points: [{ key: 'items/accuracy', step: 1, value: 'NaN', time: 1 }, { key: 'items/accuracy', step: 2, value: 0.5, time: 2 }] }
    const answered = { attempt, examples: [example('a', 1), example('b', 'NaN')] }
    for (let turn = 0; turn < 2; turn += 1) {
      expect((await ask('POST', `${at}/metrics`, batch)).status).toBe(204)
      expect((await ask('POST', `${at}/examples`, answered)).status).toBe(204)
      expect((await ask('POST', `${at}/logs`, { attempt, lines: [{ time: 1, level: 'info', message: 'hello' }] })).status).toBe(204)
    }
    expect(await ask('POST', `${at}/heartbeat`, { worker: 'tester', attempt, progress: { done: 2, total: 4, unit: 'items' } })).toMatchObject({ status: 200, body: { cancel: false } })
    const { series } = (await ask<MetricsAnswer>('GET', `/api/runs/${id}/metrics?keys=items/accuracy&maxPoints=10`)).body
    expect(series).toMatchObject([{ key: 'items/accuracy', points: 2, buckets: [{ last: 'NaN', nonFinite: 1, min: null }, { last: 0.5 }] }])
    expect((await ask('GET', `/api/metrics?runs=${id}&keys=items/accuracy&maxPoints=10&digits=6`)).body).toMatchObject({ runs: [{ runId: id, series: [{ key: 'items/accuracy', points: 2, lasts: ['NaN', 0.5], spread: null }] }] })
    const packed = await fetch(`${server.url}/api/metrics?runs=${id}&keys=items/accuracy&maxPoints=10&digits=6`, { headers: { accept: SERIES_BYTES } })
    expect([packed.status, packed.headers.get('content-type'), packed.headers.get('vary')]).toEqual([200, SERIES_BYTES, 'Accept'])
    expect(readSeries(await packed.arrayBuffer())).toMatchObject([{ runId: id, series: [{ key: 'items/accuracy', points: 2, lasts: ['NaN', 0.5], spread: null }] }])
    expect(codeOf(await ask('GET', `/api/metrics?runs=${id},nobody`))).toEqual([404, 'not_found'])
    expect(codeOf(await ask('GET', '/api/metrics?runs='))).toEqual([400, 'invalid_request'])
    const page = (await ask<ExamplePage>('GET', `/api/runs/${id}/examples`)).body
    expect([page.total, page.examples.map(({ scores }) => scores['accuracy'])]).toEqual([2, [1, 'NaN']])
    expect((await ask('GET', `/api/runs/${id}/logs`)).body).toMatchObject({ lines: [{ message: 'hello' }] })

    const stale = { ...batch, attempt: attempt + 1 }
    expect(codeOf(await ask('POST', `${at}/metrics`, stale))).toEqual([409, 'fenced'])
    const summary = { metrics: {}, primaryMetric: 'accuracy', latency: null, tokensIn: null, tokensOut: null, costUsd: null, durationMs: 1 }
    for (let turn = 0; turn < 2; turn += 1) expect((await ask('POST', `${at}/finish`, { attempt, status: 'succeeded', summary })).status).toBe(204)
    expect(codeOf(await ask('POST', `${at}/metrics`, batch))).toEqual([409, 'fenced'])
    expect((await ask<Run>('GET', `/api/runs/${id}`)).body).toMatchObject({ status: 'succeeded', latest: { 'items/accuracy': 0.5 }, summary })
    await drain()
  })

  it('keeps a checkpoint byte for byte and lets it be picked', async () => {
    const [id = ''] = await queue({ name: 'Tune', kind: 'lora', dataset: 'spam' })
    const { attempt } = await claim()
    const bytes = new Uint8Array(300_000).map((_, index) => (index * 7) % 256)
    const sha256 = createHash('sha256').update(bytes).digest('hex')
    const at = `/api/worker/runs/${id}/checkpoints/20`
    const upload = await ask(`PUT`, `${at}/files/adapter.safetensors?attempt=${attempt}`, bytes, { 'content-type': 'application/json' })
    expect(upload).toMatchObject({ status: 200, body: { sizeBytes: 300_000, sha256 } })
    expect(codeOf(await ask('PUT', `${at}/files/..%2Fescape?attempt=${attempt}`, bytes))).toEqual([400, 'invalid_request'])
    expect(codeOf(await ask('PUT', `${at}/files/late.bin?attempt=${attempt + 1}`, bytes))).toEqual([409, 'fenced'])
    const commit = { attempt, metrics: { 'eval/loss': 0.5 }, samples: [{ step: 20, index: 0, prompt: 'p', output: 'o', expected: null }], losses: [{ itemId: 'a', loss: 'NaN', tokens: 2 }, { itemId: 'b', loss: 0.5, tokens: 3 }], evaluatedItems: 7, itemTokens: [{ itemId: 'a', texts: ['Spam? ', ' yes', '.'], counted: [false, true, true] }], tokenLosses: [{ itemId: 'a', step: 20, losses: packFloats(Float32Array.of(NaN, 0.25)) }], files: [{ name: 'adapter.safetensors', sizeBytes: 300_000, sha256 }] }
    expect((await ask('POST', at, commit)).status).toBe(204)
    const back = await fetch(`${server.url}/api/runs/${id}/checkpoints/20/files/adapter.safetensors`)
    expect(createHash('sha256').update(new Uint8Array(await back.arrayBuffer())).digest('hex')).toBe(sha256)
    expect((await ask('POST', `/api/runs/${id}/checkpoints/20/pick`)).body).toMatchObject({ checkpoints: [{ step: 20, picked: true, best: true }] })
    expect(codeOf(await ask('POST', `/api/runs/${id}/checkpoints/21/pick`))).toEqual([404, 'not_found'])
    expect((await ask<Run>('GET', `/api/runs/${id}`)).body.pickedStep).toBe(20)
    expect((await ask('GET', `/api/runs/${id}/samples`)).body).toMatchObject({ samples: [{ step: 20, output: 'o' }] })
    expect((await ask('GET', `/api/runs/${id}/losses`)).body).toEqual({ evaluatedItems: 7, items: [{ id: 'a', tokens: 2, tokenEvaluations: 1 }, { id: 'b', tokens: 3, tokenEvaluations: 0 }], evaluations: [{ step: 20, losses: ['NaN', 0.5] }] })
    expect((await ask('GET', `/api/runs/${id}/losses/tokens?item=a`)).body).toEqual({
      itemId: 'a', pieces: [{ text: 'Spam? ', counted: false }, { text: ' yes', counted: true }, { text: '.', counted: true }], evaluations: [{ step: 20, losses: ['NaN', 0.25] }],
    })
    expect(codeOf(await ask('GET', `/api/runs/${id}/losses/tokens?item=b`))).toEqual([404, 'not_found'])
    expect(codeOf(await ask('POST', at, { ...commit, tokenLosses: [{ itemId: 'a', step: 20, losses: 'AAA=' }] }))).toEqual([400, 'invalid_request'])

    const later = at.replace('20', '40')
    await ask('PUT', `${later}/files/adapter.safetensors?attempt=${attempt}`, bytes.subarray(1))
    const rest = { name: 'adapter.safetensors', sizeBytes: 299_999, sha256: createHash('sha256').update(bytes.subarray(1)).digest('hex') }
    expect((await ask('POST', later, { ...commit, samples: [], files: [rest] })).status).toBe(204)
    const stepsLeft = async (): Promise<number[]> => (await ask<{ checkpoints: { step: number }[] }>('GET', `/api/runs/${id}/checkpoints`)).body.checkpoints.map(({ step }) => step)
    expect((await ask('DELETE', `${at}?attempt=${attempt}`)).status).toBe(204)
    expect(await stepsLeft()).toEqual([20, 40])
    await ask('DELETE', `/api/runs/${id}/checkpoints/20/pick`)
    expect(codeOf(await ask('DELETE', `${at}?attempt=${attempt + 1}`))).toEqual([409, 'fenced'])
    expect((await ask('DELETE', `${at}?attempt=${attempt}`)).status).toBe(204)
    expect(await stepsLeft()).toEqual([40])
    expect((await fetch(`${server.url}/api/runs/${id}/checkpoints/20/files/adapter.safetensors`)).status).toBe(404)
    expect(await readdir(join(home.path, 'artifacts', id))).toEqual([rest.sha256])
    await drain()
  })

  it('compares runs on the items they share', async () => {
    const ids = await queue()
    for (const [index, id] of ids.entries()) {
      const { attempt } = await claim()
      const examples = Array.from({ length: 30 }, (_, item) => example(`${item}`, item % 3 === 0 || index === 1 ? 1 : 0))
      await ask('POST', `/api/worker/runs/${id}/examples`, { attempt, examples })
    }
    const { status, body } = await ask<Comparison>('GET', `/api/compare?runs=${ids.join(',')}&metric=accuracy&limit=5`)
    expect(status).toBe(200)
    expect(body).toMatchObject({ baselineId: ids[0], totalExamples: 30, tests: [{ runId: ids[1], n: 30, wins: 20, losses: 0, verdict: 'better' }] })
    expect(body.examples).toHaveLength(5)
    expect(body.examples[1]).toEqual({ itemId: '1', input: 'in 1', target: 'ham', cells: { [ids[0] ?? '']: { output: 'ham', score: 0, status: 'scored' }, [ids[1] ?? '']: { output: 'ham', score: 1, status: 'scored' } } })

    const asked = `/api/compare?runs=${ids.join(',')}&metric=accuracy&margin=0.1&test=paired-t&show=b-better&offset=18&limit=5`
    const more = (await ask<Comparison>('GET', asked)).body
    expect(more).toMatchObject({ totalExamples: 20, best: { runIds: [ids[1]] }, tests: [{ method: 'paired-t', nonInferiority: { margin: 0.1, verdict: 'not worse' } }] })
    expect(more.examples.map(({ itemId }) => itemId)).toEqual(['28', '29'])
    expect((await ask<Plan>('GET', `/api/plan?difference=0.1&runs=${ids.join(',')}`)).body).toMatchObject({ items: expect.any(Number), basis: expect.stringContaining('on 30 items') })
    expect((await ask<Plan>('GET', '/api/plan?difference=0.03&accuracy=0.5&correlation=0')).body).toMatchObject({ items: 4361, unpairedItems: 4361 })
    for (const bad of ['', '?difference=0', '?difference=0.1&accuracy=2', `?difference=0.1&runs=${ids[0]}`]) expect(codeOf(await ask('GET', `/api/plan${bad}`))).toEqual([400, 'invalid_request'])
    const dear = (await ask<Comparison>('GET', `/api/compare?runs=${ids.join(',')}&limit=0&errorCostUsd=0.5`)).body
    expect(dear.runs.map(({ expectedCost }) => expectedCost?.per1000Usd)).toEqual([expect.closeTo(10 + 1000 * (2 / 3) * 0.5, 6), expect.closeTo(10, 6)])
    expect(dear).toMatchObject({ errorCostUsd: 0.5, tests: [{ expectedCost: { per1000Usd: expect.closeTo(-1000 / 3, 6), covers: 'errors and answers' } }] })
    expect(more).toMatchObject({ errorCostUsd: null, runs: [{ expectedCost: null, costBasis: { n: 30 } }, { expectedCost: null }] })
    const refused = ['&errorCostUsd=-1', '&errorCostUsd=much', `&test=wilcoxon&margin=-1`, '&show=nothing', '&a=nobody', '&metric=acc']
    for (const bad of refused) expect(codeOf(await ask('GET', `/api/compare?runs=${ids.join(',')}${bad}`))).toEqual([400, 'invalid_request'])
    await drain()
  })

  it('tells events live and from where a reader left off', async () => {
    const reading = async (path: string, headers: Record<string, string> = {}) => {
      const stop = new AbortController()
      const response = await fetch(server.url + path, { headers, signal: stop.signal })
      const events: ServerEvent[] = []
      const ended = (async () => {
        const decoder = new TextDecoder()
        let text = ''
        for await (const chunk of response.body ?? []) {
          text += decoder.decode(chunk, { stream: true })
          const blocks = text.split('\n\n')
          text = blocks.pop() ?? ''
          for (const block of blocks) {
            const [id, data] = [/^id: (\d+)$/m.exec(block)?.[1], /^data: (.+)$/m.exec(block)?.[1]]
            if (data === undefined) continue
            const event = JSON.parse(data) as ServerEvent
            expect(String(event.seq)).toBe(id)
            events.push(event)
          }
        }
      })().catch(() => undefined)
      return { events, leave: async () => (stop.abort(), ended) }
    }
    const live = await reading('/api/events')
    const [id = ''] = await queue()
    await expect.poll(() => live.events.map(({ type }) => type)).toContain('experiment.created')
    const seen = live.events.at(-1)?.seq ?? 0
    await live.leave()
    const { attempt } = await claim()
    await ask('POST', `/api/worker/runs/${id}/metrics`, { attempt, points: [{ key: 'k', step: 1, value: 1, time: 1 }] })
    const resumed = await reading('/api/events', { 'last-event-id': String(seen) })
    await expect.poll(() => resumed.events.map(({ type }) => type)).toContain('run.metrics')
    expect(resumed.events.map(({ seq }) => seq)).toEqual(resumed.events.map((_, index) => seen + 1 + index))
    await resumed.leave()
    const lost = await reading('/api/events?since=99999999')
    await expect.poll(() => lost.events).toMatchObject([{ type: 'reset' }])
    await lost.leave()
    await drain()
  })

  it('describes every path of its own', async () => {
    const { status, body } = await ask<{ paths: Record<string, unknown>; components: { schemas: object } }>('GET', '/api/docs/json')
    expect(status).toBe(200)
    expect(Object.keys(body.paths)).toEqual(expect.arrayContaining(['/api/experiments', '/api/experiments/{id}', '/api/runs/{id}/metrics', '/api/compare', '/api/events', '/api/worker/claim', '/api/health']))
    expect(JSON.stringify(body)).toContain('"maxPoints"')
    const page = await ask<string>('GET', '/api/docs')
    expect([page.status, /(?:src|href)="(?:https?:)?\/\//.test(page.body)]).toEqual([200, false])
  })
})

describe('a server with a token', () => {
  it('answers only who shows it', async () => {
    await using home = await temporaryFolder()
    const server = await startServerHere(home.path, { BANCADA_TOKEN: 'open sesame' })
    try {
      const ask = clientOf(server.url)
      expect((await ask('GET', '/api/health')).status).toBe(401)
      expect((await ask('GET', '/api/health', undefined, { authorization: 'Bearer wrong' })).status).toBe(401)
      expect((await ask('GET', '/api/health', undefined, { authorization: 'Bearer open sesame' })).status).toBe(200)
      // Neither another case nor a second slash makes a route a page, and a page is only read.
      for (const [method, path] of [['POST', '/API/experiments'], ['POST', '/Api/experiments/purge'], ['GET', '/API/runs/x/checkpoints/1/files/a.bin'], ['GET', '//api/health'], ['POST', '//api/experiments'], ['DELETE', '/%61pi/experiments/x'], ['POST', '/']] as const) {
        expect([method, path, (await ask(method, path)).status]).toEqual([method, path, 401])
      }
      const signedIn = await fetch(`${server.url}/?token=open%20sesame&page=1`, { redirect: 'manual' })
      const cookie = signedIn.headers.get('set-cookie') ?? ''
      expect([signedIn.status, signedIn.headers.get('location'), /HttpOnly; SameSite=Strict/.test(cookie)]).toEqual([303, '/?page=1', true])
      expect((await ask('GET', '/api/health', undefined, { cookie: cookie.split(';')[0] ?? '' })).status).toBe(200)
    } finally {
      await server.close()
    }
  })
})

describe('a data folder', () => {
  it('belongs to one server; the next start goes on where the last one was', async () => {
    await using home = await temporaryFolder()
    const first = await startServerHere(home.path)
    let closed = false
    try {
      const { body } = await clientOf(first.url)<CreatedExperiment>('POST', '/api/experiments', PROMPT)
      await expect(startServerHere(home.path)).rejects.toThrow(/already uses the data folder/)
      await first.close()
      closed = true
      const second = await startServerHere(home.path)
      const claimed = await clientOf(second.url)<Assignment>('POST', '/api/worker/claim', { ...CLAIM, waitMs: 5_000 })
      await second.close()
      expect(claimed.body.runId).toBe(body.runs[0]?.id)
      expect(await readFile(`${home.path}/server.lock`, 'utf8').catch(() => 'released')).toBe('released')
    } finally {
      if (!closed) await first.close()
    }
  })
})
