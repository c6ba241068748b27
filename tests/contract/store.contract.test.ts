/* What the store promises of runs and workers, on the embedded database and on PostgreSQL. */
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { parseSearch } from '../../experiments/search-query.js'
import { AppError, type Assignment, type Example, type ExperimentSummary, type Finish, type Float, type Kind, type MetricPoint, type MetricSeries, type StoredResponse, type Summary } from '../../server/contracts/index.js'
import { CheckpointStore } from '../../server/store/checkpoint-store.js'
import { ClaimStore, MAX_DEATHS } from '../../server/store/claim-store.js'
import type { Database } from '../../server/store/database.js'
import { EventStore } from '../../server/store/event-store.js'
import { ExampleStore } from '../../server/store/example-store.js'
import { ExperimentStore, type ExperimentQuery, type PlannedExperiment } from '../../server/store/experiment-store.js'
import { LogStore } from '../../server/store/log-store.js'
import { CHUNK_POINTS, MetricStore } from '../../server/store/metric-store.js'
import { ResponseStore } from '../../server/store/response-store.js'
import { RaceStore, type Verdict } from '../../server/store/race-store.js'
import { RunStore } from '../../server/store/run-store.js'
import { ScoreStore } from '../../server/store/score-store.js'
import { WorkerStore } from '../../server/store/worker-store.js'
import { describeOnBoth, type OpenedDatabase } from '../support/databases.js'

const SUMMARY: Summary = { metrics: {}, primaryMetric: 'accuracy', latency: null, tokensIn: null, tokensOut: null, costUsd: null, durationMs: 5, generalizationGap: 'NaN' }
const done = (attempt: number): Finish => ({ attempt, status: 'succeeded', summary: SUMMARY })

function plan(kind: Kind = 'lora', runs = 2): PlannedExperiment {
  const spec = { kind, name: 'A sweep', dataset: 'spam', axes: {}, repeats: 1, seed: 1, tags: ['a', 'b'], notes: '', budget: { minutes: 3 } }
  return {
    spec: spec as PlannedExperiment['spec'],
    datasetHash: 'hash',
    axes: { zeta: [1], alpha: [2] },
    metrics: ['accuracy'],
    primaryMetric: 'accuracy',
    race: null,
    runs: Array.from({ length: runs }, (_, cell) => ({ cell, repeat: 0, seed: 7, name: `cell ${cell}`, params: { zeta: 1, alpha: [1, 'x'] }, varied: { zeta: 1 } })),
  }
}

function example(itemId: string, fields: Partial<Example> = {}): Example {
  return {
    itemId, cluster: null, input: 'in', output: 'out', target: 'out', status: 'scored', scores: { accuracy: 1 }, error: null,
    latencyMs: 1.5, ttftMs: null, tokensIn: 3, tokensOut: null, costUsd: null, cached: false, tokensCached: null, tokensReasoning: null, judgeCostUsd: null,
    details: {}, ...fields,
  }
}

function points(key: string, steps: number[], value: (step: number) => MetricPoint['value'] = (step) => step / 2): MetricPoint[] {
  return steps.map((step) => ({ key, step, value: value(step), time: 1_000 + step }))
}

const upTo = (count: number): number[] => Array.from({ length: count }, (_, step) => step)

