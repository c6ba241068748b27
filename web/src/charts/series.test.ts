import { expect, it } from 'vitest'
import { readColumns } from './series.js'

it('reads back the buckets that the server laid out in columns', () => {
  const spread = { gaps: [1, 3], mins: [1, null], maxs: [4, null], ns: [5, 2], nonFinites: [0, 2] }
  expect(readColumns({ key: 'train/loss', points: 7, startTime: 1000, lastSteps: [5, 9], lasts: [2, 'NaN'], times: [40, 20], spread })).toEqual({
    key: 'train/loss', points: 7, startTime: 1000,
    buckets: [
      { firstStep: 1, lastStep: 5, min: 1, max: 4, last: 2, lastTime: 1040, n: 5, nonFinite: 0 },
      { firstStep: 8, lastStep: 9, min: null, max: null, last: 'NaN', lastTime: 1060, n: 2, nonFinite: 2 },
    ],
  })
})

it('needs no spread where every bucket is one point', () => {
  const { buckets } = readColumns({ key: 'eval/loss', points: 2, startTime: 0, lastSteps: [5, 9], lasts: [2, 'NaN'], times: [0, 20], spread: null })
  expect(buckets.map(({ firstStep, min, nonFinite, lastTime }) => [firstStep, min, nonFinite, lastTime])).toEqual([[5, 2, 0, 0], [9, null, 1, 20]])
})
