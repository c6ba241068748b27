/*
 * Group-sequential boundaries: how far a test must go at each of several planned looks at growing
 * data, so that looking often does not raise the chance of a false finding.
 * Source: K. K. G. Lan & D. L. DeMets, Biometrika 70 (1983) 659–663 (spending functions);
 * P. Armitage, C. K. McPherson & B. C. Rowe, J. R. Statist. Soc. A 132 (1969) 235–244 (the recursion).
 */
import { normalCdf, normalQuantile } from './distributions.js'

/**
 * How much of α may be spent by the share t of the data, two-sided.
 * power: α·t^ρ (K. Kim & D. L. DeMets, Biometrika 74 (1987) 149–154); obrien-fleming: 4 − 4Φ(z_{α/4}/√t),
 * strict at first; pocock: α·ln(1 + (e − 1)t), nearly the same boundary at every look.
 */
export type Spending = { kind: 'power'; rho: number } | { kind: 'obrien-fleming' } | { kind: 'pocock' }

function spentBy(share: number, alpha: number, spending: Spending): number {
  const t = Math.min(1, Math.max(0, share))
  switch (spending.kind) {
    case 'power':
      return alpha * t ** spending.rho
    case 'obrien-fleming':
      return t === 0 ? 0 : 4 * normalCdf(normalQuantile(alpha / 4) / Math.sqrt(t))
    case 'pocock':
      return alpha * Math.log(1 + (Math.E - 1) * t)
  }
}

/** Points of the grid between the boundaries; odd, for Simpson's rule. */
const POINTS = 401
/** Beyond this many standard deviations nothing is left to integrate. */
const FAR = 9

interface Density {
  points: Float64Array
  /** Value times Simpson's weight. */
  masses: Float64Array
}

function grid(limit: number): { points: Float64Array; weights: Float64Array } {
  const points = new Float64Array(POINTS)
  const weights = new Float64Array(POINTS)
  const step = (2 * limit) / (POINTS - 1)
  for (let i = 0; i < POINTS; i++) {
    points[i] = -limit + i * step
    weights[i] = (step / 3) * (i === 0 || i === POINTS - 1 ? 1 : i % 2 === 1 ? 4 : 2)
  }
  return { points, weights }
}

/** Probability that the sum, inside at the look before, is beyond ±limit after a step of this standard deviation. */
function exitBeyond(limit: number, before: Density, deviation: number): number {
  let exit = 0
  for (let i = 0; i < POINTS; i++) {
    const at = before.points[i] ?? 0
    exit += (before.masses[i] ?? 0) * (normalCdf((at - limit) / deviation) + normalCdf((-limit - at) / deviation))
  }
  return exit
}

function moveOn(limit: number, before: Density, deviation: number): Density {
  const { points, weights } = grid(limit)
  const scale = 1 / (deviation * Math.sqrt(2 * Math.PI))
  const masses = points.map((point, j) => {
    let value = 0
    for (let i = 0; i < POINTS; i++) {
      const apart = (point - (before.points[i] ?? 0)) / deviation
      if (Math.abs(apart) < FAR) value += (before.masses[i] ?? 0) * Math.exp(-0.5 * apart * apart)
    }
    return value * scale * (weights[j] ?? 0)
  })
  return { points, masses }
}

function firstDensity(limit: number, deviation: number): Density {
  const { points, weights } = grid(limit)
  const scale = 1 / (deviation * Math.sqrt(2 * Math.PI))
  return { points, masses: points.map((point, i) => scale * Math.exp(-0.5 * (point / deviation) ** 2) * (weights[i] ?? 0)) }
}

/** Where a falling function reaches `target`, between 0 and `most`. */
function solve(falling: (x: number) => number, target: number, most: number): number {
  let low = 0
  let high = most
  for (let i = 0; i < 60; i++) {
    const middle = (low + high) / 2
    if (falling(middle) > target) low = middle
    else high = middle
  }
  return (low + high) / 2
}

/**
 * z-values that a two-sided test must exceed at each look, for Brownian data looked at when the
 * given shares of them are there. The chance that one of them is exceeded without a difference is α.
 * @param shares ascending, in (0, 1]; what is not spent by the last one is left
 * @throws RangeError for shares that do not ascend
 */
export function sequentialBoundaries(shares: readonly number[], alpha: number, spending: Spending): number[] {
  const boundaries: number[] = []
  let before: Density | null = null
  let last = 0
  let spent = 0
  for (const share of shares) {
    if (!(share > last && share <= 1)) throw new RangeError(`shares of the data must ascend within (0, 1], got ${shares.join(', ')}`)
    const until = spentBy(share, alpha, spending)
    const deviation = Math.sqrt(share - last)
    const exit = (limit: number): number => (before === null ? 2 * normalCdf(-limit / deviation) : exitBeyond(limit, before, deviation))
    const limit = solve(exit, until - spent, FAR * Math.sqrt(share))
    boundaries.push(limit / Math.sqrt(share))
    before = before === null ? firstDensity(limit, deviation) : moveOn(limit, before, deviation)
    last = share
    spent = until
  }
  return boundaries
}
