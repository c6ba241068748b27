/* What is found by a search, and what happens to what is put away, on the embedded database and on PostgreSQL. */
import { afterAll, beforeAll, beforeEach, expect, it } from 'vitest'
import { parseSearch } from '../../experiments/search-query.js'
import { AppError, type ExperimentOrder, type ParameterValue, type Summary } from '../../server/contracts/index.js'
import { ClaimStore } from '../../server/store/claim-store.js'
import type { Database } from '../../server/store/database.js'
import { ExperimentStore, type PlannedExperiment } from '../../server/store/experiment-store.js'
import { RunStore } from '../../server/store/run-store.js'
import { ShelfStore } from '../../server/store/shelf-store.js'
import { describeOnBoth, type OpenedDatabase } from '../support/databases.js'

interface Kept {
  name: string
  runs: { params: Record<string, ParameterValue>; accuracy: Summary['metrics'][string]['mean']; rescoredFrom?: string }[]
  tags?: string[]
}

function plan({ name, runs, tags = [] }: Kept): PlannedExperiment {
  const spec = { kind: 'prompt', name, dataset: 'spam', axes: {}, repeats: 1, seed: 1, tags, notes: 'of 100 %' } as unknown as PlannedExperiment['spec']
  return {
    spec, datasetHash: 'hash', axes: {}, metrics: ['accuracy'], primaryMetric: 'accuracy', race: null,
    runs: runs.map(({ accuracy: _score, params, ...more }, cell) => ({ cell, repeat: 0, seed: 7, name: `cell ${cell}`, params, varied: params, ...more })),
  }
}

