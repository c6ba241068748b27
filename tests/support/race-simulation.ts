/*
 * Races and full grids on made-up runs: 0/1 scores whose items share a difficulty, drawn from a
 * Gaussian copula. The same draws go to both, so that they differ only in how they decide.
 */
import { METRICS } from '../../experiments/metrics.js'
import { decideRace, planRace } from '../../experiments/race.js'
import type { ScoreColumns } from '../../experiments/score-columns.js'
import { normalQuantile } from '../../experiments/statistics/distributions.js'
import { comparePaired } from '../../experiments/statistics/paired.js'
import type { Spending } from '../../experiments/statistics/sequential.js'
import { randomWords } from '../../experiments/statistics/random.js'

export interface Scenario {
  /** True accuracy of each run. */
  accuracies: readonly number[]
  items: number
  trials: number
  /** Correlation of the hidden scores behind two runs' answers to one item. */
  correlation?: number
  seed?: number
  /** How the race spends its error over the looks; left out: as the product does. */
  spending?: Spending
}

export interface Tally {
  /** Share of trials in which a single winner was named with statistical confidence. */
  declared: number
  /** … and was one of the truly best. */
  right: number
  /** … and was not better than all others, as when there is no difference. */
  false: number
  /** Share of trials in which the run with the highest mean at the end was truly best. */
  leaderIsBest: number
  /** Share of trials in which a given best run was stopped, the mean over the best runs. */
  bestStopped: number
  /** Answers, as a share of the full grid's. */
  calls: number
}

const metric = { id: 'accuracy', ...(METRICS['accuracy'] ?? failing('accuracy')) }

function failing(name: string): never {
  throw new Error(`there is no metric ${name}`)
}

/** Both halves of Box and Muller's pair. */
function gaussians(seed: number): () => number {
  const next = randomWords(seed)
  let spare: number | null = null
  return () => {
    if (spare !== null) {
      const value = spare
      spare = null
      return value
    }
    const radius = Math.sqrt(-2 * Math.log((next() + 0.5) / 2 ** 32))
    const angle = (2 * Math.PI * next()) / 2 ** 32
    spare = radius * Math.sin(angle)
    return radius * Math.cos(angle)
  }
}

function columnsOf(scores: Float64Array, n: number, itemIds: readonly string[]): ScoreColumns {
  const empty = new Float64Array()
  return { itemIds: itemIds.slice(0, n), clusters: null, scores: scores.subarray(0, n), failed: new Uint8Array(n), latencies: empty, firstTokens: empty, costUsd: null, costs: null, metrics: ['accuracy'] }
}

interface Ended {
  winner: number | null
  leader: number
  stopped: number[]
  calls: number
}

function race(scores: readonly Float64Array[], itemIds: readonly string[], spending: Spending | undefined): Ended {
  const plan = planRace({ arms: scores.length, items: itemIds.length })
  let racing = scores.map((_, arm) => arm)
  const stopped: number[] = []
  const looks: number[] = []
  let n = plan.looks[0] ?? itemIds.length
  let calls = n * racing.length
  for (;;) {
    looks.push(n)
    const decision = decideRace({ plan, looks, spent: calls, metric, ...(spending === undefined ? {} : { spending }), racers: racing.map((arm) => ({ id: String(arm), columns: columnsOf(scores[arm] ?? new Float64Array(), n, itemIds) })) })
    stopped.push(...decision.stopped.map(({ id }) => Number(id)))
    racing = decision.left.map(Number)
    if (decision.next === null) return { winner: decision.end === 'won' ? Number(decision.leaderId) : null, leader: Number(decision.leaderId), stopped, calls }
    calls += (decision.next - n) * racing.length
    n = decision.next
  }
}

/** All runs on all items; the best is named if a paired test at 5 % / (k − 1) finds it better than each other. */
function grid(scores: readonly Float64Array[], items: number): Ended {
  const means = scores.map((values) => values.reduce((sum, value) => sum + value, 0) / items)
  const leader = means.indexOf(Math.max(...means))
  const baseline = scores[leader] ?? new Float64Array()
  const limit = 0.05 / Math.max(1, scores.length - 1)
  const beatsAll = scores.every((run, arm) => arm === leader || (comparePaired({ run, baseline, binary: true }).p ?? 1) < limit)
  return { winner: beatsAll ? leader : null, leader, stopped: [], calls: scores.length * items }
}

function tallyOf(ended: readonly Ended[], { accuracies, items }: Scenario): Tally {
  const highest = Math.max(...accuracies)
  const best = new Set(accuracies.flatMap((accuracy, arm) => (accuracy === highest ? [arm] : [])))
  const share = (holds: (one: Ended) => boolean): number => ended.filter(holds).length / ended.length
  return {
    declared: share(({ winner }) => winner !== null),
    right: share(({ winner }) => winner !== null && best.has(winner)),
    false: share(({ winner }) => winner !== null && (best.size > 1 || !best.has(winner))),
    leaderIsBest: share(({ leader }) => best.has(leader)),
    bestStopped: ended.reduce((sum, { stopped }) => sum + stopped.filter((arm) => best.has(arm)).length, 0) / best.size / ended.length,
    calls: ended.reduce((sum, { calls }) => sum + calls, 0) / ended.length / accuracies.length / items,
  }
}

/** Runs every trial as a race and as a full grid on the same answers. */
export function simulate(scenario: Scenario): { race: Tally; grid: Tally } {
  const { accuracies, items, trials, correlation = 0.7, seed = 1 } = scenario
  const next = gaussians(seed)
  const cuts = accuracies.map(normalQuantile)
  const itemIds = Array.from({ length: items }, (_, item) => `i${item}`)
  const scores = accuracies.map(() => new Float64Array(items))
  const [shared, own] = [Math.sqrt(correlation), Math.sqrt(1 - correlation)]
  const ended: { race: Ended[]; grid: Ended[] } = { race: [], grid: [] }
  for (let trial = 0; trial < trials; trial++) {
    for (let item = 0; item < items; item++) {
      const difficulty = shared * next()
      scores.forEach((values, arm) => (values[item] = difficulty + own * next() < (cuts[arm] ?? 0) ? 1 : 0))
    }
    ended.race.push(race(scores, itemIds, scenario.spending))
    ended.grid.push(grid(scores, items))
  }
  return { race: tallyOf(ended.race, scenario), grid: tallyOf(ended.grid, scenario) }
}
