/* Assertions about what an answer took. What is not known of it is neither a pass nor a failure. */
import type { Assertion } from '../../../server/contracts/index.js'
import { AssertionError, holds, Undetermined, type Check, type CheckMaker } from './check.js'
import type { ScoredAnswer } from '../named-scorers.js'

/** At most so many milliseconds. Nobody waited for a reply that was found stored, so of that one it cannot be told. */
export const latency = figure(({ latencyMs }) => latencyMs, 'the latency is not known: the reply was found stored; set cache to off to ask again')

/** At most so many US dollars. */
export const cost = figure(({ costUsd }) => costUsd, 'the cost is not known; give the model a price')

/** exp of the mean negative log-likelihood per token, at most `threshold`; `isScore`: 1 / (1 + perplexity), at least that. */
export const perplexity = (isScore: boolean): CheckMaker => ({ threshold, not }) => async ({ meanLogLikelihood }) => {
  const value = Math.exp(-(await meanLogLikelihood()))
  if (!isScore) return holds((threshold === undefined || value <= threshold) !== not)
  const score = 1 / (1 + value)
  return { pass: (threshold === undefined || score >= threshold) !== not, score }
}

/** Without a threshold the figure itself is told under the metric's name, and nothing can fail. */
function figure(read: (scored: ScoredAnswer) => number | null, unknown: string): CheckMaker {
  return ({ type, threshold, not, metric }: Assertion): Check => {
    if (threshold === undefined && (metric === undefined || not)) throw new AssertionError(`${type} needs a threshold${not ? '' : ', or a metric to be told under'}`)
    return ({ scored }) => {
      const value = read(scored)
      if (value === null) throw new Undetermined(unknown)
      return threshold === undefined ? { pass: true, score: value } : holds(value <= threshold !== not)
    }
  }
}
