import { describe, expect, it } from 'vitest'
import type { MetricBucket } from '../../../server/contracts/metric.js'
import { placeBuckets, placingKeys, stepsWithin, xKindsOf } from './x-axis.js'

const bucket = (lastStep: number, last = 0, lastTime = 0): MetricBucket => ({ firstStep: lastStep, lastStep, min: last, max: last, last, lastTime, n: 1, nonFinite: 0 })
const series = (key: string, buckets: MetricBucket[]) => ({ key, points: buckets.length, startTime: buckets[0]?.lastTime ?? 0, buckets })

describe('placeBuckets', () => {
  it('takes the progress between two known steps as even, from nothing at step 0, and never goes beyond what is known', () => {
    const place = placeBuckets('tokens', [series('train/num_tokens', [bucket(10, 1000), bucket(20, 3000)])])
    expect([0, 5, 10, 15, 20, 21].map((step) => place(bucket(step)))).toEqual([0, 500, 1000, 2000, 3000, Number.NaN])
  })

  it('counts time from the first point of the run, whichever series has it', () => {
    const place = placeBuckets('time', [series('train/loss', [bucket(1, 2, 5000)]), series('eval/loss', [bucket(0, 2, 4000)])])
    expect(place(bucket(9, 1, 6500))).toBe(2500)
  })

  it('has no place where the run reports no progress', () => {
    expect(placeBuckets('epoch', [])(bucket(3))).toBeNaN()
  })
})

it('offers only what the series allow', () => {
  expect(xKindsOf(new Set(['train/loss', 'train/epoch']))).toEqual(['step', 'epoch', 'time'])
  expect(placingKeys('step', ['eval/loss'])).toEqual([])
  expect(placingKeys('epoch', ['eval/loss'])).toEqual(['train/epoch'])
})

it('finds the steps of a range of x over runs of different speed', () => {
  const buckets = [1, 2, 3, 4].map((step) => bucket(step))
  const all = [{ buckets, place: ({ lastStep }: { lastStep: number }) => lastStep * 10 }, { buckets, place: ({ lastStep }: { lastStep: number }) => lastStep * 5 }]
  expect(stepsWithin(all, { from: 9, to: 21 })).toEqual({ from: 1, to: 4 })
  expect(stepsWithin(all, { from: 11, to: 14 })).toBeNull()
})
