import { describe, expect, it } from 'vitest'
import { bucketPoints } from './metric-buckets.js'
import { columnsOf } from './series-columns.js'

const points = { steps: [1, 2, 3, 4], values: [1.23456789, Number.NaN, 3, 2], times: [1000, 1010, 1020, 1030] }
const series = (maxPoints: number) => ({ key: 'train/loss', points: 4, startTime: 1000, buckets: bucketPoints(points, maxPoints) })

describe('columnsOf', () => {
  it('leaves out what single points do not need, and keeps NaN by its name', () => {
    expect(columnsOf(series(4), 4)).toEqual({
      key: 'train/loss', points: 4, startTime: 1000, lastSteps: [1, 2, 3, 4], lasts: [1.235, 'NaN', 3, 2], times: [0, 10, 10, 10], spread: null,
    })
  })

  it('keeps the spread of buckets and, without digits, every digit', () => {
    const { spread, lasts } = columnsOf(series(2))
    expect(lasts).toEqual([2])
    expect(spread).toEqual({ gaps: [1], mins: [1.23456789], maxs: [3], ns: [4], nonFinites: [1] })
  })
})
