import { binomialCdf, normalQuantile } from './distributions.js'

export interface Rigour {
  /** Chance of a false finding, two-sided. */
  alpha?: number
  /** Chance of finding a difference that is there. */
  power?: number
  /** Comparisons that share alpha, as when several runs are held against one baseline. */
  comparisons?: number
}

/**
 * z_{α/2} + z_β, 2.80 at 5 % two-sided and 80 %. With several comparisons α is divided by their
 * number (Bonferroni), which Holm's correction never falls short of.
 */
function factor({ alpha = 0.05, power = 0.8, comparisons = 1 }: Rigour): number {
  return normalQuantile(1 - alpha / comparisons / 2) + normalQuantile(power)
}

export interface PairedDesign {
  /** ω²: variance over items of the difference of the two runs' expected scores. */
  itemVariance: number
  /** σ²: variance of one run's score on one item when it is answered again; 0 when answers are deterministic. */
  answerVarianceA?: number
  answerVarianceB?: number
  /** K: answers per item in each run. */
  repeatsA?: number
  repeatsB?: number
}

/** Variance of one item's mean difference, ω² + σ_A²/K_A + σ_B²/K_B. */
export function differenceVariance(design: PairedDesign): number {
  const { itemVariance, answerVarianceA = 0, answerVarianceB = 0, repeatsA = 1, repeatsB = 1 } = design
  return itemVariance + answerVarianceA / repeatsA + answerVarianceB / repeatsB
}

/**
 * Items that a paired comparison needs to find a true difference δ, by default in 80 % of cases at
 * 5 %, two-sided: n = (z_{α/2} + z_β)² (ω² + σ_A²/K_A + σ_B²/K_B) / δ², rounded up.
 * Source: E. Miller, "Adding Error Bars to Evals", arXiv 2411.00640, §5.
 * @param difference δ > 0, in the unit of the scores
 */
export function itemsNeeded(difference: number, design: PairedDesign, rigour: Rigour = {}): number {
  if (!(difference > 0)) throw new RangeError(`the difference to find must be above 0, got ${difference}`)
  return Math.ceil((factor(rigour) ** 2 * differenceVariance(design)) / difference ** 2)
}

/** The smallest true difference that a comparison with this standard error finds, by default in 80 % of cases at 5 %, two-sided. */
export function minimumDetectable(standardError: number, rigour: Rigour = {}): number {
  return factor(rigour) * standardError
}

/**
 * The smallest share of items on which a run must differ from its baseline, all in one direction,
 * for McNemar's exact test to find it. It bounds what n items can show where the runs seen differ
 * on too few items to measure a spread: 2·2^−m ≤ α needs m discordant items, and P(X ≥ m) = power
 * for X binomial(n, share).
 * @returns a share in (0, 1]; 1 when even n discordant items would not do
 */
export function discordanceNeeded(n: number, { alpha = 0.05, power = 0.8, comparisons = 1 }: Rigour = {}): number {
  const needed = Math.ceil(1 - Math.log2(alpha / comparisons))
  if (needed > n) return 1
  let low = 0
  let high = 1
  for (let i = 0; i < 60; i++) {
    const middle = (low + high) / 2
    if (1 - binomialCdf(needed - 1, n, middle) >= power) high = middle
    else low = middle
  }
  return high
}

/**
 * ω² of two deterministic runs with 0/1 scores and no difference in truth, from their accuracy and
 * the correlation of their scores over items: Var(a − b) = 2·p(1 − p)(1 − ρ).
 */
export function proportionVariance(accuracy: number, correlation: number): number {
  return 2 * accuracy * (1 - accuracy) * (1 - correlation)
}
