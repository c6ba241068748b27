import { describe, expect, it } from 'vitest'
import { stepsPerEpoch, warmupOf } from './training-schedule.js'

describe('warmupOf', () => {
  const log: string[] = []
  const report = { log: (_level: string, message: string): number => log.push(message) }

  it('rounds a ratio up, as Hugging Face does, and prefers it to a number of steps', () => {
    expect([0.1, 0.03, 1, 0].map((warmupRatio) => warmupOf({ warmupSteps: 7, warmupRatio }, 25, report))).toEqual([3, 1, 25, 0])
    expect(log).toEqual([])
  })

  it('cuts a warm-up longer than the run, and says so', () => {
    expect(warmupOf({ warmupSteps: 25 }, 25, report)).toBe(25)
    expect(log).toEqual([])
    expect(warmupOf({ warmupSteps: 100 }, 25, report)).toBe(25)
    expect(log).toEqual(['warmupSteps 100 is more than the 25 steps of this run; the rate rises over all of them'])
  })
})

it('counts an update per window of batches, the last one of an epoch included', () => {
  expect(stepsPerEpoch(33, { batchSize: 4, accumulationSteps: 2 })).toBe(5)
  expect(stepsPerEpoch(32, { batchSize: 4, accumulationSteps: 2 })).toBe(4)
})
