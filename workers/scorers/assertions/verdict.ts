/* From outcomes to a verdict, as promptfoo draws it: a weighted mean, all must hold unless a threshold says otherwise. */
import type { Outcome } from './check.js'

export interface Counted {
  outcome: Outcome
  weight: number
  metric: string | undefined
  /** Of an assert-set: what its own assertions say of metrics. */
  named?: ReadonlyMap<string, Mean>
}

export interface Mean {
  sum: number
  weight: number
}

export interface Verdict {
  pass: boolean
  /** Σ score · weight / Σ weight; 0 where all weights are 0. */
  score: number
  named: ReadonlyMap<string, Mean>
}

/** Without assertions an answer passes, with a score of 1. A weight of 0 cannot fail it. */
export function verdictOf(counted: readonly Counted[], threshold: number | undefined): Verdict {
  if (counted.length === 0) return { pass: true, score: 1, named: new Map() }
  let sum = 0
  let total = 0
  let pass = true
  const named = new Map<string, Mean>()
  const add = (metric: string, score: number, weight: number): void => {
    const mean = named.get(metric) ?? { sum: 0, weight: 0 }
    named.set(metric, { sum: mean.sum + score * weight, weight: mean.weight + weight })
  }
  for (const { outcome, weight, metric, named: inner } of counted) {
    sum += outcome.score * weight
    total += weight
    if (weight > 0 && !outcome.pass) pass = false
    // Of weight 0 is what shall be told under its name alone: there it counts in full.
    const share = weight === 0 ? 1 : weight
    if (metric !== undefined) add(metric, outcome.score, share)
    for (const [name, mean] of inner ?? []) if (name !== metric && mean.weight > 0) add(name, mean.sum / mean.weight, mean.weight * share)
  }
  const score = total > 0 ? sum / total : 0
  return { pass: threshold === undefined ? pass : score >= threshold, score, named }
}
