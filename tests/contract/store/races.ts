/* A race: runs wait for each other, and each decision is made once. */
import { expect, it } from 'vitest'
import { LogStore } from '../../../server/store/log-store.js'
import type { Verdict } from '../../../server/store/race-store.js'
import { done, plan, type StoreRig, SUMMARY } from './rig.js'

export function promisesOfRaces(rig: () => StoreRig): void {
  const RACE = { arms: 3, items: 100, looks: [40, 70, 100], error: 0.05, calls: null }
  const queueRace = async (): Promise<string[]> => {
    const { created } = await rig().experiments.create({ ...plan('prompt', 3), race: RACE }, () => Promise.resolve())
    return created.runs.map((run) => run.id)
  }
  /** Claims and finishes each run, as a worker that answers what it may. */
  const round = async (ids: string[]): Promise<void> => {
    for (const id of ids) await rig().claims.finish(id, done((await rig().claimAgain(id)).attempt))
  }
  const dueRace = async () => {
    const [race] = await rig().races.due()
    if (race === undefined) throw new Error('no race is due')
    return race
  }
  const verdict = (more: Partial<Verdict>): Verdict => ({ stopped: [], left: [], next: null, outcome: 'running', reason: null, ...more })
  const statuses = async (ids: string[]) => (await rig().runs.readMany(ids)).map(({ status }) => status)

  it('lets runs wait for each other, and is due when all of them do', async () => {
    const { runs, claims, list, claimAgain, races } = rig()
    const [a = '', b = '', c = ''] = await queueRace()
    expect((await runs.read(a)).race).toEqual({ items: 40, of: 100, look: 0, looks: 3, outcome: 'running', reason: null })
    const first = await claimAgain(a)
    expect([first.allowance, first.tries]).toEqual([40, 1])
    await claims.finish(a, done(first.attempt))
    await claims.finish(a, done(first.attempt))
    expect(await runs.read(a)).toMatchObject({ status: 'waiting', summary: SUMMARY, worker: null, finishedAt: null })
    expect(await claims.claim(a, 'w1', 2_000)).toBeNull()
    await round([b])
    expect(await races.due()).toEqual([])
    await round([c])
    expect(await races.due()).toMatchObject([{ metric: 'accuracy', plan: RACE, looks: [], items: 40, spent: 120, runs: [{ id: a }, { id: b }, { id: c }] }])
    expect((await list({ limit: 1 }))[0]).toMatchObject({ status: 'running', runCounts: { waiting: 3 } })
  })

  it('stops some, lets others go on and ends, each decision once', async () => {
    const { database, runs, claims, list, claimAgain, races } = rig()
    const [a = '', b = '', c = ''] = await queueRace()
    await round([a, b, c])
    const race = await dueRace()
    const decision = verdict({ stopped: [{ id: b, reason: { en: 'worse', pt: 'pior' } }], left: [a, c], next: 70 })
    expect((await races.settle(race, decision))?.map(({ runId }) => runId)).toEqual([a, c])
    expect(await races.settle(race, decision)).toBeNull()
    expect(await runs.read(b)).toMatchObject({ status: 'stopped', finishedAt: expect.any(String), summary: SUMMARY, race: { items: 40, look: 1, outcome: 'stopped', reason: 'worse', reasonPt: 'pior' } })
    expect((await new LogStore(database).read(b, { limit: 10 })).map(({ message }) => message)).toEqual(['worse'])

    const second = await claimAgain(a)
    expect([second.attempt, second.allowance, second.tries]).toEqual([2, 70, 1])
    await claims.finish(a, { attempt: 2, status: 'released' })
    expect((await claimAgain(a)).tries).toBe(2)
    await claims.finish(a, done(3))
    await round([c])
    expect(await races.due()).toMatchObject([{ looks: [40], items: 70, spent: 180, runs: [{ id: a }, { id: c }] }])
    expect(await races.settle(await dueRace(), verdict({ left: [a, c], outcome: 'tied', reason: { en: 'tied', pt: 'empate' } }))).toEqual([])
    expect(await statuses([a, b, c])).toEqual(['succeeded', 'stopped', 'succeeded'])
    expect((await runs.read(a)).race).toMatchObject({ outcome: 'tied', reason: 'tied', reasonPt: 'empate', items: 70 })
    expect((await list({ limit: 1 }))[0]).toMatchObject({ status: 'succeeded', finishedAt: expect.any(String) })
    expect(await races.due()).toEqual([])
  })

  it('refuses a decision on runs that have changed meanwhile', async () => {
    const { runs, races } = rig()
    const [a = '', b = '', c = ''] = await queueRace()
    await round([a, b, c])
    const race = await dueRace()
    expect(await runs.cancel([c])).toEqual([c])
    expect(await races.settle(race, verdict({ stopped: [{ id: c, reason: { en: 'worse', pt: 'pior' } }], left: [a, b], next: 70 }))).toBeNull()
    expect(await statuses([a, b, c])).toEqual(['waiting', 'waiting', 'cancelled'])
    expect(await races.due()).toMatchObject([{ runs: [{ id: a }, { id: b }] }])
  })

  it('goes on without a run that failed, and takes it back where the others are', async () => {
    const { runs, claims, claimAgain, races } = rig()
    const [a = '', b = '', c = ''] = await queueRace()
    await round([a, b])
    await claims.finish(c, { attempt: (await claimAgain(c)).attempt, status: 'failed', error: { code: 'x', message: 'no' }, summary: null })
    await races.settle(await dueRace(), verdict({ left: [a, b], next: 70 }))
    await runs.retry(c)
    expect((await claimAgain(c)).allowance).toBe(70)
  })

  it('lets a stopped run answer all its items when it is retried', async () => {
    const { runs, claims, claimAgain, races } = rig()
    const [a = '', b = '', c = ''] = await queueRace()
    await round([a, b, c])
    await races.settle(await dueRace(), verdict({ stopped: [{ id: c, reason: { en: 'worse', pt: 'pior' } }], left: [a, b], next: 70 }))
    await runs.retry(c)
    const assignment = await claimAgain(c)
    expect([assignment.allowance, (await runs.read(c)).race]).toEqual([null, null])
    await claims.finish(c, done(assignment.attempt))
    expect((await runs.read(c)).status).toBe('succeeded')
  })

  it('ends a run that shall be cancelled instead of letting it wait', async () => {
    const { runs, claims, claimAgain } = rig()
    const [a = ''] = await queueRace()
    const { attempt } = await claimAgain(a)
    await runs.cancel([a])
    await claims.finish(a, { attempt, status: 'cancelled', summary: null })
    expect((await runs.read(a)).status).toBe('cancelled')
  })
}