function keepsThePromise(openDatabase: () => Promise<OpenedDatabase>): void {
  let database: Database
  let stop: () => Promise<void>
  let experiments: ExperimentStore
  let runs: RunStore
  let claims: ClaimStore
  let metrics: MetricStore
  let examples: ExampleStore
  let checkpoints: CheckpointStore
  let events: EventStore

  beforeAll(async () => {
    ;({ database, stop } = await openDatabase())
    experiments = new ExperimentStore(database)
    runs = new RunStore(database)
    claims = new ClaimStore(database)
    metrics = new MetricStore(database)
    examples = new ExampleStore(database)
    checkpoints = new CheckpointStore(database)
    events = new EventStore(database)
  })
  afterAll(() => stop())
  beforeEach(async () => {
    await database.client.experiment.deleteMany()
  })

  const queue = async (kind?: Kind, count?: number): Promise<string[]> => {
    const { created } = await experiments.create(plan(kind, count), () => Promise.resolve())
    return created.runs.map((run) => run.id)
  }
  const list = async (search: Partial<ExperimentQuery>): Promise<ExperimentSummary[]> => (await experiments.list({ limit: 10, ...search })).experiments
  const claimed = async (kind: Kind = 'lora'): Promise<{ id: string; assignment: Omit<Assignment, 'prices'> }> => {
    const [id = ''] = await queue(kind, 1)
    return { id, assignment: await claimAgain(id) }
  }
  const claimAgain = async (id: string, worker = 'w1'): Promise<Omit<Assignment, 'prices'>> => {
    const assignment = await claims.claim(id, worker, 2_000)
    if (assignment === null) throw new Error(`run ${id} could not be claimed`)
    return assignment
  }
  const silence = (id: string): Promise<unknown> => database.client.$executeRaw`UPDATE run SET heartbeat_at = now() - interval '1 hour' WHERE id = ${id}`
  const stepsOf = async (id: string, key: string): Promise<number[]> => {
    const [series] = await metrics.read(id, { keys: [key], maxPoints: 1_000_000 })
    return series?.buckets.map((bucket) => bucket.firstStep) ?? []
  }
  const commitCheckpoint = async (id: string, attempt: number, step: number): Promise<void> => {
    const file = { name: 'adapter.bin', sizeBytes: 3, sha256: `${step}`.padStart(64, '0') }
    await checkpoints.addFile({ runId: id, step, attempt }, file)
    await checkpoints.commit(id, step, { attempt, metrics: { 'eval/loss': 1 / (step + 1), 'eval/odd': 'NaN' }, samples: [{ step, index: 0, prompt: 'p', output: 'o', expected: null }], losses: [], files: [file] })
  }
  const isFenced = (error: unknown): boolean => error instanceof AppError && error.code === 'fenced'

  it('stores an experiment with its runs in order, or nothing of it', async () => {
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

  describe('a race', () => {
    const RACE = { arms: 3, items: 100, looks: [40, 70, 100], error: 0.05, calls: null }
    let races: RaceStore
    beforeAll(() => {
      races = new RaceStore(database)
    })
    const queueRace = async (): Promise<string[]> => {
      const { created } = await experiments.create({ ...plan('prompt', 3), race: RACE }, () => Promise.resolve())
      return created.runs.map((run) => run.id)
    }
    /** Claims and finishes each run, as a worker that answers what it may. */
    const round = async (ids: string[]): Promise<void> => {
      for (const id of ids) await claims.finish(id, done((await claimAgain(id)).attempt))
    }
    const dueRace = async () => {
      const [race] = await races.due()
      if (race === undefined) throw new Error('no race is due')
      return race
    }
    const verdict = (more: Partial<Verdict>): Verdict => ({ stopped: [], left: [], next: null, outcome: 'running', reason: null, ...more })
    const statuses = async (ids: string[]) => (await runs.readMany(ids)).map(({ status }) => status)

    it('lets runs wait for each other, and is due when all of them do', async () => {
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
      const [a = '', b = '', c = ''] = await queueRace()
      await round([a, b, c])
      const race = await dueRace()
      expect(await runs.cancel([c])).toEqual([c])
      expect(await races.settle(race, verdict({ stopped: [{ id: c, reason: { en: 'worse', pt: 'pior' } }], left: [a, b], next: 70 }))).toBeNull()
      expect(await statuses([a, b, c])).toEqual(['waiting', 'waiting', 'cancelled'])
      expect(await races.due()).toMatchObject([{ runs: [{ id: a }, { id: b }] }])
    })

    it('goes on without a run that failed, and takes it back where the others are', async () => {
      const [a = '', b = '', c = ''] = await queueRace()
      await round([a, b])
      await claims.finish(c, { attempt: (await claimAgain(c)).attempt, status: 'failed', error: { code: 'x', message: 'no' }, summary: null })
      await races.settle(await dueRace(), verdict({ left: [a, b], next: 70 }))
      await runs.retry(c)
      expect((await claimAgain(c)).allowance).toBe(70)
    })

    it('lets a stopped run answer all its items when it is retried', async () => {
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
      const [a = ''] = await queueRace()
      const { attempt } = await claimAgain(a)
      await runs.cancel([a])
      await claims.finish(a, { attempt, status: 'cancelled', summary: null })
      expect((await runs.read(a)).status).toBe('cancelled')
    })
  })

  it('packs the scores of a run into columns, and reads the texts of a few items', async () => {
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

  it('names the best finished run of an experiment, whichever way its metric points', async () => {
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
    const [id = ''] = await queue()
    expect(Math.abs(Date.parse((await runs.read(id)).createdAt) - Date.now())).toBeLessThan(60_000)
  })

  it('gives a run to one of many who claim it', async () => {
    const [id = ''] = await queue('lora', 1)
    const won = await Promise.all(Array.from({ length: 8 }, (_, index) => claims.claim(id, `w${index}`, 2_000)))
    expect(won.filter((assignment) => assignment !== null)).toHaveLength(1)
    expect(await runs.read(id)).toMatchObject({ status: 'running', attempt: 1 })
    expect(won.find((assignment) => assignment !== null)).toMatchObject({ attempt: 1, budget: { minutes: 3 }, resume: { checkpointStep: null, doneItems: [] } })
  })

  it('refuses every write of an attempt that lost its run, and stores nothing of it', async () => {
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

  it('keeps NaN and infinities in series, scores and checkpoints', async () => {
    const { id } = await claimed()
    await metrics.append(id, 1, [...points('loss', [1, 2, 3], (step) => (step === 2 ? 'NaN' : step === 3 ? '-Infinity' : 0.1)), ...points('other', [1], () => 'Infinity')])
    expect(await metrics.read(id, { maxPoints: 10 })).toEqual([
      {
        key: 'loss',
        points: 3,
        startTime: 1001,
        buckets: [
          { firstStep: 1, lastStep: 1, min: 0.1, max: 0.1, last: 0.1, lastTime: 1001, n: 1, nonFinite: 0 },
          { firstStep: 2, lastStep: 2, min: null, max: null, last: 'NaN', lastTime: 1002, n: 1, nonFinite: 1 },
          { firstStep: 3, lastStep: 3, min: null, max: null, last: '-Infinity', lastTime: 1003, n: 1, nonFinite: 1 },
        ],
      },
      { key: 'other', points: 1, startTime: 1001, buckets: [{ firstStep: 1, lastStep: 1, min: null, max: null, last: 'Infinity', lastTime: 1001, n: 1, nonFinite: 1 }] },
    ])
    expect((await runs.read(id)).latest).toEqual({ loss: '-Infinity', other: 'Infinity' })
    const odd = example('odd', { scores: { accuracy: 'NaN', mrr: 0.25, hit: '-Infinity', 'my "own", {odd\\} one': 1, NULL: 0, '': 2 }, output: 'a\0b', details: { text: 'c\0d', list: [1, null] } })
    await examples.append(id, 1, [odd])
    expect((await examples.page(id, { offset: 0, limit: 10 })).examples).toEqual([{ ...odd, output: 'a\uFFFDb', details: { text: 'c\uFFFDd', list: [1, null] } }])
    await commitCheckpoint(id, 1, 5)
    expect((await checkpoints.list(id))[0]?.metrics).toEqual({ 'eval/loss': 1 / 6, 'eval/odd': 'NaN' })
    await claims.finish(id, done(1))
    expect((await runs.read(id)).summary?.generalizationGap).toBe('NaN')
  })

  it('counts what is sent again once', async () => {
    const { id } = await claimed('prompt')
    const batch = [...points('loss', upTo(10)), ...points('rate', [3, 1, 2, 2])]
    for (let turn = 0; turn < 2; turn += 1) await metrics.append(id, 1, batch)
    await metrics.append(id, 1, points('loss', [8, 9, 10]))
    expect(await stepsOf(id, 'loss')).toEqual(upTo(11))
    expect(await stepsOf(id, 'rate')).toEqual([1, 2, 3])
    await examples.append(id, 1, [example('a'), example('b')])
    await examples.append(id, 1, [example('b', { output: 'second' }), example('c'), example('c', { output: 'second' })])
    const page = await examples.page(id, { offset: 0, limit: 10 })
    expect(page.examples.map(({ itemId, output }) => [itemId, output])).toEqual([['a', 'out'], ['b', 'out'], ['c', 'out']])
    const logs = new LogStore(database)
    const line = { time: 1.5, level: 'info' as const, message: 'hello' }
    await logs.append(id, 1, [line, { ...line, message: 'other' }])
    await logs.append(id, 1, [line])
    expect((await logs.read(id, { limit: 10 })).map(({ message }) => message)).toEqual(['hello', 'other'])
    await commitCheckpoint(id, 1, 4)
    await commitCheckpoint(id, 1, 4)
    expect(await checkpoints.list(id)).toHaveLength(1)
    for (let turn = 0; turn < 2; turn += 1) await claims.finish(id, done(1))
    expect((await runs.read(id)).status).toBe('succeeded')
  })

  it('keeps long series whole across chunks, batch sizes and ranges', async () => {
    const { id } = await claimed()
    const total = CHUNK_POINTS * 2 + 700
    for (let from = 0; from < total; from += 371) await metrics.append(id, 1, points('loss', upTo(total).slice(from, from + 371)))
    await metrics.append(id, 1, points('loss', upTo(total + 3 * CHUNK_POINTS).slice(total)))
    expect(await stepsOf(id, 'loss')).toEqual(upTo(total + 3 * CHUNK_POINTS))
    const [part] = await metrics.read(id, { keys: ['loss'], maxPoints: 1_000_000, from: 2_000, to: 2_100 })
    expect(part).toMatchObject({ points: 101 })
    const [cut] = await metrics.read(id, { keys: ['loss'], maxPoints: 100 })
    expect(cut?.buckets).toHaveLength(50)
    expect(cut?.buckets.reduce((sum, bucket) => sum + bucket.n, 0)).toBe(total + 3 * CHUNK_POINTS)
    expect((await runs.read(id)).latest).toEqual({ loss: (total + 3 * CHUNK_POINTS - 1) / 2 })
  })

  it('draws long series from overviews that lose no spike, no NaN and no point, whatever was cut off', async () => {
    const { id } = await claimed('lora')
    const values = new Map<number, Float>([[1_000, 99], [5_000, 'NaN'], [7_001, '-Infinity'], [9_000, -7]])
    const all = upTo(CHUNK_POINTS * 6 + 50).map((step) => ({ key: 'loss', step, value: values.get(step) ?? 1, time: step * 10 }))
    for (let from = 0; from < all.length; from += 997) await metrics.append(id, 1, all.slice(from, from + 997))
    const [coarse] = await metrics.read(id, { keys: ['loss'], maxPoints: 100 })
    const [fine] = await metrics.read(id, { keys: ['loss'], maxPoints: all.length })
    const about = (series: MetricSeries | undefined) => {
      const buckets = series?.buckets ?? []
      const edges = [buckets.flatMap(({ min }) => min ?? []), buckets.flatMap(({ max }) => max ?? [])]
      return { points: series?.points, n: buckets.reduce((sum, { n }) => sum + n, 0), odd: buckets.reduce((sum, { nonFinite }) => sum + nonFinite, 0), least: Math.min(...(edges[0] ?? []).map(Number)), most: Math.max(...(edges[1] ?? []).map(Number)), first: buckets[0]?.firstStep, last: buckets.at(-1)?.lastStep }
    }
    // 12 points ask for the coarsest grain of the overviews, 40 for the middle one, 100 for the finest.
    for (const maxPoints of [12, 40, 100]) expect([maxPoints, about((await metrics.read(id, { keys: ['loss'], maxPoints }))[0])]).toEqual([maxPoints, about(fine)])
    expect(about(coarse)).toEqual({ points: all.length, n: all.length, odd: 2, least: -7, most: 99, first: 0, last: all.length - 1 })
    expect(coarse?.buckets.length).toBeLessThanOrEqual(51)
    const [many] = await metrics.readMany([id], { maxPoints: 100, digits: 6 })
    expect(many?.series[0]?.lastSteps).toEqual(coarse?.buckets.map(({ lastStep }) => lastStep))

    await commitCheckpoint(id, 1, 8_500)
    await claims.finish(id, { attempt: 1, status: 'released' })
    const { attempt } = await claimAgain(id)
    expect(about((await metrics.read(id, { keys: ['loss'], maxPoints: 60 }))[0])).toMatchObject({ points: 8_501, n: 8_501, least: 1, most: 99, last: 8_500 })
    await metrics.append(id, attempt, [{ key: 'loss', step: 8_501, value: -3, time: 1 }])
    await claims.finish(id, done(attempt))
    const whole = await database.client.$queryRaw<{ open: number }[]>`SELECT count(*)::int AS open FROM metric_chunk WHERE run_id = ${id} AND key = 'loss' AND overview IS NULL`
    expect(whole).toEqual([{ open: 0 }])
    expect(about((await metrics.read(id, { keys: ['loss'], maxPoints: 60 }))[0])).toMatchObject({ points: 8_502, least: -3, last: 8_501 })
  })

  it('goes on from the last checkpoint: later points are forgotten for training kinds only', async () => {
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

  it('keeps a reply once, finds it by its key, and counts to its run what it cost', async () => {
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

  it('forgets all points of a training run that died before its first checkpoint', async () => {
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
    const { id } = await claimed()
    await claims.heartbeat(id, 1, { done: 1, total: 10, unit: 'steps' })
    expect(await claims.recoverStale(15_000)).toEqual([])
    expect(await claims.recoverWorker('another')).toEqual([])
    expect(await claims.recoverWorker('w1')).toMatchObject([{ runId: id }])
    expect(await runs.read(id)).toMatchObject({ status: 'queued', worker: null, progress: { done: 1 } })
  })

  it('cancels a waiting run at once and a running one by its heartbeat', async () => {
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
    const { id } = await claimed()
    await runs.cancel([id])
    expect(await claims.recoverWorker('w1')).toEqual([])
    expect((await runs.read(id)).status).toBe('cancelled')
  })

  it('retries a failed run: answers stay, failed items are asked again', async () => {
    const { id } = await claimed('prompt')
    await expect(runs.retry(id)).rejects.toMatchObject({ code: 'conflict' })
    await examples.append(id, 1, [example('good'), example('bad', { status: 'error', error: 'timeout', scores: {} })])
    await claims.finish(id, { attempt: 1, status: 'failed', error: { code: 'endpoint', message: 'down' }, summary: null })
    expect((await runs.read(id)).error).toEqual({ code: 'endpoint', message: 'down' })
    expect(await runs.retry(id)).toMatchObject({ runId: id, kind: 'prompt' })
    expect(await runs.read(id)).toMatchObject({ status: 'queued', error: null, finishedAt: null })
    expect((await claimAgain(id)).resume.doneItems).toEqual(['good'])
  })

  it('forgets the answers of a run with the run', async () => {
    const { id } = await claimed('prompt')
    const { id: other } = await claimed('prompt')
    for (const run of [id, other]) await examples.append(run, 1, [example('a'), example('b')])
    await database.client.run.delete({ where: { id } })
    expect(await database.client.example.groupBy({ by: ['runId'], _count: true })).toEqual([{ runId: other, _count: 2 }])
  })

  it('derives the status of an experiment from its runs', async () => {
    const [first = '', second = ''] = await queue('lora', 2)
    const status = async (): Promise<string | undefined> => (await list({ limit: 1 }))[0]?.status
    expect(await status()).toBe('queued')
    await Promise.all([claimAgain(first, 'w1'), claimAgain(second, 'w2')])
    expect(await status()).toBe('running')
    await Promise.all([claims.finish(first, done(1)), claims.finish(second, { attempt: 1, status: 'failed', error: { code: 'x', message: 'y' }, summary: null })])
    expect(await status()).toBe('failed')
  })

  it('ends many runs of one experiment at the same time', async () => {
    const ids = await queue('lora', 10)
    await Promise.all(ids.map((id, index) => claimAgain(id, `w${index}`)))
    await Promise.all(ids.map((id) => claims.finish(id, done(1))))
    expect(await list({ limit: 1 })).toMatchObject([{ status: 'succeeded', runCounts: { succeeded: 10 } }])
  })

  it('commits a checkpoint only when every file is there as named', async () => {
    const { id } = await claimed()
    const file = { name: 'adapter.bin', sizeBytes: 3, sha256: 'a'.repeat(64) }
    const commit = (files: (typeof file)[]): Promise<void> => checkpoints.commit(id, 5, { attempt: 1, metrics: {}, samples: [], losses: [], files })
    await expect(commit([file])).rejects.toMatchObject({ code: 'invalid_request', problems: [{ path: 'files.adapter.bin', message: 'was not uploaded' }] })
    await checkpoints.addFile({ runId: id, step: 5, attempt: 1 }, { ...file, sha256: 'b'.repeat(64) })
    await expect(commit([file])).rejects.toMatchObject({ problems: [{ message: 'arrived with other content' }] })
    await expect(checkpoints.file(id, 5, 'adapter.bin')).rejects.toMatchObject({ code: 'not_found' })
    await checkpoints.addFile({ runId: id, step: 5, attempt: 1 }, file)
    await commit([file])
    expect(await checkpoints.file(id, 5, 'adapter.bin')).toEqual(file)
    await expect(checkpoints.addFile({ runId: id, step: 5, attempt: 1 }, { ...file, sha256: 'c'.repeat(64) })).rejects.toMatchObject({ code: 'conflict' })
  })

  it('forgets a checkpoint, but neither the picked nor the last one, and gives up the files that nothing names', async () => {
    const { id } = await claimed()
    const shared = { name: 'adapter_config.json', sizeBytes: 2, sha256: 'c'.repeat(64) }
    for (const step of [1, 2, 3]) {
      const own = { name: 'adapter.bin', sizeBytes: 3, sha256: `${step}`.padStart(64, '0') }
      for (const file of [own, shared]) await checkpoints.addFile({ runId: id, step, attempt: 1 }, file)
      await checkpoints.commit(id, step, { attempt: 1, metrics: {}, samples: [{ step, index: 0, prompt: 'p', output: 'o', expected: null }], losses: [], files: [own, shared] })
    }
    await checkpoints.pick(id, 2)
    expect(await checkpoints.drop(id, 2, 1)).toEqual([])
    expect(await checkpoints.drop(id, 3, 1)).toEqual([])
    expect(await checkpoints.drop(id, 1, 1)).toEqual(['1'.padStart(64, '0')])
    expect(await checkpoints.drop(id, 1, 1)).toEqual([])
    expect((await checkpoints.list(id)).map(({ step }) => step)).toEqual([2, 3])
    expect((await checkpoints.samples(id)).map(({ step }) => step)).toEqual([1, 2, 3])
    await expect(checkpoints.pick(id, 1)).rejects.toMatchObject({ code: 'not_found' })
    await expect(checkpoints.drop(id, 2, 2)).rejects.toSatisfy(isFenced)
  })

  it('picks one checkpoint of a run', async () => {
    const { id } = await claimed()
    for (const step of [1, 2]) await commitCheckpoint(id, 1, step)
    await expect(checkpoints.pick(id, 3)).rejects.toThrow('it has them at 1, 2')
    await checkpoints.pick(id, 1)
    await checkpoints.pick(id, 2)
    expect((await checkpoints.list(id)).map(({ picked }) => picked)).toEqual([false, true])
    await checkpoints.unpick(id, 1)
    expect((await runs.read(id)).pickedStep).toBe(2)
    await checkpoints.unpick(id, 2)
    expect((await runs.read(id)).pickedStep).toBeNull()
  })

  it('finds examples by status and text, taking the text as it is', async () => {
    const { id } = await claimed('prompt')
    await examples.append(id, 1, [example('1', { input: '100% sure' }), example('2', { output: 'UNDER_score' }), example('3', { status: 'unscored', scores: {} })])
    const ids = async (query: object): Promise<string[]> => (await examples.page(id, { offset: 0, limit: 10, ...query })).examples.map(({ itemId }) => itemId)
    expect(await ids({ text: '0%' })).toEqual(['1'])
    expect(await ids({ text: 'r_S' })).toEqual(['2'])
    expect(await ids({ text: '%' })).toEqual(['1'])
    expect(await ids({ status: 'unscored' })).toEqual(['3'])
    expect(await examples.page(id, { offset: 1, limit: 1 })).toMatchObject({ total: 3, examples: [{ itemId: '2' }] })
  })

  it('numbers events in the order of the commits, and tells only of what was stored', async () => {
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

  it('names the kinds that wait, the oldest first', async () => {
    const [rag = ''] = await queue('rag', 1)
    await queue('lora', 1)
    expect(await runs.waitingKinds(['lora', 'rag', 'prompt'])).toEqual(['rag', 'lora'])
    await claimAgain(rag)
    expect(await runs.waitingKinds(['lora', 'rag', 'prompt'])).toEqual(['lora'])
  })

  it('knows its workers', async () => {
    const workers = new WorkerStore(database)
    const beat = { worker: 'w9', host: 'here', devices: [{ id: 'cpu', kind: 'cpu' as const, name: 'CPU', threads: 2, memoryBytes: 5e9 }], running: ['r1'] }
    await workers.beat(beat)
    expect(await workers.list()).toMatchObject([{ name: 'w9', alive: true, running: ['r1'], devices: beat.devices }])
    await workers.leave('w9')
    expect((await workers.list()).filter(({ alive }) => alive)).toEqual([])
  })
}

describeOnBoth('the store', keepsThePromise)
