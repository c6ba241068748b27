import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import { expect, onTestFinished, test } from 'vitest'
import type { Assignment } from '../server/contracts/index.js'
import { assignmentWith, ProtocolServer } from './fixtures/protocol-server.js'
import { ServerClient } from './server-client.js'
import { startChild } from './spare-child.js'
import { superviseRun, type Outcome } from './supervisor.js'

const POINT = "process.send({ type: 'data', points: [{ key: 'train/loss', step: 1, value: 0.5, time: 1 }], examples: [] })"
/** Computes without ever coming back to its event loop, as a native call does. */
const STUCK = 'Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0)'
const SUMMARY = { metrics: {}, primaryMetric: 'accuracy', latency: null, tokensIn: null, tokensOut: null, costUsd: null, durationMs: 1 }

/** Supervises a child process whose whole program is `onStart`, run when its start message comes. */
async function supervise(server: ProtocolServer, onStart: string, more: { assignment?: Partial<Assignment>; stop?: AbortSignal } = {}): Promise<Outcome> {
  const folder = await mkdtemp(join(tmpdir(), 'bancada-supervisor-'))
  onTestFinished(() => rm(folder, { recursive: true }))
  const program = join(folder, 'child.mjs')
  await writeFile(program, `process.on('disconnect', () => process.exit(1))\nprocess.on('message', async (message) => { if (message.type !== 'start') return; ${onStart} })\n`)
  return superviseRun({
    assignment: assignmentWith(more.assignment),
    client: new ServerClient({ baseUrl: server.url, token: null }),
    worker: 'w',
    threads: 1,
    devices: [],
    takeChild: () => startChild(pathToFileURL(program)),
    home: folder,
    cacheFolder: folder,
    datasetRoots: [],
    modelRoots: [],
    stop: more.stop ?? new AbortController().signal,
    log: () => undefined,
  })
}

test('a run that succeeds leaves its points and its summary', async () => {
  await using server = await ProtocolServer.start()
  await supervise(server, `${POINT}; process.send({ type: 'succeeded', summary: ${JSON.stringify(SUMMARY)} })`)
  expect(server.order).toEqual(['metrics', 'finish'])
  expect(server.finishes).toEqual([{ attempt: 1, status: 'succeeded', summary: SUMMARY }])
})

// Retried: what else the machine does meanwhile may hold it up, but not each time.
test('a cancel stops a child that is stuck in a native call, within 2 s', { retry: 2 }, async () => {
  await using server = await ProtocolServer.start()
  const ended = supervise(server, `${POINT}; setTimeout(() => ${STUCK}, 50)`)
  await expect.poll(() => server.points.length).toBe(1)
  const cancelledAt = performance.now()
  server.cancel = true
  expect(await ended).toEqual({ status: 'cancelled', summary: null })
  expect(performance.now() - cancelledAt).toBeLessThan(2_000)
  expect(server.finishes).toEqual([{ attempt: 1, status: 'cancelled', summary: null }])
})

test('a fenced run is stopped and says nothing more', async () => {
  await using server = await ProtocolServer.start()
  server.intercept = (_, path) => (path.endsWith('/heartbeat') ? { status: 409, code: 'fenced' } : null)
  expect(await supervise(server, STUCK)).toEqual({ status: 'fenced' })
  expect(server.finishes).toEqual([])
})

test('a run that uses up its minutes fails with what it had reported', async () => {
  await using server = await ProtocolServer.start()
  const assignment = { budget: { minutes: 0.5 }, resume: { ...assignmentWith().resume, elapsedMs: 29_500 } }
  expect(await supervise(server, `${POINT}; process.send({ type: 'progress', progress: { done: 7, total: 20, unit: 'steps' } })`, { assignment })).toMatchObject({
    status: 'failed',
    error: { code: 'budget_exceeded', message: expect.stringContaining('0.5 minutes was used up at 7 of 20 steps') as string },
  })
  expect(server.order.at(-1)).toBe('finish')
  expect(server.points).toHaveLength(1)
})

test('a killed child is queued again; one that keeps dying fails with its last words', async () => {
  await using server = await ProtocolServer.start()
  const dies = "process.stderr.write('heap is full', () => process.kill(process.pid, 'SIGKILL'))"
  expect(await supervise(server, dies)).toEqual({ status: 'released' })
  expect(server.logs[0]).toMatch(/^warn: the process of the run died \(signal SIGKILL, often a sign of too little memory\) in attempt 1 of 3; it is queued again; its last words: heap is full/)
  expect(await supervise(server, dies, { assignment: { attempt: 3 } })).toMatchObject({ status: 'failed', error: { code: 'crashed' } })
})

test('a child that ends without a word has crashed', async () => {
  await using server = await ProtocolServer.start()
  expect(await supervise(server, 'process.exit(3)')).toMatchObject({ status: 'failed', error: { code: 'crashed', message: 'the process of the run died (exit code 3) in attempt 1' } })
})

test('a stopping worker gives its run back, also when the server is away', async () => {
  await using server = await ProtocolServer.start()
  const stop = new AbortController()
  const ended = supervise(server, `${POINT}; ${STUCK}`, { stop: stop.signal })
  await expect.poll(() => server.points.length).toBe(1)
  stop.abort()
  expect(await ended).toEqual({ status: 'released' })
  expect(server.finishes).toEqual([{ attempt: 1, status: 'released' }])

  server.intercept = () => 'drop'
  expect(await supervise(server, STUCK, { stop: stop.signal })).toEqual({ status: 'released' })
})
