/** Whether stated probabilities hold: of the answers given with 80 %, are 80 % right? */

export interface Forecast {
  /** Probability in [0, 1] that was stated of the answer. */
  probability: number
  isRight: boolean
}

export interface ReliabilityBin {
  /** (from, to], as the paper has it; the first bin takes 0 too. */
  from: number
  to: number
  n: number
  /** Means over the bin's forecasts; null in an empty bin. */
  confidence: number | null
  accuracy: number | null
}

const BINS = 10

/** The bin of a probability. 0.7 · 10 is a little more than 7: an edge belongs to the bin below it all the same. */
export function binOf(probability: number, bins: number): number {
  return Math.max(0, Math.ceil(probability * bins - 1e-9) - 1)
}

/** Forecasts in bins of equal width, for a reliability diagram. Throws RangeError for a probability outside [0, 1]. */
export function reliability(forecasts: readonly Forecast[], bins = BINS): ReliabilityBin[] {
  const sums = Array.from({ length: bins }, () => ({ n: 0, confidence: 0, right: 0 }))
  for (const { probability, isRight } of forecasts) {
    if (!(probability >= 0 && probability <= 1)) throw new RangeError(`a probability of ${probability}; it must lie in [0, 1]`)
    const bin = sums[binOf(probability, bins)]
    if (bin === undefined) continue
    bin.n += 1
    bin.confidence += probability
    bin.right += Number(isRight)
  }
  return sums.map(({ n, confidence, right }, index) => ({ from: index / bins, to: (index + 1) / bins, n, confidence: n === 0 ? null : confidence / n, accuracy: n === 0 ? null : right / n }))
}

/**
 * Expected calibration error: the gap between confidence and accuracy, averaged over bins by their share of the
 * forecasts (Guo et al. 2017, arXiv:1706.04599, eq. 3). In [0, 1], lower is better; biased upwards for small n. NaN for none.
 */
export function expectedCalibrationError(forecasts: readonly Forecast[], bins = BINS): number {
  const gaps = reliability(forecasts, bins).map(({ n, confidence, accuracy }) => n * Math.abs((confidence ?? 0) - (accuracy ?? 0)))
  return gaps.reduce((sum, gap) => sum + gap, 0) / forecasts.length
}

/** Mean squared distance of probability and outcome (Brier 1950), in [0, 1], lower is better. Always 0.5 said gives 0.25. NaN for none. */
export function brierScore(forecasts: readonly Forecast[]): number {
  return forecasts.reduce((sum, { probability, isRight }) => sum + (probability - Number(isRight)) ** 2, 0) / forecasts.length
}
