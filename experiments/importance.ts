/**
 * Which parameter of a sweep a metric depends on: the share of its variance over the runs that the values of one axis
 * explain by themselves (one-way analysis of variance, η² = SS_between / SS_total). In a full grid without missing runs these are
 * the main effects, and what is left over is interactions and noise; elsewhere shares of different axes may overlap.
 * η² of few runs is too high even where nothing matters, so ω² (Hays, 1963) and a permutation test stand beside it.
 */
import { randomWords } from './statistics/random.js'

export interface ScoredRun {
  /** Values of the axes. */
  varied: Readonly<Record<string, unknown>>
  score: number
}

export interface AxisImportance {
  axis: string
  /** η² in [0, 1]. */
  share: number
  /** ω², η² less what chance alone would give; at most 1, 0 where chance gives as much. */
  corrected: number
  /** Permutation p-value of η²: how often shuffled scores give as much. */
  p: number
  /** Groups of runs that were compared. */
  groups: number
  /** Numbers with many values were put into four groups of about equal size. */
  isBinned: boolean
}

export interface Importance {
  n: number
  /** Highest corrected share first. */
  axes: AxisImportance[]
  /** Whether so few runs were compared that the order may well be chance. */
  isUncertain: boolean
}

/** Fewer for many runs, whose p-values need no more digits than that. */
const permutations = (n: number): number => Math.max(200, Math.min(2000, Math.floor(1_000_000 / n)))
/** Numbers with more values than this, and so few runs of each, are put into quartiles. */
const [MOST_VALUES, FEW_OF_EACH] = [8, 5]
const FEW_RUNS = 12
const FEW_PER_GROUP = 3

/** Runs without a finite score are left out; axes with one value among the rest, or another one for each run, have no share. */
export function parameterImportance(runs: readonly ScoredRun[], axes: readonly string[], seed = 1): Importance {
  const scored = runs.filter(({ score }) => Number.isFinite(score))
  const scores = scored.map(({ score }) => score)
  const found = axes.flatMap((axis) => {
    const { group, groups, isBinned } = groupsOf(scored.map(({ varied }) => varied[axis]))
    // With a group for each run there is nothing that noise could be told from.
    if (groups < 2 || scores.length <= groups) return []
    const share = explained(scores, group, groups)
    if (Number.isNaN(share)) return []
    return [{ axis, share, corrected: omegaSquared(share, scores.length, groups), p: permutationP(scores, { group, groups, share, seed }), groups, isBinned }]
  })
  const isUncertain = scores.length < FEW_RUNS || found.some(({ groups }) => scores.length / groups < FEW_PER_GROUP)
  return { n: scores.length, axes: found.sort((a, b) => b.corrected - a.corrected), isUncertain }
}

function groupsOf(values: readonly unknown[]): { group: number[]; groups: number; isBinned: boolean } {
  const distinct = new Set(values.map((value) => JSON.stringify(value)))
  if (distinct.size > MOST_VALUES && values.length < distinct.size * FEW_OF_EACH && values.every((value) => typeof value === 'number')) {
    const sorted = [...values].sort((a, b) => a - b)
    const cuts = [0.25, 0.5, 0.75].map((share) => sorted[Math.floor(share * sorted.length)] ?? Infinity)
    return { group: values.map((value) => cuts.filter((cut) => value >= cut).length), groups: 4, isBinned: true }
  }
  const index = new Map([...distinct].map((key, position) => [key, position]))
  return { group: values.map((value) => index.get(JSON.stringify(value)) ?? 0), groups: distinct.size, isBinned: false }
}

/** η²; NaN where all scores are equal, but for the last digits. */
function explained(scores: readonly number[], group: readonly number[], groups: number): number {
  const mean = scores.reduce((sum, score) => sum + score, 0) / scores.length
  const [sums, counts] = [new Float64Array(groups), new Float64Array(groups)]
  let total = 0
  for (const [index, score] of scores.entries()) {
    const at = group[index] ?? 0
    sums[at] = (sums[at] ?? 0) + score - mean
    counts[at] = (counts[at] ?? 0) + 1
    total += (score - mean) ** 2
  }
  // Scores that are equal but for the order in which they were summed have no variance to explain.
  if (total <= scores.length * (1e-12 * mean) ** 2) return NaN
  return sums.reduce((between, sum, at) => between + (counts[at] === 0 ? 0 : sum ** 2 / (counts[at] ?? 1)), 0) / total
}

function omegaSquared(share: number, n: number, groups: number): number {
  const within = (1 - share) / (n - groups)
  return Math.max(0, (share - (groups - 1) * within) / (1 + within))
}

function permutationP(scores: readonly number[], { group, groups, share, seed }: { group: readonly number[]; groups: number; share: number; seed: number }): number {
  const word = randomWords(seed)
  const shuffled = [...scores]
  const turns = permutations(scores.length)
  let asMuch = 0
  for (let turn = 0; turn < turns; turn++) {
    for (let index = shuffled.length - 1; index > 0; index--) {
      const other = word() % (index + 1)
      const [here, there] = [shuffled[index] ?? NaN, shuffled[other] ?? NaN]
      shuffled[index] = there
      shuffled[other] = here
    }
    // Equal shares must count as equal whatever order their sums were taken in.
    if (explained(shuffled, group, groups) >= share - 1e-12) asMuch++
  }
  return (asMuch + 1) / (turns + 1)
}
