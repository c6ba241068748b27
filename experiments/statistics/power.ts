import { normalQuantile } from './distributions.js'

/** 5 % two-sided and 80 %, as in most of the literature. */
const FACTOR = normalQuantile(0.975) + normalQuantile(0.8)

export interface PairedDesign {
  /** Variance over items of the difference of the two runs' expected scores. */
  itemVariance: number
  /** Variance of one run's score on one item when it is answered again; 0 when answers are deterministic. */
  answerVarianceA?: number
  answerVarianceB?: number
  /** Answers per item in each run. */
  repeatsA?: number
  repeatsB?: number
}

function varianceOf(design: PairedDesign): number {
  const { itemVariance, answerVarianceA = 0, answerVarianceB = 0, repeatsA = 1, repeatsB = 1 } = design
  return itemVariance + answerVarianceA / repeatsA + answerVarianceB / repeatsB
}

/**
 * Items that a paired comparison needs to find a true difference δ in 80 % of cases at 5 %,
 * two-sided: n = (z_{α/2} + z_β)² (ω² + σ_A²/K_A + σ_B²/K_B) / δ², rounded up.
 * Source: E. Miller, "Adding Error Bars to Evals", arXiv 2411.00640, §5.
 * @param difference δ > 0, in the unit of the scores
 */
export function itemsNeeded(difference: number, design: PairedDesign): number {
  if (!(difference > 0)) throw new RangeError(`the difference to find must be above 0, got ${difference}`)
  return Math.ceil((FACTOR ** 2 * varianceOf(design)) / difference ** 2)
}

/** The smallest true difference that a comparison with this standard error finds in 80 % of cases at 5 %, two-sided. */
export function minimumDetectable(standardError: number): number {
  return FACTOR * standardError
}
