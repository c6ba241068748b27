import { describe, expect, it } from 'vitest'
import { simulate } from '../tests/support/race-simulation.js'
import { METRICS } from './metrics.js'
import { decideRace, planRace, raceLimits, type Racer } from './race.js'
import { columnsOf, type ColumnExample } from './score-columns.js'

const metricOf = (id: string) => {
  const metric = METRICS[id]
  if (!metric) throw new Error(`no metric ${id}`)
  return { id, ...metric }
}
const accuracy = metricOf('accuracy')

function racer(id: string, scores: (number | null)[], metric = 'accuracy', cluster: (item: number) => string | null = () => null): Racer {
  const examples = scores.map((score, item): ColumnExample => ({ itemId: `i${item}`, cluster: cluster(item), status: score === null ? 'error' : 'scored', scores: score === null ? {} : { [metric]: score }, latencyMs: null, ttftMs: null, costUsd: null }))
  return { id, columns: columnsOf(examples, metric) }
}
const share = (n: number, wrongEvery: number, shift = 0) => Array.from({ length: n }, (_, item) => ((item + shift) % wrongEvery === 0 ? 0 : 1))

describe('the plan of a race', () => {
  it('looks often at first and always at the end, and never at too few items', () => {
    expect(planRace({ arms: 4, items: 2_000 }).looks).toEqual([100, 180, 260, 360, 460, 580, 720, 880, 1080, 1320, 1600, 2000])
    expect(planRace({ arms: 4, items: 120 }).looks).toEqual([35, 53, 65, 79, 96, 120])
    expect(planRace({ arms: 4, items: 20 })).toEqual({ arms: 4, items: 20, looks: [20], error: 0.05, calls: null })
    for (const items of [1, 31, 44, 57, 333]) expect(planRace({ arms: 2, items }).looks.at(-1)).toBe(items)
  })

  it('is strict at first, and spends the whole error by the end', () => {
    const plan = planRace({ arms: 2, items: 2_000 })
    const limits = raceLimits(plan, plan.looks)
    expect(limits[0]).toBeCloseTo(0.05 * 0.05 ** 2, 8)
    expect(limits.toSorted((a, b) => a - b)).toEqual(limits)
    expect(limits.at(-1)).toBeLessThan(0.05)
    expect(raceLimits(planRace({ arms: 9, items: 2_000 }), [2_000])[0]).toBeCloseTo(0.1 / 8, 8)
  })
})

describe('a look of a race', () => {
  const plan = planRace({ arms: 3, items: 1_000 })
  const look = (racers: Racer[], more: Partial<Parameters<typeof decideRace>[0]> = {}) => decideRace({ plan, looks: [50, 90, 130, 180], spent: 540, metric: accuracy, racers, ...more })
  const good = racer('good', share(180, 10))
  const alike = racer('alike', share(180, 9))
  const bad = racer('bad', share(180, 2))

  it('stops what is clearly worse than the leader and lets the others go on', () => {
    expect(look([bad, good, alike])).toMatchObject({ leaderId: 'good', left: ['good', 'alike'], next: 230, end: null, stopped: [{ id: 'bad', n: 180, difference: expect.closeTo(-0.4, 9) }] })
  })

  it('ends when one is left, and names it only if the others lost to it', () => {
    expect(look([bad, good])).toMatchObject({ left: ['good'], next: null, end: 'won' })
    expect(look([good])).toMatchObject({ left: ['good'], next: 1_000, end: null })
  })

  it('ends at the last item, and when no answers are left to give', () => {
    expect(look([good, alike], { looks: [...plan.looks] })).toMatchObject({ left: ['good', 'alike'], next: null, end: 'items' })
    expect(look([good, alike], { plan: { ...plan, calls: 580 } })).toMatchObject({ next: 200, end: null })
    expect(look([good, alike], { plan: { ...plan, calls: 541 } })).toMatchObject({ next: null, end: 'calls' })
  })

  it('leaves missing answers out, and keeps a run without any score', () => {
    const silent = racer('silent', Array.from({ length: 180 }, () => null))
    const patchy = racer('patchy', share(180, 10).map((score, item) => (item % 2 === 0 ? null : score)))
    expect(look([good, silent, patchy])).toMatchObject({ stopped: [], left: ['good', 'silent', 'patchy'] })
    expect(look([silent])).toMatchObject({ leaderId: null, left: ['silent'] })
  })

  it('takes a lower loss for better, and flips clusters as wholes', () => {
    const losses = (shift: number) => Array.from({ length: 60 }, (_, item) => 1 + shift + (item % 7) / 50)
    const loss = metricOf('loss')
    const asked = { metric: loss, looks: [50, 60] }
    expect(look([racer('low', losses(0), 'loss'), racer('high', losses(0.5), 'loss')], asked)).toMatchObject({ leaderId: 'low', stopped: [{ id: 'high', difference: expect.closeTo(0.5, 9) }] })
    // Five documents: 2 of 32 sign patterns are as extreme, which no early look accepts.
    const five = (item: number): string => `doc${item % 5}`
    expect(look([racer('low', losses(0), 'loss', five), racer('high', losses(0.5), 'loss', five)], asked).stopped).toEqual([])
  })
})

// Seeded, so each is the same every time; the bench runs 2,000 trials.
describe('races in simulation, at reduced size', () => {
  it('name no winner where there is none, in 95 of 100 trials and more', () => {
    const { race } = simulate({ accuracies: [0.75, 0.75], items: 200, trials: 200 })
    expect(race.false).toBeLessThanOrEqual(0.05)
    expect(race.bestStopped).toBeLessThanOrEqual(0.05)
  })

  it('find a run that is five points better as often as the full grid, with half its calls', () => {
    const { race, grid } = simulate({ accuracies: [0.75, 0.8, 0.75], items: 1_500, trials: 40 })
    expect(race.right).toBeGreaterThanOrEqual(grid.right)
    expect(race.leaderIsBest).toBe(1)
    expect(race.calls).toBeLessThanOrEqual(0.5)
  })
})
