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
  const deviations = deviationsOf(scores)
  const found = deviations === null ? [] : axes.flatMap((axis) => {
    const grouping = groupsOf(scored.map(({ varied }) => varied[axis]))
    // With a group for each run there is nothing that noise could be told from.
    if (grouping.groups < 2 || scores.length <= grouping.groups) return []
    return [{ axis, ...grouping, share: explained(deviations, grouping) }]
  })
  const ps = deviations === null ? [] : permutationPs(deviations, found, seed)
  const told = found.map(({ axis, share, groups, isBinned }, index): AxisImportance => ({ axis, share, corrected: omegaSquared(share, scores.length, groups), p: ps[index] ?? NaN, groups, isBinned }))
  const isUncertain = scores.length < FEW_RUNS || told.some(({ groups }) => scores.length / groups < FEW_PER_GROUP)
  return { n: scores.length, axes: told.sort((a, b) => b.corrected - a.corrected), isUncertain }
}

interface Grouping {
  /** Of each run, its group. */
  group: readonly number[]
  /** Of each group, its runs. */
  sizes: readonly number[]
  groups: number
}

function groupsOf(values: readonly unknown[]): Grouping & { isBinned: boolean } {
  const distinct = new Set(values.map((value) => JSON.stringify(value)))
  if (distinct.size > MOST_VALUES && values.length < distinct.size * FEW_OF_EACH && values.every((value) => typeof value === 'number')) {
    const sorted = [...values].sort((a, b) => a - b)
    const cuts = [0.25, 0.5, 0.75].map((share) => sorted[Math.floor(share * sorted.length)] ?? Infinity)
    return { ...sized(values.map((value) => cuts.filter((cut) => value >= cut).length), 4), isBinned: true }
  }
  const index = new Map([...distinct].map((key, position) => [key, position]))
  return { ...sized(values.map((value) => index.get(JSON.stringify(value)) ?? 0), distinct.size), isBinned: false }
}

function sized(group: readonly number[], groups: number): Grouping {
  const sizes = Array.from({ length: groups }, () => 0)
  for (const one of group) sizes[one] = (sizes[one] ?? 0) + 1
  return { group, sizes, groups }
}

interface Deviations {
  /** Of each score from the mean of all. */
  values: Float64Array
  /** Sum of their squares. */
  total: number
}

/** Null where all scores are equal, but for the last digits. */
function deviationsOf(scores: readonly number[]): Deviations | null {
  const mean = scores.reduce((sum, score) => sum + score, 0) / scores.length
  const values = Float64Array.from(scores, (score) => score - mean)
  const total = values.reduce((sum, value) => sum + value ** 2, 0)
  // Scores that are equal but for the order in which they were summed have no variance to explain.
  return total > scores.length * (1e-12 * mean) ** 2 ? { values, total } : null
}

/** η². */
function explained({ values, total }: Deviations, { group, sizes, groups }: Grouping): number {
  const sums = new Float64Array(groups)
  for (let index = 0; index < values.length; index++) {
    const at = group[index] ?? 0
    sums[at] = (sums[at] ?? 0) + (values[index] ?? 0)
  }
  return sums.reduce((between, sum, at) => between + (sizes[at] === 0 ? 0 : sum ** 2 / (sizes[at] ?? 1)), 0) / total
}

function omegaSquared(share: number, n: number, groups: number): number {
  const within = (1 - share) / (n - groups)
  return Math.max(0, (share - (groups - 1) * within) / (1 + within))
}

/** One shuffle serves all axes. */
function permutationPs({ values, total }: Deviations, axes: readonly (Grouping & { share: number })[], seed: number): number[] {
  const word = randomWords(seed)
  const shuffled = values.slice()
  const turns = permutations(values.length)
  const asMuch = axes.map(() => 0)
  for (let turn = 0; turn < turns; turn++) {
    for (let index = shuffled.length - 1; index > 0; index--) {
      const other = word() % (index + 1)
      const [here, there] = [shuffled[index] ?? NaN, shuffled[other] ?? NaN]
      shuffled[index] = there
      shuffled[other] = here
    }
    for (const [index, axis] of axes.entries()) {
      // Equal shares must count as equal whatever order their sums were taken in.
      if (explained({ values: shuffled, total }, axis) >= axis.share - 1e-12) asMuch[index] = (asMuch[index] ?? 0) + 1
    }
  }
  return asMuch.map((count) => (count + 1) / (turns + 1))
}
