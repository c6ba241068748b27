import type { Example } from '../../server/contracts/index.js'
import type { Account } from '../providers/paid-calls.js'
import type { CallFacts } from '../providers/chat-model.js'

export interface StepCall {
  step: string
  output: string
  /** Beside the call that answers: another sample, or what a choice is worth by itself. It is paid for, and nobody waits for it. */
  isFurther: boolean
  taken: CallFacts & Account
}

type Taken = Pick<Example, 'latencyMs' | 'ttftMs' | 'tokensIn' | 'tokensOut' | 'tokensCached' | 'tokensReasoning' | 'costUsd' | 'cached'>

/**
 * What all calls of one item took together. The reader of a chain waits for its earlier steps before the
 * first token of the last. One unknown figure makes its sum unknown; one stored reply makes the time unreal.
 */
export function takenBy(calls: readonly StepCall[]): Taken {
  const [only] = calls
  if (only !== undefined && calls.length === 1 && !only.isFurther) return takenByOne(only)
  const waited = calls.filter(({ isFurther }) => !isFurther)
  const sum = (pick: (taken: StepCall['taken']) => number | null, among: readonly StepCall[] = calls): number | null =>
    among.reduce<number | null>((total, { taken }) => {
      const value = pick(taken)
      return total === null || value === null ? null : total + value
    }, 0)
  const last = waited.at(-1)?.taken
  const latencyMs = sum((taken) => taken.latencyMs, waited)
  const ttftMs = last === undefined || last.ttftMs === null || latencyMs === null ? null : latencyMs - last.latencyMs + last.ttftMs
  return {
    latencyMs,
    ttftMs,
    tokensIn: sum((taken) => taken.tokensIn),
    tokensOut: sum((taken) => taken.tokensOut),
    tokensCached: sum((taken) => taken.tokensCached),
    tokensReasoning: sum((taken) => taken.tokensReasoning),
    costUsd: sum((taken) => taken.costUsd),
    cached: calls.some(({ taken }) => taken.cached),
  }
}

/** What most items are: one call, whose figures are theirs. */
function takenByOne({ taken: { latencyMs, ttftMs, tokensIn, tokensOut, tokensCached, tokensReasoning, costUsd, cached } }: StepCall): Taken {
  return { latencyMs, ttftMs, tokensIn, tokensOut, tokensCached, tokensReasoning, costUsd, cached }
}
