/*
 * A race spends answers where they matter. All runs answer the same items in the same order; at
 * planned looks each is held against the leader, and those that are clearly worse stop. Pure: the
 * server keeps the state and obeys.
 */
import type { RacePlan } from '../server/contracts/index.js'
import type { NamedMetric } from './metrics.js'
import { countsOf, ItemIndex, pairUp, type ScoreColumns } from './score-columns.js'
import { normalCdf } from './statistics/distributions.js'
import { pairedEvidence } from './statistics/paired.js'
import { sequentialBoundaries, type Spending } from './statistics/sequential.js'

/** Shares of the items at which a race is looked at: often at first, when stopping saves most. */
const LOOKS = [0.05, 0.09, 0.13, 0.18, 0.23, 0.29, 0.36, 0.44, 0.54, 0.66, 0.8, 1]
/** Below this many items a test says nothing, and so few more are not worth a look. */
const FIRST_LOOK = 30
const LEAST_STEP = 10
/** α·t²: saves most answers among the spending functions that lose no winner to the full grid, by simulation. */
export const RACE_SPENDING: Spending = { kind: 'power', rho: 2 }

export interface RaceOptions {
  arms: number
  items: number
  error?: number | undefined
  calls?: number | undefined
}

export function planRace({ arms, items, error = 0.05, calls }: RaceOptions): RacePlan {
  const looks: number[] = []
  for (const share of LOOKS) {
    const n = Math.round(share * items)
    if (n >= Math.min(FIRST_LOOK, items) && n - (looks.at(-1) ?? -LEAST_STEP) >= LEAST_STEP) looks.push(n)
  }
  if (looks.at(-1) !== items) looks.splice(looks.length === 0 ? 0 : -1, 1, items)
  return { arms, items, looks, error, calls: calls ?? null }
}

/**
 * Two-sided chance of error of one pair over all looks. A given best run is stopped by one of its
 * k − 1 rivals with at most (k − 1)·(pair/2); of two equals one is stopped with at most `pair`. So
 * both errors stay below `error` for min(error, 2·error/(k − 1)).
 */
function pairError({ error, arms }: RacePlan): number {
  return Math.min(error, (2 * error) / Math.max(1, arms - 1))
}

const knownLimits = new Map<string, number[]>()

/**
 * Two-sided p-values that a pair must fall below at each look.
 * @param looks numbers of items at the looks taken, this one last
 */
export function raceLimits(plan: RacePlan, looks: readonly number[], spending: Spending = RACE_SPENDING): number[] {
  const key = JSON.stringify([pairError(plan), plan.items, looks, spending])
  const known = knownLimits.get(key)
  if (known) return known
  const boundaries = sequentialBoundaries(looks.map((n) => n / plan.items), pairError(plan), spending)
  const limits = boundaries.map((z) => 2 * normalCdf(-z))
  if (knownLimits.size > 100) knownLimits.clear()
  knownLimits.set(key, limits)
  return limits
}

export interface Racer {
  id: string
  columns: ScoreColumns
}

export interface RaceLook {
  plan: RacePlan
  /** Numbers of items at the looks so far, this one last. */
  looks: readonly number[]
  /** Answers given to all runs so far, stopped ones included. */
  spent: number
  metric: NamedMetric
  /** The runs that are still in the race, all with the answers of this look. */
  racers: readonly Racer[]
  /** Left out: `RACE_SPENDING`. */
  spending?: Spending
}

/** A run that is clearly worse than the leader. */
export interface Stopped {
  id: string
  /** Paired items. */
  n: number
  /** Run minus leader, in the unit of the metric. */
  difference: number
  p: number
}

export interface RaceDecision {
  leaderId: string | null
  /** What p had to fall below at this look. */
  limit: number
  stopped: Stopped[]
  left: string[]
  /** How many items those that are left may answer from now on; null when the race is over. */
  next: number | null
  /** Why it is over: one is left, all items are answered, or the answers allowed are used up. */
  end: 'won' | 'items' | 'calls' | null
}

function qualityOf({ columns }: Racer, { higherIsBetter }: NamedMetric): number | null {
  const { scored } = countsOf(columns)
  if (scored === 0) return null
  let sum = 0
  for (const score of columns.scores) if (!Number.isNaN(score)) sum += score
  return (higherIsBetter ? sum : -sum) / scored
}

function leaderOf(racers: readonly Racer[], metric: NamedMetric): Racer | null {
  let leader: { racer: Racer; quality: number } | null = null
  for (const racer of racers) {
    const quality = qualityOf(racer, metric)
    if (quality !== null && (leader === null || quality > leader.quality)) leader = { racer, quality }
  }
  return leader?.racer ?? null
}

function isBit(value: number): boolean {
  return value === 0 || value === 1
}

function judge(racer: Racer, leader: ItemIndex, { metric, limit }: { metric: NamedMetric; limit: number }): Stopped | null {
  const pairs = pairUp(new ItemIndex(racer.columns), leader)
  if (pairs.run.length === 0) return null
  const binary = metric.estimator === 'proportion' && pairs.run.every(isBit) && pairs.baseline.every(isBit)
  const { difference, p } = pairedEvidence({ ...pairs, binary })
  const isWorse = metric.higherIsBetter ? difference < 0 : difference > 0
  return isWorse && p <= limit ? { id: racer.id, n: pairs.run.length, difference, p } : null
}

/**
 * What becomes of the runs at one look: each is held against the one with the highest mean by a
 * paired test at the limit of this look, and stops if it is worse. A run without any score is kept.
 * Missing answers are left out of the pairs, never counted as wrong.
 */
export function decideRace(look: RaceLook): RaceDecision {
  const { plan, looks, metric, racers, spent, spending } = look
  const n = looks.at(-1) ?? 0
  const limit = raceLimits(plan, looks, spending)[looks.length - 1] ?? 0
  const leader = leaderOf(racers, metric)
  const index = leader === null ? null : new ItemIndex(leader.columns)
  const stopped = index === null ? [] : racers.flatMap((racer) => (racer === leader ? [] : (judge(racer, index, { metric, limit }) ?? [])))
  const out = new Set(stopped.map(({ id }) => id))
  const left = racers.map(({ id }) => id).filter((id) => !out.has(id))
  const base = { leaderId: leader?.id ?? null, limit, stopped, left }
  if (left.length === 1 && stopped.length > 0) return { ...base, next: null, end: 'won' }
  if (n >= plan.items) return { ...base, next: null, end: 'items' }
  // One whose rivals failed has nobody to be held against until the end.
  const planned = left.length === 1 ? plan.items : (plan.looks.find((at) => at > n) ?? plan.items)
  const affordable = plan.calls === null ? Infinity : Math.floor((plan.calls - spent) / Math.max(1, left.length))
  const next = Math.min(planned, n + affordable)
  return next <= n ? { ...base, next: null, end: 'calls' } : { ...base, next, end: null }
}
