/** Repeated measurements and their summary. */
export interface Spread {
  n: number
  minimum: number
  median: number
  maximum: number
}

/** The median of an even number of samples is the mean of the middle two. */
export function spreadOf(samples: readonly number[]): Spread {
  const sorted = samples.toSorted((a, b) => a - b)
  const [low, high] = [sorted[(sorted.length - 1) >> 1], sorted[sorted.length >> 1]]
  const [minimum, maximum] = [sorted[0], sorted.at(-1)]
  if (minimum === undefined || maximum === undefined || low === undefined || high === undefined) throw new RangeError('a spread needs at least one sample')
  return { n: sorted.length, minimum, median: (low + high) / 2, maximum }
}

/** `of[i] / by[i]` round by round: noise that both sides of a round share cancels out. */
export function ratios(of: readonly number[], by: readonly number[]): number[] {
  if (of.length !== by.length) throw new RangeError(`ratios of ${of.length} samples by ${by.length}`)
  return of.map((value, index) => value / (by[index] ?? NaN))
}
