/**
 * The faults that a workbench must survive: `kill -9` of the worker and of the server in mid-run.
 * Afterwards the run has gone on where it was and has each point and each example exactly once.
 */
import { describe, expect, it } from 'vitest'
import type { Checkpoint, CreatedExperiment, Example, MetricSeries, Run } from '../../server/contracts/index.js'
import { freePort, isOver, killTree, startServer, startWorker, temporaryFolder, until } from '../support/bancada.js'

const TRAINING = {
  name: 'Training that is killed',
  kind: 'lora',
  dataset: 'spam',
  fixed: { rank: 4, steps: 40, batchSize: 4, maxLength: 64, evalEvery: 5, evalLimit: 16, trainLimit: 160, testLimit: 20, samples: ['win money now'] },
}
const PROMPTING = { name: 'Prompting that is killed', kind: 'prompt', dataset: 'spam', fixed: { limit: 120, shots: 1 } }

async function pointsOf(get: <T>(path: string) => Promise<T>, runId: string, key: string) {
  const [series] = (await get<{ series: MetricSeries[] }>(`/api/runs/${runId}/metrics?keys=${encodeURIComponent(key)}&maxPoints=10000`)).series
  if (!series) throw new Error(`the run has no series ${key}`)
  return series
}

async function expectEveryStepOnce(get: <T>(path: string) => Promise<T>, run: Run): Promise<void> {
  const loss = await pointsOf(get, run.id, 'train/loss')
  expect(loss.points).toBe(40)
  expect(loss.buckets.map((bucket) => [bucket.firstStep, bucket.n])).toEqual(Array.from({ length: 40 }, (_, index) => [index + 1, 1]))
}

async function expectEveryExampleOnce(get: <T>(path: string) => Promise<T>, run: Run): Promise<void> {
  const { examples, total } = await get<{ examples: Example[]; total: number }>(`/api/runs/${run.id}/examples?limit=1000`)
  expect(total).toBe(120)
  expect(new Set(examples.map((example) => example.itemId)).size).toBe(120)
  expect(run.summary?.metrics['accuracy']?.n).toBe(120)
}

describe('kill -9', () => {
  it('of the worker in mid-training: another one goes on from the last checkpoint', async () => {
    await using home = await temporaryFolder()
    await using server = await startServer(home.path)
    const created = await server.post<CreatedExperiment>('/api/experiments', TRAINING)
    const id = created.runs[0]?.id ?? ''
    const doomed = startWorker(server.url, home.path, 'doomed')
    await until(() => server.get<{ checkpoints: Checkpoint[] }>(`/api/runs/${id}/checkpoints`), ({ checkpoints }) => checkpoints.length >= 3)
    killTree(doomed)
    const before = await server.get<Run>(`/api/runs/${id}`)
    expect(before.status).toBe('running')

    await using _heir = startWorker(server.url, home.path, 'heir')
    const run = await until(() => server.get<Run>(`/api/runs/${id}`), isOver)
    expect([run.status, run.error]).toEqual(['succeeded', null])
    expect(run.attempt).toBeGreaterThan(1)
    await expectEveryStepOnce(server.get, run)
  })

  it('of the worker in mid-prompting: examples already scored are not asked again', async () => {
    await using home = await temporaryFolder()
    await using server = await startServer(home.path)
    const created = await server.post<CreatedExperiment>('/api/experiments', PROMPTING)
    const id = created.runs[0]?.id ?? ''
    const doomed = startWorker(server.url, home.path, 'doomed')
    await until(() => server.get<{ total: number }>(`/api/runs/${id}/examples?limit=1`), ({ total }) => total >= 20)
    killTree(doomed)
    await using _heir = startWorker(server.url, home.path, 'heir')
    const run = await until(() => server.get<Run>(`/api/runs/${id}`), isOver)
    expect([run.status, run.error]).toEqual(['succeeded', null])
    expect(run.attempt).toBeGreaterThan(1)
    await expectEveryExampleOnce(server.get, run)
  })

  it('of the server in mid-run: nothing acknowledged is lost and the run ends whole', async () => {
    await using home = await temporaryFolder()
    const port = await freePort()
    let id: string
    {
      const server = await startServer(home.path, { port, args: ['--no-examples'] })
      const created = await server.post<CreatedExperiment>('/api/experiments', TRAINING)
      id = created.runs[0]?.id ?? ''
      await until(() => server.get<{ checkpoints: Checkpoint[] }>(`/api/runs/${id}/checkpoints`), ({ checkpoints }) => checkpoints.length >= 2)
      expect((await server.get<Run>(`/api/runs/${id}`)).latest['train/loss']).toBeDefined()
      server.kill('SIGKILL')
      await server.ended
    }
    await using server = await startServer(home.path, { port, args: ['--no-examples'] })
    const run = await until(() => server.get<Run>(`/api/runs/${id}`), isOver)
    expect([run.status, run.error]).toEqual(['succeeded', null])
    await expectEveryStepOnce(server.get, run)
  })
})