function keepsThePromise(openDatabase: () => Promise<OpenedDatabase>): void {
  let database: Database
  let stop: () => Promise<void>
  let experiments: ExperimentStore
  let shelf: ShelfStore

  beforeAll(async () => {
    ;({ database, stop } = await openDatabase())
    experiments = new ExperimentStore(database)
    shelf = new ShelfStore(database)
  })
  afterAll(() => stop())
  beforeEach(async () => {
    await database.client.experiment.deleteMany()
  })

  const queued = async (kept: Kept): Promise<{ id: string; runIds: string[] }> => {
    const { created } = await experiments.create(plan(kept), () => Promise.resolve())
    return { id: created.id, runIds: created.runs.map((run) => run.id) }
  }
  const finished = async (kept: Kept): Promise<{ id: string; runIds: string[] }> => {
    const claims = new ClaimStore(database)
    const made = await queued(kept)
    for (const [index, runId] of made.runIds.entries()) {
      const attempt = (await claims.claim(runId, 'w1', 2_000))?.attempt ?? 0
      const metrics = { accuracy: { mean: kept.runs[index]?.accuracy ?? 0, n: 10, low: null, high: null, method: 'wilson', higherIsBetter: true } }
      await claims.finish(runId, { attempt, status: 'succeeded', summary: { metrics, primaryMetric: 'accuracy', latency: null, tokensIn: null, tokensOut: null, costUsd: null, durationMs: 5 } })
    }
    return made
  }
  const find = async (query: string, order?: ExperimentOrder): Promise<string[]> => {
    const { terms, problems } = parseSearch(query)
    expect(problems).toEqual([])
    const { experiments: list, total } = await experiments.list({ limit: 10, terms, ...(order ? { order } : {}) })
    expect(total).toBe(list.length)
    return list.map(({ name }) => name)
  }

  it('finds by words, fields, parameters and metrics', async () => {
    await finished({ name: 'Ranks', tags: ['first', 'old ones'], runs: [{ params: { rank: 4, model: 'nano-pt-en' }, accuracy: 0.9 }, { params: { rank: 16, model: { provider: 'openai', model: 'm' } }, accuracy: 0.5 }] })
    await finished({ name: 'Shots 100%', runs: [{ params: { shots: 2, packing: false, alpha: null }, accuracy: 'NaN' }] })
    await queued({ name: 'Waiting', runs: [{ params: { shots: 8, packing: true, alpha: 3 }, accuracy: 0 }] })
    expect(await find('')).toEqual(['Waiting', 'Shots 100%', 'Ranks'])
    expect(await find('RANKS spam')).toEqual(['Ranks'])
    expect(await find('-ranks')).toEqual(['Waiting', 'Shots 100%'])
    expect(await find('name:100%')).toEqual(['Shots 100%'])
    expect(await find('name:1_0')).toEqual([])
    expect(await find('tag:first')).toEqual(['Ranks'])
    expect(await find('tag:"old ones" -tag:fir')).toEqual(['Ranks'])
    expect(await find('status:succeeded')).toEqual(['Shots 100%', 'Ranks'])
    expect(await find('is:active')).toEqual(['Waiting'])
    expect(await find('runs>=2')).toEqual(['Ranks'])
    expect(await find('created>=2020-01-01 -created<2020-01-01')).toHaveLength(3)
    // One and the same run: rank 16 has 0.5.
    expect([await find('rank>=16'), await find('accuracy>0.8'), await find('rank>=16 accuracy>0.8'), await find('rank<16 accuracy>0.8')]).toEqual([['Ranks'], ['Ranks'], [], ['Ranks']])
    expect(await find('-shots=2')).toEqual(['Waiting', 'Ranks'])
    expect([await find('model:nano'), await find('model=nano-pt-en'), await find('model:openai')]).toEqual([['Ranks'], ['Ranks'], ['Ranks']])
    expect([await find('packing=false'), await find('alpha=null shots=2'), await find('alpha!=null')]).toEqual([['Shots 100%'], ['Shots 100%'], ['Waiting']])
  })

  it('orders by name, runs and best score, with what has none last', async () => {
    await finished({ name: 'b', runs: [{ params: {}, accuracy: 0.5 }] })
    await finished({ name: 'C', runs: [{ params: {}, accuracy: 0.7 }, { params: {}, accuracy: 0.1 }] })
    await queued({ name: 'a', runs: [{ params: {}, accuracy: 0 }] })
    const by = (name: ExperimentOrder['by'], isDescending: boolean): Promise<string[]> => find('', { by: name, isDescending })
    expect(await by('name', false)).toEqual(['a', 'b', 'C'])
    expect(await by('best', true)).toEqual(['C', 'b', 'a'])
    expect(await by('best', false)).toEqual(['b', 'C', 'a'])
    expect(await by('runs', true)).toEqual(['C', 'a', 'b'])
    const page = await experiments.list({ limit: 1, offset: 1, order: { by: 'name', isDescending: false } })
    expect([page.total, page.experiments.map(({ name }) => name)]).toEqual([3, ['b']])
  })

  it('keeps what is archived or deleted out of sight until it is asked for', async () => {
    const { id } = await finished({ name: 'Old', runs: [{ params: {}, accuracy: 1 }] })
    await experiments.change(id, { archived: true, starred: true })
    expect([await find(''), await find('is:archived'), await find('is:starred')]).toEqual([[], ['Old'], []])
    await experiments.change(id, { archived: false })
    expect(await find('is:starred')).toEqual(['Old'])
    await shelf.delete(id)
    expect([await find(''), await find('is:deleted'), await experiments.count()]).toEqual([[], ['Old'], 0])
    await shelf.restore(id)
    expect([await find(''), await experiments.count()]).toEqual([['Old'], 1])
  })

  it('deletes nothing that works, and purges only what was deleted long enough and is not needed', async () => {
    const busy = await queued({ name: 'Busy', runs: [{ params: {}, accuracy: 0 }] })
    await expect(shelf.delete(busy.id)).rejects.toThrow('is queued; cancel it first')
    await expect(shelf.delete('none')).rejects.toThrow(AppError)

    const old = await finished({ name: 'Old', runs: [{ params: {}, accuracy: 1 }] })
    await shelf.delete(old.id)
    expect(await shelf.purge(60_000)).toEqual([])
    const [source = ''] = old.runIds
    const needs: Kept['runs'] = [{ params: { model: `run:${source}@20` }, accuracy: 0 }, { params: {}, accuracy: 0, rescoredFrom: source }]
    const readers = await Promise.all(needs.map((run) => queued({ name: 'Reader', runs: [run] })))
    for (const { runIds } of readers) {
      expect(await shelf.purge(0)).toEqual([])
      await new RunStore(database).cancel(runIds)
    }
    expect(await shelf.purge(0)).toEqual([{ id: old.id, runIds: old.runIds }])
    expect(await database.client.run.count({ where: { id: old.runIds[0] ?? '' } })).toBe(0)
  })

  it('brings an experiment back when one of its runs is queued again', async () => {
    const { id, runIds } = await queued({ name: 'Cancelled', runs: [{ params: {}, accuracy: 0 }] })
    const runs = new RunStore(database)
    await runs.cancel(runIds)
    await shelf.delete(id)
    await runs.retry(runIds[0] ?? '')
    expect(await find('is:active')).toEqual(['Cancelled'])
  })
}

describeOnBoth('search and shelf', keepsThePromise)
