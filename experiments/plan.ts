import { AppError, type Plan } from '../server/contracts/index.js'
import type { ComparedRun } from './comparison.js'
import { apart, pooled } from './repeats.js'
import { ItemIndex, pairUp } from './score-columns.js'
import { clusterIndex, clusteredError, squaredError, wilson } from './statistics/intervals.js'
import { differenceVariance, itemsNeeded, minimumDetectable, proportionVariance } from './statistics/power.js'

export interface PlanRequest {
  difference: number
  alpha?: number
  power?: number
  comparisons?: number
  /** K: answers per item. */
  repeats?: number
}

/** What is known or supposed of the scores. */
export interface Variances {
  itemVariance: number
  answerVariance: number
  accuracy: number | null
  basis: string
}

const REPEATS = [1, 2, 4, 10]
const ITEMS = [50, 100, 200, 500, 1_000, 2_000, 5_000]

function percent(value: number): string {
  return `${(100 * value).toFixed(0)} %`
}

/** 0/1 scores of two deterministic runs that share an accuracy, correlated over items. */
export function supposedVariances({ accuracy = 0.7, correlation = 0.5, answerVariance = 0 }: { accuracy?: number | undefined; correlation?: number | undefined; answerVariance?: number | undefined }): Variances {
  const basis = `supposed: accuracy ${percent(accuracy)}, scores of both runs correlated ${correlation.toFixed(2)} over items${answerVariance > 0 ? `, variance ${answerVariance} of repeated answers` : ''}`
  return { itemVariance: proportionVariance(accuracy, correlation), answerVariance, accuracy, basis }
}

/**
 * Variances of two runs that were made, on the items that both scored: those of the whole comparison
 * with clusters counted as such, less what repeats show to be noise of answering. Runs that never
 * differed are supposed to differ on as many items as such a sample may hide.
 * @throws AppError `invalid_request` for runs without two items in common
 */
export function observedVariances(runs: readonly ComparedRun[]): Variances {
  const arms = pooled(runs)
  const [first, second] = arms.length >= 2 ? arms : apart(runs)
  if (first === undefined || second === undefined) throw new AppError('invalid_request', 'a plan from runs needs two of them')
  const pairs = pairUp(new ItemIndex(second.columns), new ItemIndex(first.columns))
  const n = pairs.run.length
  if (pairs.corpus !== null) throw new AppError('invalid_request', `the metric is a figure of the whole corpus (${pairs.corpus.run.of}), and a plan is for means of scores; name a metric of single items`)
  if (n < 2 || first.run.dataset !== second.run.dataset) throw new AppError('invalid_request', `${first.name} and ${second.name} have not scored two items of one dataset in common, so nothing can be planned from them`)
  const differences = pairs.run.map((value, item) => value - (pairs.baseline[item] ?? 0))
  const clusters = clusterIndex(pairs.clusters)
  const seen = n * (clusters ? clusteredError(differences, clusters) ** 2 : squaredError(differences))
  const noise = [first, second].map(({ answerVariance, runIds }) => ({ variance: answerVariance ?? 0, repeats: runIds.length }))
  const ofAnswers = noise.reduce((sum, { variance, repeats }) => sum + variance / repeats, 0)
  const itemVariance = seen === 0 ? wilson(0, n).high : Math.max(0, seen - ofAnswers)
  const answerVariance = noise.reduce((sum, { variance }) => sum + variance, 0) / 2
  return { itemVariance, answerVariance, accuracy: null, basis: `seen: ${first.name} and ${second.name} on ${n} items${clusters ? ` in ${clusters.count} clusters` : ''}${seen === 0 ? '; they never differed, so the most that this may hide is taken' : ''}` }
}

/**
 * Items that a paired comparison needs, by formula n = (z_{α/2} + z_β)² (ω² + σ²/K + σ²/K) / δ²
 * (E. Miller, arXiv 2411.00640, §5); see statistics/power.ts.
 */
export function planItems(request: PlanRequest, { itemVariance, answerVariance, accuracy, basis }: Variances): Plan {
  const { difference, alpha = 0.05, power = 0.8, comparisons = 1, repeats = 1 } = request
  const rigour = { alpha, power, comparisons }
  const design = (k: number) => ({ itemVariance, answerVarianceA: answerVariance, answerVarianceB: answerVariance, repeatsA: k, repeatsB: k })
  if (accuracy !== null && difference >= 1) throw new AppError('invalid_request', `difference is ${difference}, and two shares of right answers differ by less than 1; 3 points are 0.03`)
  const items = itemsNeeded(difference, design(repeats), rigour)
  if (!Number.isSafeInteger(items)) throw new AppError('invalid_request', `difference is ${difference}, and no number of items would find that; ask for a larger one, such as 0.01`)
  const unpairedItems = accuracy === null ? null : itemsNeeded(difference, { itemVariance: 2 * accuracy * (1 - accuracy) }, rigour)
  const shared = comparisons > 1 ? `, shared by ${comparisons} comparisons` : ''
  return {
    difference,
    items,
    byRepeats: [...new Set([...REPEATS, repeats])].sort((a, b) => a - b).map((k) => ({ repeats: k, items: itemsNeeded(difference, design(k), rigour), answersPerRun: k * itemsNeeded(difference, design(k), rigour) })),
    byItems: ITEMS.map((n) => ({ items: n, detectable: minimumDetectable(Math.sqrt(differenceVariance(design(repeats)) / n), rigour) })),
    unpairedItems,
    itemVariance,
    answerVariance,
    alpha,
    power,
    comparisons,
    basis,
    sentence: `To find a true difference of ${difference} in ${percent(power)} of paired comparisons at ${(100 * alpha).toFixed(alpha < 0.01 ? 1 : 0)} %${shared}, ${items.toLocaleString('en-US')} items are needed${repeats > 1 ? `, each answered ${repeats} times by each run` : ''} (${basis}).`,
  }
}
