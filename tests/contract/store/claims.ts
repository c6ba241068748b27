/* A run goes to one worker, is taken back from a silent one, and goes on from what is stored. */
import { expect, it } from 'vitest'
import { MAX_DEATHS } from '../../../server/store/claim-store.js'
import { LogStore } from '../../../server/store/log-store.js'
import { WorkerStore } from '../../../server/store/worker-store.js'
import { done, example, isFenced, points, type StoreRig, upTo } from './rig.js'

export function promisesOfClaims(rig: () => StoreRig): void {
  it('gives a run to one of many who claim it', async () => {
    const { runs, claims, queue } = rig()
    const [id = ''] = await queue('lora', 1)
    const won = await Promise.all(Array.from({ length: 8 }, (_, index) => claims.claim(id, `w${index}`, 2_000)))
    expect(won.filter((assignment) => assignment !== null)).toHaveLength(1)
    expect(await runs.read(id)).toMatchObject({ status: 'running', attempt: 1 })
    expect(won.find((assignment) => assignment !== null)).toMatchObject({ attempt: 1, budget: { minutes: 3 }, resume: { checkpointStep: null, doneItems: [] } })
  })

  it('refuses every write of an attempt that lost its run, and stores nothing of it', async () => {
    const { database, runs, claims, metrics, examples, checkpoints, claimed, claimAgain, silence } = rig()
    const { id } = await claimed()
    await silence(id)
    expect(await claims.recoverStale(15_000)).toMatchObject([{ runId: id, kind: 'lora' }])
    const { attempt } = await claimAgain(id, 'w2')
    expect(attempt).toBe(2)
    const file = { name: 'a', sizeBytes: 1, sha256: 'x' }
    const writes = [
      () => claims.heartbeat(id, 1, null),
      () => metrics.append(id, 1, points('late', [1])),
      () => examples.append(id, 1, [example('late')]),
      () => new LogStore(database).append(id, 1, [{ time: 1, level: 'info', message: 'late' }]),
      () => checkpoints.addFile({ runId: id, step: 1, attempt: 1 }, file),
      () => checkpoints.commit(id, 1, { attempt: 1, metrics: {}, samples: [], losses: [], files: [] }),
      () => claims.finish(id, done(1)),
      () => claims.finish(id, { attempt: 1, status: 'released' }),
    ]
    for (const write of writes) await expect(write()).rejects.toSatisfy(isFenced)
    expect((await examples.page(id, { offset: 0, limit: 10 })).total).toBe(0)
    expect(await metrics.read(id, { maxPoints: 10 })).toEqual([])
    expect(await checkpoints.list(id)).toEqual([])
    expect(await runs.read(id)).toMatchObject({ status: 'running', attempt: 2, worker: 'w2' })
  })

  it('goes on from the last checkpoint: later points are forgotten for training kinds only', async () => {
    const { claims, metrics, examples, claimed, claimAgain, stepsOf, commitCheckpoint } = rig()
    const { id } = await claimed('lora')
    await metrics.append(id, 1, [...points('loss', upTo(3_000)), ...points('eval', [10, 2_500])])
    await commitCheckpoint(id, 1, 1_000)
    await commitCheckpoint(id, 1, 2_400)
    await claims.finish(id, { attempt: 1, status: 'released' })
    const second = await claimAgain(id)
    expect(second.resume).toMatchObject({ checkpointStep: 2_400, checkpointFiles: ['adapter.bin'] })
    expect(await stepsOf(id, 'loss')).toEqual(upTo(2_401))
    expect(await stepsOf(id, 'eval')).toEqual([10])
    await metrics.append(id, 2, points('loss', upTo(3_100).slice(2_401)))
    expect(await stepsOf(id, 'loss')).toEqual(upTo(3_100))

    const prompt = await claimed('prompt')
    await metrics.append(prompt.id, 1, points('score', upTo(5)))
    await examples.append(prompt.id, 1, [example('a', { costUsd: 0.25 }), example('b', { costUsd: 0.5 })])
    await claims.finish(prompt.id, { attempt: 1, status: 'released' })
    expect((await claimAgain(prompt.id)).resume).toMatchObject({ doneItems: ['a', 'b'], spentUsd: 0.75 })
    expect(await stepsOf(prompt.id, 'score')).toEqual(upTo(5))
  })

  it('forgets all points of a training run that died before its first checkpoint', async () => {
    const { claims, metrics, claimed, claimAgain, silence, stepsOf } = rig()
    const { id } = await claimed('pretrain')
    await metrics.append(id, 1, points('loss', upTo(20)))
    await silence(id)
    await claims.recoverStale(15_000)
    await claimAgain(id)
    expect(await metrics.read(id, { maxPoints: 10 })).toEqual([])
    await metrics.append(id, 2, points('loss', upTo(4)))
    expect(await stepsOf(id, 'loss')).toEqual(upTo(4))
  })

  it('gives up on a run that kills its worker again and again, but not on one that moves on', async () => {
    const { runs, claims, examples, claimed, claimAgain, silence } = rig()
    const { id } = await claimed('prompt')
    for (let death = 1; death <= MAX_DEATHS; death += 1) {
      await silence(id)
      const back = await claims.recoverStale(15_000)
      expect(back).toHaveLength(death === MAX_DEATHS ? 0 : 1)
      if (death < MAX_DEATHS) await claimAgain(id)
    }
    expect(await runs.read(id)).toMatchObject({ status: 'failed', error: { code: 'worker_lost' } })

    const moving = await claimed('prompt')
    for (let attempt = 1; attempt <= MAX_DEATHS + 2; attempt += 1) {
      await examples.append(moving.id, attempt, [example(`item ${attempt}`)])
      await silence(moving.id)
      expect(await claims.recoverStale(15_000)).toHaveLength(1)
      await claimAgain(moving.id)
    }
  })

  it('leaves a run alone whose worker speaks, and takes back those of a dead one at once', async () => {
    const { runs, claims, claimed } = rig()
    const { id } = await claimed()
    await claims.heartbeat(id, 1, { done: 1, total: 10, unit: 'steps' })
    expect(await claims.recoverStale(15_000)).toEqual([])
    expect(await claims.recoverWorker('another')).toEqual([])
    expect(await claims.recoverWorker('w1')).toMatchObject([{ runId: id }])
    expect(await runs.read(id)).toMatchObject({ status: 'queued', worker: null, progress: { done: 1 } })
  })

  it('cancels a waiting run at once and a running one by its heartbeat', async () => {
    const { runs, claims, queue, list, claimAgain } = rig()
    const [waiting = '', working = ''] = await queue('lora', 2)
    await claimAgain(working)
    expect(await claims.heartbeat(working, 1, null)).toEqual({ cancel: false })
    expect(await runs.cancel([waiting, working])).toEqual([waiting])
    expect(await claims.claim(waiting, 'w1', 2_000)).toBeNull()
    expect(await claims.heartbeat(working, 1, null)).toEqual({ cancel: true })
    await claims.finish(working, { attempt: 1, status: 'cancelled', summary: null })
    const [experiment] = await list({ limit: 1 })
    expect(experiment).toMatchObject({ status: 'cancelled', runCounts: { cancelled: 2 } })
    expect(experiment?.finishedAt).not.toBeNull()
  })

  it('ends a cancelled run whose worker dies, instead of queueing it', async () => {
    const { runs, claims, claimed } = rig()
    const { id } = await claimed()
    await runs.cancel([id])
    expect(await claims.recoverWorker('w1')).toEqual([])
    expect((await runs.read(id)).status).toBe('cancelled')
  })

  it('retries a failed run: answers stay, failed items are asked again', async () => {
    const { runs, claims, examples, claimed, claimAgain } = rig()
    const { id } = await claimed('prompt')
    await expect(runs.retry(id)).rejects.toMatchObject({ code: 'conflict' })
    await examples.append(id, 1, [example('good'), example('bad', { status: 'error', error: 'timeout', scores: {} })])
    await claims.finish(id, { attempt: 1, status: 'failed', error: { code: 'endpoint', message: 'down' }, summary: null })
    expect((await runs.read(id)).error).toEqual({ code: 'endpoint', message: 'down' })
    expect(await runs.retry(id)).toMatchObject({ runId: id, kind: 'prompt' })
    expect(await runs.read(id)).toMatchObject({ status: 'queued', error: null, finishedAt: null })
    expect((await claimAgain(id)).resume.doneItems).toEqual(['good'])
  })

  it('names the kinds that wait, the oldest first', async () => {
    const { runs, queue, claimAgain } = rig()
    const [rag = ''] = await queue('rag', 1)
    await queue('lora', 1)
    expect(await runs.waitingKinds(['lora', 'rag', 'prompt'])).toEqual(['rag', 'lora'])
    await claimAgain(rag)
    expect(await runs.waitingKinds(['lora', 'rag', 'prompt'])).toEqual(['lora'])
  })

  it('knows its workers', async () => {
    const { database } = rig()
    const workers = new WorkerStore(database)
    const beat = { worker: 'w9', host: 'here', devices: [{ id: 'cpu', kind: 'cpu' as const, name: 'CPU', threads: 2, memoryBytes: 5e9 }], running: ['r1'] }
    await workers.beat(beat)
    expect(await workers.list()).toMatchObject([{ name: 'w9', alive: true, running: ['r1'], devices: beat.devices }])
    await workers.leave('w9')
    expect((await workers.list()).filter(({ alive }) => alive)).toEqual([])
  })
}
