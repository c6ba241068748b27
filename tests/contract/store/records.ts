/* Series and checkpoints are kept whole, with their NaN, and once, whatever is sent again. */
import { expect, it } from 'vitest'
import type { Float, MetricSeries } from '../../../server/contracts/index.js'
import { LogStore } from '../../../server/store/log-store.js'
import { CHUNK_POINTS } from '../../../server/store/metric-store.js'
import { done, example, isFenced, points, type StoreRig, upTo } from './rig.js'

export function promisesOfRecords(rig: () => StoreRig): void {
  it('keeps NaN and infinities in series, scores and checkpoints', async () => {
    const { runs, claims, metrics, examples, checkpoints, claimed, commitCheckpoint } = rig()
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
    const odd = example('odd', { scores: { accuracy: 'NaN', mrr: 0.25, hit: '-Infinity', 'my "own", {odd\\} one': 1, NULL: 0, '': 2 }, output: 'a\0b\uD83D', details: { 'te\0xt': 'c\0d\uDE00', list: [1, null] } })
    await examples.append(id, 1, [odd])
    expect((await examples.page(id, { offset: 0, limit: 10 })).examples).toEqual([{ ...odd, output: 'a\uFFFDb\uFFFD', details: { 'te\uFFFDxt': 'c\uFFFDd\uFFFD', list: [1, null] } }])
    await commitCheckpoint(id, 1, 5)
    expect((await checkpoints.list(id))[0]?.metrics).toEqual({ 'eval/loss': 1 / 6, 'eval/odd': 'NaN' })
    await claims.finish(id, done(1))
    expect((await runs.read(id)).summary?.generalizationGap).toBe('NaN')
  })

  it('counts what is sent again once', async () => {
    const { database, runs, claims, metrics, examples, checkpoints, claimed, stepsOf, commitCheckpoint } = rig()
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
    const { runs, metrics, claimed, stepsOf } = rig()
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
    const { database, claims, metrics, claimed, claimAgain, commitCheckpoint } = rig()
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

  it('commits a checkpoint only when every file is there as named', async () => {
    const { checkpoints, claimed } = rig()
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
    const { checkpoints, claimed } = rig()
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
    const { runs, checkpoints, claimed, commitCheckpoint } = rig()
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
}
