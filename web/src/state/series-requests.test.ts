import { expect, it } from 'vitest'
import type { RunSeries } from '../../../server/contracts/metric.js'
import type { SeriesQuery } from '../api.js'
import { gatherRequests } from './series-requests.js'

const query = (keys: string[], runs = ['a', 'b']): SeriesQuery => ({ runs, keys, maxPoints: 300, from: null, to: null, digits: 5 })
const series = (key: string) => ({ key, points: 1, lastSteps: [1], lasts: [1], startTime: 0, times: [0], spread: null })

function reader() {
  const asked: { query: SeriesQuery; signal: AbortSignal }[] = []
  const get = async (one: SeriesQuery, signal: AbortSignal): Promise<RunSeries[]> => {
    asked.push({ query: one, signal })
    if (one.keys.includes('broken')) throw new Error('no such series')
    return one.runs.map((runId) => ({ runId, series: one.keys.map(series) }))
  }
  return { asked, read: gatherRequests(get) }
}

const never = new AbortController().signal

it('answers many charts by few requests, each chart with its own series', async () => {
  const { asked, read } = reader()
  const answers = await Promise.all(Array.from({ length: 8 }, (_, index) => read(query([`train/${index}`, `eval/${index}`]), never)))
  expect(asked.map((one) => one.query.keys.length)).toEqual([6, 6, 4])
  expect(answers.map((runs) => runs.map(({ series: own }) => own.map(({ key }) => key)))).toEqual(Array.from({ length: 8 }, (_, index) => [0, 1].map(() => [`train/${index}`, `eval/${index}`])))
})

it('asks apart for other runs, and alone for all series', async () => {
  const { asked, read } = reader()
  await Promise.all([read(query(['x']), never), read(query(['x'], ['c']), never), read(query([]), never), read(query(['x', 'y']), never)])
  expect(asked.map((one) => [one.query.runs.join(), one.query.keys.join()])).toEqual([['a,b', ''], ['a,b', 'x,y'], ['c', 'x']])
})

it('tells everyone who asked what failed, and gives up when nobody waits any more', async () => {
  const { asked, read } = reader()
  const failed = await Promise.allSettled([read(query(['broken']), never), read(query(['x']), never)])
  expect(failed.map(({ status }) => status)).toEqual(['rejected', 'rejected'])
  const [one, other] = [new AbortController(), new AbortController()]
  const both = Promise.all([read(query(['x']), one.signal), read(query(['y']), other.signal)])
  await both
  one.abort()
  expect(asked.at(-1)?.signal.aborted).toBe(false)
  other.abort()
  expect(asked.at(-1)?.signal.aborted).toBe(true)
  const before = asked.length
  await expect(read(query(['z']), AbortSignal.abort(new Error('gone')))).rejects.toThrow('gone')
  expect(asked).toHaveLength(before)
})
