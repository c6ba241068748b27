import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, onTestFinished, test } from 'vitest'
import type { Example } from '../server/contracts/index.js'
import { ProtocolServer } from './fixtures/protocol-server.js'
import { Reporter } from './reporter.js'
import { ServerClient, ServerRefusal } from './server-client.js'

function reporterFor(server: ProtocolServer, flushEveryMs = 60_000): { reporter: Reporter; refusals: unknown[] } {
  const refusals: unknown[] = []
  const reporter = new Reporter({
    client: new ServerClient({ baseUrl: server.url, token: 'token' }),
    assignment: { runId: 'run', attempt: 3 },
    signal: new AbortController().signal,
    flushEveryMs,
    onRefusal: (refusal) => refusals.push(refusal),
  })
  onTestFinished(() => reporter.close())
  return { reporter, refusals }
}

const point = (step: number): { key: string; step: number; value: number; time: number } => ({ key: 'train/loss', step, value: 1 / (step + 1), time: 1 })

function example(itemId: string, output = ''): Example {
  const nothing = { cluster: null, target: null, error: null, latencyMs: null, ttftMs: null, tokensIn: null, tokensOut: null, costUsd: null }
  return { ...nothing, itemId, input: '', output, status: 'unscored', scores: {}, details: {} }
}

async function checkpointFolder(): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'bancada-reporter-'))
  onTestFinished(() => rm(folder, { recursive: true }))
  await writeFile(join(folder, 'adapter_config.json'), '{}')
  await writeFile(join(folder, 'adapter_model.safetensors'), Buffer.alloc(300_000, 7))
  return folder
}

test('sends by itself, in batches', async () => {
  await using server = await ProtocolServer.start()
  const { reporter } = reporterFor(server, 10)
  for (let step = 0; step < 100; step++) reporter.addPoint(point(step))
  await expect.poll(() => server.points.length).toBe(100)
  expect(server.order).toEqual(['metrics'])
})

test('drops a checkpoint after the one that takes its place', async () => {
  await using server = await ProtocolServer.start()
  const { reporter } = reporterFor(server)
  const folder = await checkpointFolder()
  for (const step of [1, 2]) void reporter.checkpoint({ step, folder, metrics: {}, samples: [] })
  void reporter.dropCheckpoint(1)
  await reporter.finish({ status: 'released' })
  expect(server.order.filter((what) => !what.startsWith('file'))).toEqual(['checkpoint 1', 'checkpoint 2', 'drop 1', 'finish'])
  expect([...server.checkpoints.keys()]).toEqual([2])
})

test('commits a checkpoint only after every earlier point and example', async () => {
  await using server = await ProtocolServer.start()
  const { reporter } = reporterFor(server)
  const folder = await checkpointFolder()
  reporter.addPoint(point(1))
  reporter.addExample(example('a'))
  const committed = reporter.checkpoint({ step: 1, folder, metrics: { 'eval/loss': Number.NaN }, samples: [{ prompt: 'p', output: 'o', expected: null }], losses: [{ itemId: 'a', loss: Number.NaN, tokens: 3 }] })
  await committed
  reporter.addPoint(point(2))
  await reporter.finish({ status: 'released' })
  expect(server.order).toEqual(['metrics', 'examples', 'file 1/adapter_config.json', 'file 1/adapter_model.safetensors', 'checkpoint 1', 'metrics', 'finish'])
  expect(server.checkpoints.get(1)).toMatchObject({
    attempt: 3,
    metrics: { 'eval/loss': 'NaN' },
    samples: [{ step: 1, index: 0, prompt: 'p', output: 'o', expected: null }],
    losses: [{ itemId: 'a', loss: 'NaN', tokens: 3 }],
    files: [{ name: 'adapter_config.json', sizeBytes: 2 }, { name: 'adapter_model.safetensors', sizeBytes: 300_000 }],
  })
  expect(server.files.get('1/adapter_model.safetensors')).toEqual(Buffer.alloc(300_000, 7))
})

test('waits out faults of every kind without losing or reordering a point', async () => {
  await using server = await ProtocolServer.start()
  const { reporter, refusals } = reporterFor(server, 5)
  let requests = 0
  server.intercept = () => {
    requests += 1
    if (requests % 3 === 1) return { status: 503 }
    return requests % 3 === 2 ? 'drop' : null
  }
  for (let step = 0; step < 30; step++) {
    reporter.addPoint(point(step))
    await new Promise((resolve) => setTimeout(resolve, 10))
  }
  await reporter.flush()
  expect(server.points.map(({ step }) => step)).toEqual(Array.from({ length: 30 }, (_, step) => step))
  expect(refusals).toEqual([])
})

test('a fenced report stops all sending and is told once', async () => {
  await using server = await ProtocolServer.start()
  const { reporter, refusals } = reporterFor(server)
  server.intercept = (_, path) => (path.endsWith('/metrics') ? { status: 409, code: 'fenced' } : null)
  reporter.addPoint(point(1))
  await expect(reporter.flush()).rejects.toMatchObject({ code: 'fenced', meansFenced: true })
  reporter.addExample(example('late'))
  await expect(reporter.finish({ status: 'released' })).rejects.toBeInstanceOf(ServerRefusal)
  expect(refusals).toHaveLength(1)
  expect(server.order).toEqual([])
})

test('examples that do not fit one request go in several, in order', async () => {
  await using server = await ProtocolServer.start()
  const { reporter } = reporterFor(server)
  const ids = Array.from({ length: 7 }, (_, index) => `item-${index}`)
  for (const id of ids) reporter.addExample(example(id, 'x'.repeat(400_000)))
  await reporter.flush()
  expect(server.examples.map(({ itemId }) => itemId)).toEqual(ids)
  expect(server.order.length).toBeGreaterThan(2)
})

test('what the server took is sent again when its answer breaks off, and an answer that is no JSON is told', async () => {
  await using server = await ProtocolServer.start()
  const { reporter, refusals } = reporterFor(server)
  let isCut = true
  server.intercept = (method) => {
    const wasCut = isCut && method === 'PUT'
    if (wasCut) isCut = false
    return wasCut ? 'cut' : null
  }
  await reporter.checkpoint({ step: 1, folder: await checkpointFolder(), metrics: {}, samples: [] })
  expect([refusals, server.order]).toEqual([[], ['file 1/adapter_config.json', 'file 1/adapter_config.json', 'file 1/adapter_model.safetensors', 'checkpoint 1']])
  server.files.set('1/page', Buffer.from('<html>'))
  const client = new ServerClient({ baseUrl: server.url, token: null })
  await expect(client.persist('GET', '/api/worker/runs/run/checkpoints/1/files/page')).rejects.toMatchObject({ code: 'not_json', message: expect.stringContaining('<html>') })
})
