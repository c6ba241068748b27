/** A value with its 95 % interval; an end is null where it is not bounded or not known. */
export interface Estimated {
  mean: number
  low: number | null
  high: number | null
}

/**
 * Interval of a·x + b·y for two estimates taken as independent, from their own intervals: the distances of the ends
 * from the means are squared and added (MOVER: Zou & Donner, Statist. Med. 27 (2008) 1693). It keeps the skewness of
 * Wilson's interval, which a normal one would lose. A missing end of either makes that end missing.
 */
export function weightedSum(x: Estimated, a: number, y: Estimated, b: number): Estimated {
  const mean = a * x.mean + b * y.mean
  const reach = (part: Estimated, weight: number, end: 'low' | 'high'): number | null => {
    if (weight === 0) return 0
    const value = weight > 0 === (end === 'low') ? part.low : part.high
    return value === null ? null : weight * (value - part.mean)
  }
  const far = (end: 'low' | 'high'): number | null => {
    const [first, second] = [reach(x, a, end), reach(y, b, end)]
    return first === null || second === null ? null : Math.hypot(first, second)
  }
  const [below, above] = [far('low'), far('high')]
  return { mean, low: below === null ? null : mean - below, high: above === null ? null : mean + above }
}
