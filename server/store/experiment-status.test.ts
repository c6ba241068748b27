import { expect, it } from 'vitest'
import { emptyCounts, statusOf } from './experiment-status.js'

it.each([
  [{ queued: 3 }, 'queued'],
  [{ queued: 2, succeeded: 1 }, 'running'],
  [{ running: 1, failed: 4 }, 'running'],
  [{ succeeded: 3 }, 'succeeded'],
  [{ succeeded: 3, cancelled: 1 }, 'cancelled'],
  [{ succeeded: 3, cancelled: 1, failed: 1 }, 'failed'],
])('says of %j that it is %s', (counts, status) => {
  expect(statusOf({ ...emptyCounts(), ...counts })).toBe(status)
})
