/* An experiment is stored with its runs or not at all, and its status follows from theirs. */
import { expect, it } from 'vitest'
import { parseSearch } from '../../../experiments/search-query.js'
import type { Summary } from '../../../server/contracts/index.js'
import { done, plan, points, type StoreRig, SUMMARY, upTo } from './rig.js'

export function promisesOfExperiments(rig: () => StoreRig): void {
  it('stores an experiment with its runs in order, or nothing of it', async () => {
    const { experiments, runs, events, list } = rig()
    const { created, waiting } = await experiments.create(plan('prompt', 40), () => Promise.resolve())
    const [summary] = await list({ limit: 5 })
    expect(summary).toMatchObject({ id: created.id, status: 'queued', axes: { zeta: [1], alpha: [2] }, runCounts: { queued: 40, running: 0, succeeded: 0, failed: 0, cancelled: 0 } })
    expect(Object.keys(summary?.axes ?? {})).toEqual(['zeta', 'alpha'])
    const stored = await runs.ofExperiment(created.id)
    expect(stored.map((run) => run.id)).toEqual(created.runs.map((run) => run.id))
    expect(waiting.map((run) => run.runId)).toEqual(stored.map((run) => run.id))
    expect(stored.map((run) => run.colorSlot).slice(16, 20)).toEqual([16, 17, 0, 1])
    expect(Object.keys(stored[0]?.params ?? {})).toEqual(['zeta', 'alpha'])
    const before = await events.range()
    await expect(experiments.create(plan(), () => Promise.reject(new Error('queue refused')))).rejects.toThrow('queue refused')
    expect(await experiments.count()).toBe(1)
    expect(await events.range()).toEqual(before)
  })

  it('names the best finished run of an experiment, whichever way its metric points', async () => {
    const { database, claims, queue, list, claimAgain } = rig()
    const ids = await queue('lora', 4)
    const scored = (mean: number | 'NaN'): Summary => ({ ...SUMMARY, metrics: { accuracy: { mean, n: 10, low: null, high: null, method: 'wilson', higherIsBetter: true } } })
    const best = async (): Promise<string | undefined> => (await list({ limit: 1 }))[0]?.best?.runName
    expect((await list({ limit: 1 }))[0]?.best).toBeNull()
    for (const [index, mean] of ([0.5, 0.9, 'NaN', 0.9] as const).entries()) {
      const { attempt } = await claimAgain(ids[index] ?? '')
      await claims.finish(ids[index] ?? '', { attempt, status: 'succeeded', summary: scored(mean) })
    }
    expect(await best()).toBe('cell 1')
    await database.client.$executeRaw`UPDATE experiment SET primary_metric = 'loss'`
    expect(await best()).toBeUndefined()
    await database.client.$executeRaw`UPDATE run SET summary = replace(replace(summary::text, '"accuracy":{', '"loss":{'), '"higherIsBetter":true', '"higherIsBetter":false')::json`
    expect(await best()).toBe('cell 0')
  })

  it('reads times as they were written, whatever the zone of the database', async () => {
    const { runs, queue } = rig()
    const [id = ''] = await queue()
    expect(Math.abs(Date.parse((await runs.read(id)).createdAt) - Date.now())).toBeLessThan(60_000)
  })

  it('derives the status of an experiment from its runs', async () => {
    const { claims, queue, list, claimAgain } = rig()
    const [first = '', second = ''] = await queue('lora', 2)
    const status = async (): Promise<string | undefined> => (await list({ limit: 1 }))[0]?.status
    expect(await status()).toBe('queued')
    await Promise.all([claimAgain(first, 'w1'), claimAgain(second, 'w2')])
    expect(await status()).toBe('running')
    await Promise.all([claims.finish(first, done(1)), claims.finish(second, { attempt: 1, status: 'failed', error: { code: 'x', message: 'y' }, summary: null })])
    expect(await status()).toBe('failed')
  })

  it('ends many runs of one experiment at the same time', async () => {
    const { claims, queue, list, claimAgain } = rig()
    const ids = await queue('lora', 10)
    await Promise.all(ids.map((id, index) => claimAgain(id, `w${index}`)))
    await Promise.all(ids.map((id) => claims.finish(id, done(1))))
    expect(await list({ limit: 1 })).toMatchObject([{ status: 'succeeded', runCounts: { succeeded: 10 } }])
  })

  it('numbers events in the order of the commits, and tells only of what was stored', async () => {
    const { metrics, events, queue, claimAgain } = rig()
    const { last } = await events.range()
    const heard: number[] = []
    const hush = events.onStored(() => heard.push(1))
    const ids = await queue('lora', 6)
    await Promise.all(ids.map(async (id, index) => {
      const { attempt } = await claimAgain(id, `w${index}`)
      await metrics.append(id, attempt, points('loss', upTo(3)))
    }))
    hush()
    const told = await events.after(last, 1_000)
    expect(told.map(({ seq }) => seq)).toEqual([...told.map(({ seq }) => seq)].sort((a, b) => a - b))
    expect(told.filter(({ type }) => type === 'run.metrics').map(({ runId }) => runId).sort()).toEqual([...ids].sort())
    expect(heard.length).toBe(13)
    await events.prune(2)
    expect(await events.after(0, 100)).toHaveLength(2)
  })

  it('lists experiments by page and filter', async () => {
    const { experiments, queue, list } = rig()
    await queue('lora', 1)
    await queue('rag', 1)
    await queue('rag', 1)
    const [newest, middle, oldest] = await list({ limit: 10 })
    expect(await list({ limit: 10, before: newest?.id })).toEqual([middle, oldest])
    expect(await list({ terms: parseSearch('kind:lora').terms })).toEqual([oldest])
    expect(await list({ terms: parseSearch('tag:nope').terms })).toEqual([])
    expect(await list({ terms: parseSearch('SWEEP status:queued').terms })).toHaveLength(3)
    await experiments.change(oldest?.id ?? '', { notes: 'changed', tags: ['c'] })
    expect(await list({ terms: parseSearch('tag:c').terms })).toMatchObject([{ notes: 'changed' }])
  })
}
