/* Assertions about what an answer took. What is not known of it is neither a pass nor a failure. */
import type { Assertion } from '../../../server/contracts/index.js'
import { AssertionError, holds, textValue, textValues, Undetermined, type Check, type CheckMaker } from './check.js'
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

/** Reasons for which an answer ended, by what other endpoints call them. */
const REASONS: Readonly<Record<string, string>> = { end_turn: 'stop', stop_sequence: 'stop', max_tokens: 'length', model_context_window_exceeded: 'length', tool_use: 'tool_calls', function_call: 'tool_calls', refusal: 'content_filter', safety: 'content_filter' }

/** Why the answer ended: stop, length, content_filter or tool_calls, whatever the endpoint calls them, or its own word for another reason. */
export function finishReason(assertion: Assertion): Check {
  const wanted = reasonOf(textValue(assertion))
  return ({ scored: { finishReason: reason } }) => {
    if (reason === null || reason === undefined) throw new Undetermined('the model did not say why its answer ended')
    return holds((reasonOf(reason) === wanted) !== assertion.not)
  }
}

function reasonOf(text: string): string {
  const reason = text.trim().toLowerCase()
  return REASONS[reason] ?? reason
}

/** A moderation endpoint flags the answer for none of the categories in `value`; without one, for none at all. */
export function moderation(assertion: Assertion): Check {
  const categories = assertion.value === undefined ? null : textValues(assertion)
  return async ({ output, moderate }) => {
    const flagged = [...(await moderate(assertion.grader, output))].filter(([category]) => categories === null || categories.includes(category))
    const isClean = flagged.length === 0
    return holds(isClean !== assertion.not, isClean ? 'nothing was flagged' : flagged.map(([category, score]) => `${category} ${score.toFixed(3)}`).join(', '))
  }
}
