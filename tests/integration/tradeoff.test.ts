/* What a manager asks of a real server: everything tried on a dataset, beside each other or apart. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import type { ErrorBody, FinishedRunPage, ImportedExperiment, Share, SharedView, ShareList, Spend, Tradeoff } from '../../server/contracts/index.js'
import type { RunningServer } from '../../server/start.js'
import { temporaryFolder } from '../support/bancada.js'
import { startServerHere } from '../support/server-here.js'

interface Answered {
  right: number
  of: number
  costUsd?: number | null
  latencyMs?: number
}

const examples = ({ right, of, costUsd = null, latencyMs = 100 }: Answered): ImportedExperiment['runs'][number]['examples'] =>
  Array.from({ length: of }, (_, index) => ({
    itemId: `i${index}`, cluster: null, input: `in ${index}`, output: 'out', target: 'out', status: 'scored' as const, scores: { accuracy: index < right ? 1 : 0 }, error: null,
    latencyMs: latencyMs + index, ttftMs: null, tokensIn: 10, tokensOut: 1, costUsd, details: {},
  }))

const imported = (name: string, dataset: string, runs: Record<string, Answered>): ImportedExperiment => ({
  name, dataset, source: { tool: 'test', files: [] }, metrics: [{ id: 'accuracy', higherIsBetter: true }], tags: [], notes: '',
  runs: Object.entries(runs).map(([run, answered]) => ({ name: run, params: {}, durationMs: 0, examples: examples(answered) })),
})

describe('the trade-off', () => {
  let home: Awaited<ReturnType<typeof temporaryFolder>>
  let server: RunningServer
  beforeAll(async () => {
    home = await temporaryFolder()
    server = await startServerHere(home.path)
  })
  afterAll(async () => {
    await server.close()
    await home[Symbol.asyncDispose]()
  })

  const ask = async <T>(path: string, body?: unknown): Promise<{ status: number; body: T }> => {
    const response = await fetch(server.url + path, body === undefined ? {} : { method: 'POST', headers: { 'content-type': 'application/json' }, body: JSON.stringify(body) })
    return { status: response.status, body: (await response.json()) as T }
  }

  it('says that nothing has finished yet', async () => {
    expect(await ask('/api/tradeoff')).toMatchObject({ status: 200, body: { dataset: null, runs: [], choices: [] } })
  })

  it('lays runs of several experiments on their shared items, and names what does not fit', async () => {
    await ask('/api/import', { experiments: [
      imported('Priced', 'mail', { cheap: { right: 60, of: 100, costUsd: 0.001 }, good: { right: 90, of: 100, costUsd: 0.004, latencyMs: 400 } }),
      // Another set of items is another version of the data, as imports know it.
      imported('More items', 'mail', { more: { right: 100, of: 120 } }),
      imported('Unpriced', 'mail', { local: { right: 85, of: 100, latencyMs: 3_600 } }),
    ] })
    const { status, body } = await ask<Tradeoff>('/api/tradeoff')
    expect(status).toBe(200)
    expect(body).toMatchObject({ dataset: 'mail', metric: 'accuracy', isShare: true, items: 100, total: 4, leftOut: [{ name: 'more', reason: 'other version' }] })
    expect(body.runs.map(({ name, summary, costPer1000Usd, pareto }) => [name, summary.mean, costPer1000Usd?.mean.toFixed(6), pareto.cost]).sort()).toEqual([
      ['cheap', 0.6, '1.000000', 'front'], ['good', 0.9, '4.000000', 'front'], ['local', 0.85, undefined, null],
    ])
    expect(body.runs.find(({ name }) => name === 'good')?.latency).toMatchObject({ n: 100, p50Ms: 449.5 })
  })

  it('counts what has no price by the hour that is asked with', async () => {
    const { body } = await ask<Tradeoff>('/api/tradeoff?dataset=mail&metric=accuracy&perHour=1')
    const local = body.runs.find(({ name }) => name === 'local')?.costPer1000Usd
    // Answers take 3,600 to 3,699 ms: 1,000 of them are a little more than an hour.
    expect(local).toMatchObject({ basis: 'assumed', n: 100 })
    expect(local?.mean).toBeCloseTo(3649.5 / 3600, 4)
    expect(body.runs.find(({ name }) => name === 'good')?.costPer1000Usd).toMatchObject({ basis: 'priced', mean: expect.closeTo(4, 9) })
  })

  it('pages through finished runs, and refuses what is not there', async () => {
    const first = (await ask<FinishedRunPage>('/api/runs?dataset=mail&metric=accuracy&limit=3')).body
    expect([first.runs.length, first.next]).toEqual([3, first.runs[2]?.id])
    const second = (await ask<FinishedRunPage>(`/api/runs?dataset=mail&metric=accuracy&limit=3&before=${first.next}`)).body
    expect([second.runs.length, second.next]).toEqual([1, null])
    for (const path of ['/api/tradeoff?dataset=nothing', '/api/tradeoff?dataset=mail&metric=bleu']) {
      const refused = await ask<ErrorBody>(path)
      expect([refused.status, refused.body.error.message]).toEqual([404, expect.stringMatching(/nothing.*mail|bleu.*accuracy/)])
    }
    expect((await ask('/api/tradeoff?perHour=-1')).status).toBe(400)
  })

  it('tells what was paid apart from what is not known', async () => {
    await ask('/api/experiments', { name: 'Budgeted', kind: 'prompt', dataset: 'spam', axes: { shots: [0, 2] }, budget: { usd: 1.5 } })
    const { body } = await ask<Spend>('/api/spend')
    expect(body.total).toMatchObject({ runs: 6, spentUsd: 0, answersUsd: expect.closeTo(0.5, 9), unknownRuns: 2, budgetUsd: 3, budgetedRuns: 2 })
    expect(body.experiments.map(({ name, unknownRuns, budgetUsd }) => [name, unknownRuns, budgetUsd])).toEqual([['Budgeted', 0, 3], ['Unpriced', 1, null], ['More items', 1, null], ['Priced', 0, null]])
    const page = (await ask<Spend>('/api/spend?dataset=mail&limit=2')).body
    expect([page.total.runs, page.experiments.length, page.next]).toEqual([4, 2, page.experiments[1]?.id])
    expect((await ask<Spend>(`/api/spend?dataset=mail&limit=2&before=${page.next}`)).body.experiments.map(({ name }) => name)).toEqual(['Priced'])
  })

  it('shares a view that stays as it was, and takes it back', async () => {
    const asked = { errorCostUsd: 0.5, requestsPerMonth: 1_000, latencyLimitMs: null, minimumScore: null, perHourUsd: null }
    const { status, body: share } = await ask<Share>('/api/shares', { title: 'For the board', dataset: 'mail', metric: 'accuracy', asked })
    expect([status, share.token]).toEqual([201, expect.stringMatching(/^[\w-]{22}$/)])
    await ask('/api/import', { experiments: [imported('Later', 'mail', { later: { right: 99, of: 100, costUsd: 0.0001 } })] })
    const { body } = await ask<SharedView>(`/api/shares/${share.token}`)
    expect(body).toMatchObject({ title: 'For the board', asked, tradeoff: { items: 100, choices: [] } })
    expect(body.tradeoff.runs.map(({ name }) => name).sort()).toEqual(['cheap', 'good', 'local'])
    // Errors at 50 cents: the good one is the choice, and the tests are against it.
    const good = body.tradeoff.runs.find(({ name }) => name === 'good')?.id
    expect(body.tests.map(({ baselineId }) => baselineId)).toEqual([good, good])
    expect((await ask<ShareList>('/api/shares')).body.shares).toEqual([share])
    expect((await fetch(`${server.url}/api/shares/${share.token}`, { method: 'DELETE' })).status).toBe(204)
    expect((await ask(`/api/shares/${share.token}`)).status).toBe(404)
    expect((await ask('/api/shares', { title: 'x', dataset: 'mail', metric: 'accuracy', version: 'none', asked })).status).toBe(400)
  })
})

describe('a shared view on a server with a token', () => {
  it('is read without that token, and nothing else is', async () => {
    await using home = await temporaryFolder()
    const server = await startServerHere(home.path, { BANCADA_TOKEN: 'secret' })
    try {
      const own = { authorization: 'Bearer secret', 'content-type': 'application/json' }
      const send = (path: string, body: unknown) => fetch(server.url + path, { method: 'POST', headers: own, body: JSON.stringify(body) })
      await send('/api/import', { experiments: [imported('One', 'mail', { a: { right: 5, of: 10 }, b: { right: 9, of: 10 } })] })
      const asked = { errorCostUsd: 1, requestsPerMonth: 1, latencyLimitMs: null, minimumScore: null, perHourUsd: null }
      const { token } = (await (await send('/api/shares', { title: 'x', dataset: 'mail', metric: 'accuracy', asked })).json()) as Share
      const statusOf = async (method: string, path: string): Promise<number> => (await fetch(server.url + path, { method })).status
      expect(await statusOf('GET', `/api/shares/${token}`)).toBe(200)
      for (const [method, path] of [['GET', '/api/shares'], ['DELETE', `/api/shares/${token}`], ['POST', '/api/shares'], ['GET', '/api/tradeoff'], ['GET', '/api/runs?dataset=mail&metric=accuracy'], ['GET', `/api/shares/${token}/../../experiments`]] as const) {
        expect([method, path, await statusOf(method, path)]).toEqual([method, path, 401])
      }
      expect(await statusOf('GET', `/api/shares/${'x'.repeat(22)}`)).toBe(404)
    } finally {
      await server.close()
    }
  })
})
