import { expect, it } from 'vitest'
import { bucketGroups, bucketPoints } from './metric-buckets.js'

const series = (values: number[], step = (index: number): number => index) => ({ steps: values.map((_, index) => step(index)), values, times: values.map((_, index) => index * 10) })

it('keeps every point while there are few', () => {
  expect(bucketPoints(series([1, Number.NaN]), 2)).toEqual([
    { firstStep: 0, lastStep: 0, min: 1, max: 1, last: 1, lastTime: 0, n: 1, nonFinite: 0 },
    { firstStep: 1, lastStep: 1, min: null, max: null, last: 'NaN', lastTime: 10, n: 1, nonFinite: 1 },
  ])
})

it('cuts many points into half as many buckets without losing a spike or a NaN', () => {
  const values = Array.from({ length: 10_000 }, () => 1)
  values[4_321] = 99
  values[7_654] = Number.NEGATIVE_INFINITY
  values[9_999] = Number.NaN
  const buckets = bucketPoints(series(values), 200)
  expect(buckets).toHaveLength(100)
  expect(buckets.reduce((sum, bucket) => sum + bucket.n, 0)).toBe(10_000)
  expect(buckets.filter((bucket) => bucket.max === 99)).toHaveLength(1)
  expect(buckets.reduce((sum, bucket) => sum + bucket.nonFinite, 0)).toBe(2)
  expect(buckets.at(-1)).toMatchObject({ lastStep: 9_999, last: 'NaN', min: 1, max: 1 })
})

it('makes buckets of equal width in steps, and none where there are no points', () => {
  const buckets = bucketPoints(series(Array.from({ length: 10 }, (_, index) => index), (index) => (index < 9 ? index : 1_000)), 4)
  expect(buckets.map(({ firstStep, lastStep, n }) => [firstStep, lastStep, n])).toEqual([[0, 8, 9], [1_000, 1_000, 1]])
})

it('cuts groups as it cuts points: nothing is lost, and groups stay whole', () => {
  const values = Array.from({ length: 1_000 }, (_, index) => (index === 321 ? 99 : index === 700 ? Number.NaN : 1))
  const groups = bucketPoints(series(values), 200)
  const buckets = bucketGroups(groups, 20)
  expect(buckets).toHaveLength(10)
  expect(buckets.reduce((sum, { n }) => sum + n, 0)).toBe(1_000)
  expect(buckets.filter(({ max }) => max === 99)).toHaveLength(1)
  expect(buckets.reduce((sum, { nonFinite }) => sum + nonFinite, 0)).toBe(1)
  expect(bucketGroups(bucketPoints(series(values), 1_000), 20)).toEqual(bucketPoints(series(values), 20))
  expect([bucketGroups(groups, 200), bucketGroups([], 10)]).toEqual([groups, []])
})
