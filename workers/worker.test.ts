import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import { expect, onTestFinished, test } from 'vitest'
import type { Assignment } from '../server/contracts/index.js'
import { assignmentWith, ProtocolServer } from './fixtures/protocol-server.js'
import { ServerClient } from './server-client.js'
import { Worker } from './worker.js'

const SUMMARY = { metrics: {}, primaryMetric: 'accuracy', latency: null, tokensIn: null, tokensOut: null, costUsd: null, durationMs: 1 }

/** Lets a worker with 2 threads do runs that each tell when they ran and with how many threads, then stops it. */
async function work(assignments: Partial<Assignment>[], parallel = 2): Promise<{ threads: number; begun: number; ended: number }[]> {
  await using server = await ProtocolServer.start()
  const folder = await mkdtemp(join(tmpdir(), 'bancada-worker-'))
  onTestFinished(() => rm(folder, { recursive: true }))
  const child = join(folder, 'child.mjs')
  const tell = "`${message.threads} ${begun} ${Date.now()}`"
  await writeFile(child, `process.on('disconnect', () => process.exit(1))
process.on('message', (message) => {
  if (message.type !== 'start') return
  const begun = Date.now()
  setTimeout(() => {
    process.send({ type: 'line', line: { time: 1, level: 'info', message: ${tell} } })
    process.send({ type: 'succeeded', summary: ${JSON.stringify(SUMMARY)} })
  }, 700)
})
`)
  server.assignments = assignments.map((more, index) => assignmentWith({ runId: `run-${index}`, ...more }))
  const stop = new AbortController()
  const worker = new Worker({
    client: new ServerClient({ baseUrl: server.url, token: null }), name: 'w', threads: 2, parallel,
    places: { root: folder, home: folder, cacheFolder: folder, datasetRoots: [], modelRoots: [] }, childModule: pathToFileURL(child), probeModule: pathToFileURL(child), stop: stop.signal, log: () => undefined,
  })
  const working = worker.work()
  await expect.poll(() => server.finishes.length).toBe(assignments.length)
  stop.abort()
  await working
  return server.logs.map((line) => line.replace('info: ', '').split(' ').map(Number)).map(([threads = 0, begun = 0, ended = 0]) => ({ threads, begun, ended }))
}

test('one run that waits gets all threads', async () => {
  expect(await work([{}])).toMatchObject([{ threads: 2 }])
})

test('runs that wait together run side by side, and the next takes the place of the first to end', async () => {
  const [first, second, third] = await work([{}, {}, {}])
  expect([first?.threads, second?.threads]).toEqual([1, 1])
  expect(Math.max(first?.begun ?? NaN, second?.begun ?? NaN)).toBeLessThan(Math.min(first?.ended ?? NaN, second?.ended ?? NaN))
  expect(third?.begun).toBeGreaterThanOrEqual(Math.min(first?.ended ?? NaN, second?.ended ?? NaN))
})

test('runs take turns where only one is wanted at a time, and beside a run on an accelerator none begins', async () => {
  for (const runs of [await work([{}, {}], 1), await work([{ params: { device: 'webgpu' } }, {}])]) {
    expect(runs.map(({ threads }) => threads)).toEqual([2, 2])
    expect(runs[1]?.begun).toBeGreaterThanOrEqual(runs[0]?.ended ?? NaN)
  }
})
