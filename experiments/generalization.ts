/** How far validation and training losses lie apart over a run, from where on for good, and how sure a difference between two evaluations is. Pure. */
import type { Evaluation } from './checkpoints.js'
import { criticalT95 } from './statistics/distributions.js'

export interface GapPoint {
  step: number
  /** Validation loss minus mean training loss, in nats per token; NaN where either is not finite. */
  gap: number
  /** Training losses since the evaluation before, over which the mean was taken. */
  n: number
}

/** A rise by less than this share of the lowest validation loss is taken for noise, as in firstOverfitStep. */
const NOISE = 0.01
/** One last evaluation alone shows nothing lasting. */
const LASTING = 2

/**
 * The gap at each evaluation that has training losses before it: those after the evaluation before and up to its step.
 * (A single training loss is that of one batch, and too noisy.)
 */
export function gapCurve(evaluations: readonly Pick<Evaluation, 'step' | 'loss'>[], training: readonly { step: number; loss: number }[]): GapPoint[] {
  const ordered = [...evaluations].sort((a, b) => a.step - b.step)
  return ordered.flatMap(({ step, loss }, index) => {
    const before = ordered[index - 1]?.step ?? -1
    const recent = training.filter((one) => one.step > before && one.step <= step)
    if (recent.length === 0) return []
    const gap = loss - recent.reduce((sum, one) => sum + one.loss, 0) / recent.length
    return [{ step, gap: Number.isFinite(gap) ? gap : NaN, n: recent.length }]
  })
}

/**
 * The first evaluation from which on, to the end, the gap stays wider than the narrowest gap before it by more than 1 % of
 * the lowest validation loss, over two evaluations or more: where validation and training part for good. Null where they do
 * not. An evaluation without a finite gap counts as parted, unless none after the narrowest has one.
 */
export function lastingDivergence(evaluations: readonly Pick<Evaluation, 'step' | 'loss'>[], training: readonly { step: number; loss: number }[]): number | null {
  const gaps = gapCurve(evaluations, training)
  const finite = evaluations.map(({ loss }) => loss).filter(Number.isFinite)
  if (finite.length === 0) return null
  const tolerance = NOISE * Math.abs(Math.min(...finite))
  let narrowest = Infinity
  for (const [index, { step, gap }] of gaps.entries()) {
    const rest = gaps.slice(index)
    const limit = narrowest + tolerance
    if (rest.length >= LASTING && rest.every((one) => !(one.gap <= limit)) && rest.some((one) => Number.isFinite(one.gap))) return step
    if (gap < narrowest) narrowest = gap
  }
  return null
}

/** Loss of each item of the validation split at one step, in the same order at every step. */
export interface ItemLosses {
  step: number
  /** Mean over the item's tokens, in nats. */
  losses: readonly number[]
}

export interface LossDifference {
  /** Token-weighted mean loss at the other step minus that at the first, in nats per token. */
  difference: number
  /** 95 % interval; null with fewer than two items. */
  low: number | null
  high: number | null
  n: number
}

/**
 * The difference between two evaluations of the same items. Items are the sampling units: the token-weighted mean is a ratio
 * of two sums over items, so its variance is that of a ratio estimator (Cochran, Sampling Techniques, 3rd ed., section 6.4),
 * with Student's t on n − 1 degrees of freedom. Items that have no finite loss at either step are left out.
 * @param tokens of each item, in the order of the losses
 */
export function lossDifference(from: ItemLosses, to: ItemLosses, tokens: readonly number[]): LossDifference {
  const items = tokens.flatMap((weight, index) => {
    const change = (to.losses[index] ?? NaN) - (from.losses[index] ?? NaN)
    return weight > 0 && Number.isFinite(change) ? [{ weight, change }] : []
  })
  const n = items.length
  const total = items.reduce((sum, { weight }) => sum + weight, 0)
  if (n === 0) return { difference: NaN, low: null, high: null, n }
  const difference = items.reduce((sum, { weight, change }) => sum + weight * change, 0) / total
  if (n < 2) return { difference, low: null, high: null, n }
  const squares = items.reduce((sum, { weight, change }) => sum + (weight * (change - difference)) ** 2, 0)
  const reach = criticalT95(n - 1) * (Math.sqrt((squares * n) / (n - 1)) / total)
  return { difference, low: difference - reach, high: difference + reach, n }
}
