/* Answers and the replies they were made of. */
import { expect, it } from 'vitest'
import type { StoredResponse } from '../../../server/contracts/index.js'
import { ResponseStore } from '../../../server/store/response-store.js'
import { ScoreStore } from '../../../server/store/score-store.js'
import { example, type StoreRig } from './rig.js'

export function promisesOfAnswers(rig: () => StoreRig): void {
  it('packs the scores of a run into columns, and reads the texts of a few items', async () => {
    const { database, examples, claimed } = rig()
    const scores = new ScoreStore(database)
    const { id, assignment: { attempt } } = await claimed('prompt')
    await examples.append(id, attempt, [
      example('a "quoted", {odd} id', { cluster: 'c,1', scores: { accuracy: 1, loss: 'Infinity' }, costUsd: 0.5, ttftMs: 0.25 }),
      example('b', { scores: { accuracy: 'NaN' }, costUsd: 0.25, cached: true, latencyMs: 900, target: 'other' }),
      example('c', { status: 'error', scores: {}, latencyMs: null, error: 'no' }),
      example('d', { status: 'unscored', scores: {}, costUsd: 0 }),
    ])
    const columns = await scores.columns(id, 'accuracy', { withTargets: true })
    expect({ ...columns, metrics: columns.metrics.toSorted(), targets: undefined }).toEqual({
      itemIds: ['a "quoted", {odd} id', 'b', 'c', 'd'],
      clusters: ['c,1', null, null, null],
      scores: Float64Array.from([1, NaN, NaN, NaN]),
      failed: Uint8Array.from([0, 0, 1, 0]),
      latencies: Float64Array.from([1.5, 1.5]),
      firstTokens: Float64Array.from([0.25]),
      costUsd: 0.75,
      costs: Float64Array.from([0.5, 0.25, NaN, 0]),
      metrics: ['accuracy', 'loss'],
      targets: undefined,
    })
    const [a, b, c] = columns.targets ?? []
    expect([a === c, a === b]).toEqual([true, false])
    expect((await scores.columns(id, 'loss')).scores).toEqual(Float64Array.from([Infinity, NaN, NaN, NaN]))
    expect(await scores.answers([id], ['b', 'nothing'], 'accuracy')).toEqual([{ runId: id, itemId: 'b', input: 'in', output: 'out', target: 'other', status: 'scored', score: 'NaN' }])
    expect(await scores.columns('none', 'accuracy')).toMatchObject({ itemIds: [], clusters: null, costUsd: null, costs: null, metrics: [] })
    await examples.append(id, attempt, [
      example('f', { scores: { accuracy: 0 }, target: 'spam', output: 'I think ham', cluster: 'c', details: { predicted: 'ham' } }),
      example('g', { scores: { accuracy: 0 }, target: 'spam', output: 'what?', details: { predicted: null } }),
      example('h', { scores: { accuracy: 1 }, target: 'ham', output: 'ham', details: { logLikelihoods: { spam: '-Infinity', ham: -1 } } }),
      example('i', { scores: { rouge_l: 1 }, target: 'a text' }),
    ])
    expect((await scores.labelAnswers(id)).slice(-3)).toEqual([
      { truth: 'spam', given: 'ham', cluster: 'c', logLikelihoods: null },
      { truth: 'spam', given: null, cluster: null, logLikelihoods: null },
      { truth: 'ham', given: 'ham', cluster: null, logLikelihoods: { spam: -Infinity, ham: -1 } },
    ])
    expect(await scores.labelAnswers('none')).toEqual([])
    await examples.append(id, attempt, [example('e', { scores: { accuracy: 1 }, costUsd: null })])
    expect(await scores.columns(id, 'accuracy')).toMatchObject({ costUsd: null, costs: null })
    await examples.append(id, attempt, [
      example('j', { scores: { mcc: 0 }, details: { corpus: { mcc: { of: 'mcc', sums: [1, 1, 1, 1] } } } }),
      example('k', { scores: { mcc: 0 }, details: { corpus: { mcc: { of: 'mcc', sums: [0, 1, 0, 1, 1, 0] } } } }),
    ])
    const { corpus, itemIds } = await scores.columns(id, 'mcc')
    expect(corpus).toMatchObject({ of: 'mcc', width: 6 })
    expect([...(corpus?.rows ?? [])].slice(6 * itemIds.indexOf('j'))).toEqual([1, 1, 1, 1, 0, 0, 0, 1, 0, 1, 1, 0])
    expect((await scores.columns(id, 'accuracy')).corpus).toBeUndefined()
  })

  it('keeps a reply once, finds it by its key, and counts to its run what it cost', async () => {
    const { database, claims, claimed, claimAgain } = rig()
    const { id } = await claimed('prompt')
    const responses = new ResponseStore(database)
    const reply = (digit: string, costUsd: number | null): StoredResponse => ({
      key: digit.repeat(64), body: { text: 'a\u0000b' }, tokensIn: 3, tokensOut: 1, tokensCached: null, tokensReasoning: 0, latencyMs: 2.5, ttftMs: null, costUsd, tries: 2,
    })
    await responses.keep(id, [reply('a', 0.25), reply('b', null)])
    await responses.keep(id, [reply('b', null), reply('c', 0.5)])
    expect(JSON.parse(await responses.find(['c'.repeat(64), 'd'.repeat(64)]))).toEqual([{ ...reply('c', 0.5), body: { text: 'a\uFFFDb' } }])
    await claims.finish(id, { attempt: 1, status: 'released' })
    expect((await claimAgain(id)).resume).toMatchObject({ spentUsd: 0.75, spentCalls: 6 })
    // Of a run that is gone nothing is counted, and the reply is kept all the same.
    await responses.keep('no-such-run', [reply('e', 1)])
    expect(JSON.parse(await responses.find(['e'.repeat(64)]))).toHaveLength(1)
  })

  it('measures stored replies, and forgets the old ones and those of deleted runs', async () => {
    const { database, claimed } = rig()
    const { id } = await claimed('prompt')
    const responses = new ResponseStore(database)
    await responses.prune({ olderThanDays: 0, unused: false })
    expect(await responses.measure()).toMatchObject({ entries: 0, oldest: null, newest: null })
    const reply = (digit: string): StoredResponse => ({ key: digit.repeat(64), body: { text: 'x' }, tokensIn: null, tokensOut: null, tokensCached: null, tokensReasoning: null, latencyMs: 1, ttftMs: null, costUsd: null, tries: 1 })
    await responses.keep(id, [reply('a'), reply('b')])
    await responses.keep('deleted', [reply('c')])
    await database.client.$executeRaw`UPDATE response SET created_at = now() - interval '40 days' WHERE key = decode(${'a'.repeat(64)}, 'hex')`
    expect(await responses.measure()).toMatchObject({ entries: 3, sizeBytes: expect.any(Number) as number, oldest: expect.stringMatching(/Z$/) as string })
    expect(await responses.prune({ olderThanDays: 41, unused: false })).toBe(0)
    expect(await responses.prune({ unused: true })).toBe(1)
    expect(await responses.prune({ olderThanDays: 30, unused: false })).toBe(1)
    expect(JSON.parse(await responses.find(['a', 'b', 'c'].map((digit) => digit.repeat(64))))).toMatchObject([{ key: 'b'.repeat(64) }])
  })

  it('forgets the answers of a run with the run', async () => {
    const { database, examples, claimed } = rig()
    const { id } = await claimed('prompt')
    const { id: other } = await claimed('prompt')
    for (const run of [id, other]) await examples.append(run, 1, [example('a'), example('b')])
    await database.client.run.delete({ where: { id } })
    expect(await database.client.example.groupBy({ by: ['runId'], _count: true })).toEqual([{ runId: other, _count: 2 }])
  })

  it('finds examples by status and text, taking the text as it is', async () => {
    const { examples, claimed } = rig()
    const { id } = await claimed('prompt')
    await examples.append(id, 1, [example('1', { input: '100% sure' }), example('2', { output: 'UNDER_score' }), example('3', { status: 'unscored', scores: {} })])
    const ids = async (query: object): Promise<string[]> => (await examples.page(id, { offset: 0, limit: 10, ...query })).examples.map(({ itemId }) => itemId)
    expect(await ids({ text: '0%' })).toEqual(['1'])
    expect(await ids({ text: 'r_S' })).toEqual(['2'])
    expect(await ids({ text: '%' })).toEqual(['1'])
    expect(await ids({ status: 'unscored' })).toEqual(['3'])
    expect(await examples.page(id, { offset: 1, limit: 1 })).toMatchObject({ total: 3, examples: [{ itemId: '2' }] })
  })
}
