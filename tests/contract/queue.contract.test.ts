/* What every queue promises, asked of each of them in the same words. */
import { afterAll, afterEach, beforeAll, expect, it } from 'vitest'
import type { Kind } from '../../server/contracts/index.js'
import { openQueue, type QueuePlace } from '../../server/queue/open-queue.js'
import type { Message, RunQueue } from '../../server/queue/run-queue.js'
import type { Database } from '../../server/store/database.js'
import { describeOnBoth } from '../support/databases.js'
import { describeWith, startRedis } from '../support/services.js'

interface Place {
  place: QueuePlace
  database: Database | null
  stop(): Promise<void>
}

const ALL: Kind[] = ['prompt', 'lora', 'rag', 'pretrain']
const NONE = { waitMs: 0 }

let order = 1
function message(runId: string, kind: Kind = 'prompt'): Message {
  order += 1
  return { runId, kind, order }
}

function keepsThePromise(openPlace: () => Promise<Place>): void {
  let place: Place
  let queue: RunQueue
  const faults: Error[] = []
  const open = (): Promise<RunQueue> => openQueue(place.place, (error) => faults.push(error))

  beforeAll(async () => {
    place = await openPlace()
    queue = await open()
  })
  afterAll(async () => {
    await queue.close()
    await place.stop()
  })
  afterEach(async () => {
    for (let left: string | null = ''; left !== null; ) left = await queue.take(ALL, NONE)
    expect(faults).toEqual([])
  })

  it('delivers in the order of the messages, each once', async () => {
    const sent = Array.from({ length: 25 }, (_, index) => message(`run${index}`))
    await queue.enqueue(sent)
    expect(await queue.waiting()).toEqual(new Set(sent.map(({ runId }) => runId)))
    const taken: (string | null)[] = []
    for (let index = 0; index < 26; index += 1) taken.push(await queue.take(ALL, NONE))
    expect(taken).toEqual([...sent.map(({ runId }) => runId), null])
    expect(await queue.waiting()).toEqual(new Set())
  })

  it('delivers a run that came back before younger ones', async () => {
    const [old, young] = [message('old'), message('young')]
    await queue.enqueue([old])
    expect(await queue.take(ALL, NONE)).toBe('old')
    await queue.enqueue([young])
    await queue.enqueue([old])
    expect([await queue.take(ALL, NONE), await queue.take(ALL, NONE)]).toEqual(['old', 'young'])
  })

  it('keeps one message for a run that is sent twice', async () => {
    const twice = message('twice')
    await queue.enqueue([twice])
    await queue.enqueue([twice])
    expect([await queue.take(ALL, NONE), await queue.take(ALL, NONE)]).toEqual(['twice', null])
  })

  it('delivers only the kinds asked for, the first named first', async () => {
    await queue.enqueue([message('p', 'prompt'), message('l', 'lora'), message('r', 'rag')])
    expect(await queue.take(['pretrain'], NONE)).toBeNull()
    expect(await queue.take(['lora', 'prompt'], NONE)).toBe('l')
    expect(await queue.take(['lora', 'prompt'], NONE)).toBe('p')
    expect(await queue.take(['lora', 'prompt'], NONE)).toBeNull()
  })

  it('hands a message that comes later to who waits for it, well before the wait is over', async () => {
    const startedMs = Date.now()
    const waiting = queue.take(ALL, { waitMs: 20_000 })
    await queue.enqueue([message('later')])
    expect(await waiting).toBe('later')
    expect(Date.now() - startedMs).toBeLessThan(5_000)
  })

  it('gives each message to one of many who ask at the same time', async () => {
    const sent = Array.from({ length: 8 }, (_, index) => message(`race${index}`))
    await queue.enqueue(sent)
    const taken = await Promise.all(Array.from({ length: 12 }, () => queue.take(ALL, NONE)))
    expect(taken.filter((runId) => runId !== null).sort()).toEqual(sent.map(({ runId }) => runId).sort())
  })

  it('answers null after the wait, and at once when the asker leaves', async () => {
    expect(await queue.take(ALL, { waitMs: 50 })).toBeNull()
    const startedMs = Date.now()
    const leaving = new AbortController()
    const waiting = queue.take(ALL, { waitMs: 30_000, signal: leaving.signal })
    leaving.abort()
    expect(await waiting).toBeNull()
    expect(Date.now() - startedMs).toBeLessThan(5_000)
  })

  it('takes messages back', async () => {
    const [gone, kept] = [message('gone'), message('kept')]
    await queue.enqueue([gone, kept])
    await queue.remove([gone])
    expect([await queue.take(ALL, NONE), await queue.take(ALL, NONE)]).toEqual(['kept', null])
  })

  it('still holds its messages when it is opened again', async () => {
    await queue.enqueue([message('lasting')])
    await queue.close()
    queue = await open()
    expect(await queue.take(ALL, NONE)).toBe('lasting')
  })

  it('stores messages with the rows, or not at all, where it says so', async () => {
    const { database } = place
    if (!queue.isTransactional || database === null) {
      await expect(database?.write((change) => queue.enqueueWithin(change.session, [message('never')])) ?? queue.enqueueWithin({ $queryRawUnsafe: () => Promise.reject(new Error('unused')) }, [])).rejects.toThrow(TypeError)
      return
    }
    const undone = database.write(async (change) => {
      await queue.enqueueWithin(change.session, [message('undone')])
      throw new Error('the rows were refused')
    })
    await expect(undone).rejects.toThrow('the rows were refused')
    await database.write((change) => queue.enqueueWithin(change.session, [message('done')]))
    queue.wake()
    expect([await queue.take(ALL, NONE), await queue.take(ALL, NONE)]).toEqual(['done', null])
  })
}

describeOnBoth('the queue', (open) =>
  keepsThePromise(async () => {
    const { database, stop } = await open()
    return { place: { redisUrl: undefined, database }, database, stop }
  }))

describeWith('Redis', 'the queue on Redis', () =>
  keepsThePromise(async () => {
    const service = await startRedis()
    return { place: { redisUrl: service.url, database: null }, database: null, stop: () => service.stop() }
  }))
