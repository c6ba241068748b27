/* The line of waiting runs: its order, as rows and as delivery, and its pause. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import type { MoveRequest } from '../../server/contracts/index.js'
import { openQueue } from '../../server/queue/open-queue.js'
import type { RunQueue } from '../../server/queue/run-queue.js'
import { ClaimStore } from '../../server/store/claim-store.js'
import type { Database } from '../../server/store/database.js'
import { ExperimentStore, type PlannedExperiment } from '../../server/store/experiment-store.js'
import { QueueStore } from '../../server/store/queue-store.js'
import { RunStore } from '../../server/store/run-store.js'
import { openEmbedded } from '../support/databases.js'
import { describeWith, startRedis } from '../support/services.js'

function plan(runs: number): PlannedExperiment {
  const spec = { kind: 'prompt', name: 'A line', dataset: 'spam', axes: {}, repeats: 1, seed: 1, tags: [], notes: '' } as unknown as PlannedExperiment['spec']
  return {
    spec, datasetHash: 'hash', axes: {}, metrics: ['accuracy'], primaryMetric: 'accuracy', race: null,
    runs: Array.from({ length: runs }, (_, cell) => ({ cell, repeat: 0, seed: 7, name: `${cell}`, params: {}, varied: {} })),
  }
}

function keepsTheOrder(redis: () => Promise<{ url: string; stop(): Promise<void> } | null>): void {
  let database: Database
  let queue: RunQueue
  let line: QueueStore
  let stop: () => Promise<void>

  beforeAll(async () => {
    const embedded = await openEmbedded()
    const service = await redis()
    database = embedded.database
    queue = await openQueue({ redisUrl: service?.url, database }, () => undefined)
    line = new QueueStore(database)
    stop = async () => {
      await queue.close()
      await service?.stop()
      await embedded.stop()
    }
  })
  afterAll(() => stop())

  const names = async (): Promise<string[]> => (await line.waiting(100)).map(({ name }) => name)
  const move = async (name: string, to: MoveRequest['to']): Promise<void> => {
    const run = (await line.waiting(100)).find((one) => one.name === name)
    const moved = await line.move(run?.id ?? '', to)
    await queue.remove(moved)
    await queue.enqueue(moved)
  }

  it('delivers in the order to which people moved the runs', async () => {
    const { waiting } = await new ExperimentStore(database).create(plan(5), () => Promise.resolve())
    await queue.enqueue(waiting)
    await move('3', 'front')
    expect(await names()).toEqual(['3', '0', '1', '2', '4'])
    await move('4', 'front')
    await move('0', 'back')
    expect(await names()).toEqual(['4', '3', '1', '2', '0'])
    await move('2', 'up')
    await move('4', 'down')
    await move('4', 'up')
    await move('0', 'down')
    expect(await names()).toEqual(['4', '3', '2', '1', '0'])
    expect((await new RunStore(database).waiting()).map(({ runId }) => runId)).toEqual((await line.waiting(100)).map(({ id }) => id))
    const byId = new Map((await line.waiting(100)).map(({ id, name }) => [id, name]))
    const taken: (string | undefined)[] = []
    for (let index = 0; index < 5; index += 1) taken.push(byId.get((await queue.take(['prompt'], { waitMs: 0 })) ?? ''))
    expect(taken).toEqual(['4', '3', '2', '1', '0'])
    await new RunStore(database).cancel([...byId.keys()])
    await expect(line.move([...byId.keys()][0] ?? '', 'up')).rejects.toThrow('only a run that is queued has a place in the line')
  })

  it('is paused once and goes on once', async () => {
    const claims = new ClaimStore(database)
    expect([await line.pausedAt(), await claims.isPaused()]).toEqual([null, false])
    await line.pause()
    const pausedAt = await line.pausedAt()
    await line.pause()
    expect([await line.pausedAt(), await claims.isPaused()]).toEqual([pausedAt, true])
    await line.resume()
    expect([await line.pausedAt(), await claims.isPaused()]).toEqual([null, false])
  })
}

describe('the line with the queue in the embedded database', () => keepsTheOrder(() => Promise.resolve(null)))
describeWith('Redis', 'the line with the queue on Redis', () => keepsTheOrder(startRedis))
