import { describe, expect, it } from 'vitest'
import type { MetricBucket } from '../../../server/contracts/metric.js'
import { brokenInWords, endsOf, linesCsv, linesOf, nearestIndex } from './lines.js'

const bucket = (step: number, last: MetricBucket['last'], more: Partial<MetricBucket> = {}): MetricBucket => {
  const finite = typeof last === 'number'
  return { firstStep: step, lastStep: step, min: finite ? last : null, max: finite ? last : null, last, lastTime: 0, n: 1, nonFinite: finite ? 0 : 1, ...more }
}

describe('linesOf', () => {
  it('draws the last value of each bucket and leaves a gap at NaN, never a 0', () => {
    const { line, broken } = linesOf({ buckets: [bucket(1, 3), bucket(2, 'NaN'), bucket(3, 2)] }, 0)
    expect(line).toEqual([{ x: 1, y: 3 }, { x: 2, y: Number.NaN }, { x: 3, y: 2 }])
    expect(broken).toEqual([{ x: 2, y: 3 }])
  })

  it('marks where a stretch of NaN begins and ends', () => {
    const { broken } = linesOf({ buckets: [bucket(1, 3), ...[2, 3, 4, 5].map((step) => bucket(step, 'NaN'))] }, 0)
    expect(broken).toEqual([{ x: 2, y: 3 }, { x: 5, y: 3 }])
  })

  it('marks a NaN inside of a bucket whose last value is finite', () => {
    const { broken } = linesOf({ buckets: [bucket(5, 1, { firstStep: 1, n: 5, nonFinite: 2, min: 0.5, max: 4 })] }, 0)
    expect(broken).toEqual([{ x: 5, y: 0.5 }])
  })

  it('shows the spread of a bucket, or the raw line under a smoothed one', () => {
    const buckets = [bucket(2, 2, { firstStep: 1, n: 2, min: 1, max: 9 }), bucket(4, 2, { firstStep: 3, n: 2, min: 2, max: 3 })]
    const plain = linesOf({ buckets }, 0)
    expect([plain.low?.map(({ y }) => y), plain.high?.map(({ y }) => y), plain.raw]).toEqual([[1, 2], [9, 3], null])
    const smoothed = linesOf({ buckets }, 0.6)
    expect([smoothed.low, smoothed.raw?.map(({ y }) => y)]).toEqual([null, [2, 2]])
    expect(linesOf({ buckets, isMean: true }, 0.6).low?.map(({ y }) => y)).toEqual([1, 2])
  })

  it('draws nothing where the place along x is not known', () => {
    const place = ({ lastStep }: { lastStep: number }): number => (lastStep > 2 ? Number.NaN : lastStep / 10)
    const one = { id: 'a', label: 'a', slot: 0, role: 'train' as const, buckets: [bucket(0, 1), bucket(2, 2), bucket(3, 'NaN')], place }
    expect(linesOf(one, 0)).toMatchObject({ line: [{ x: 0, y: 1 }, { x: 0.2, y: 2 }], broken: [] })
    expect([endsOf([one]), endsOf([one], true)]).toEqual([{ min: 0, max: 0.2 }, { min: 0.1, max: 0.4 }])
    expect([endsOf([{ ...one, buckets: [] }]), endsOf([{ ...one, place: () => 7 }])]).toEqual([{}, { min: 6, max: 8 }])
  })

  it('has no height for marks when nothing is finite, and says so in words', () => {
    const buckets = [bucket(1, 'NaN'), bucket(2, 'Infinity')]
    expect(linesOf({ buckets }, 0).broken).toEqual([])
    expect(brokenInWords([{ id: 'a', label: 'rank=64 train', slot: 0, role: 'train', buckets }])).toEqual([
      'rank=64 train: 2 values are NaN or infinite, first at step 1',
    ])
  })
})

describe('nearestIndex', () => {
  const points = [0, 10, 20].map((x) => ({ x, y: 0 }))
  it.each([[-5, 0], [4, 0], [6, 1], [15, 1], [16, 2], [99, 2]])('x = %d', (x, index) => {
    expect(nearestIndex(points, x)).toBe(index)
  })
  it('has none for no points', () => expect(nearestIndex([], 1)).toBe(-1))
})

it('writes every bucket into the table of data', () => {
  expect(linesCsv([{ id: 'a', label: 'a', slot: 0, role: 'eval', buckets: [bucket(3, 'NaN')] }], 'step')[1]).toEqual(['a', '3', '3', 'NaN', '', '', '1', '1'])
})

it('writes a value of single precision in the digits that name it there, and others as they are', () => {
  const values = [Math.fround(0.1), Math.fround(16_777_217), Math.fround(1e-40), 0.1, 1 / 3, -2].map((value, step) => bucket(step, value))
  const [, ...rows] = linesCsv([{ id: 'a', label: 'a', slot: 0, role: 'train', buckets: values }], 'step')
  const written = rows.map((row) => row[3] ?? '')
  expect(written).toEqual(['0.1', '16777216', expect.any(String), '0.1', '0.3333333333333333', '-2'])
  expect(Math.fround(Number(written[2]))).toBe(Math.fround(1e-40))
})
