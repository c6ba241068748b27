/* What a run may still spend. It is asked before each call, and told afterwards what the call took. */
import type { Budget } from '../server/contracts/index.js'
import { RunFailure } from './run-context.js'

export interface BudgetOptions {
  limits: Budget | null
  /** What earlier attempts took. */
  spentUsd: number
  spentCalls: number
  /** Since the run began, earlier attempts included. */
  elapsedMs(): number
}

export class RunBudget {
  private readonly options: BudgetOptions
  private usd: number
  private calls: number
  private inFlight = 0
  /** Of this attempt: what a call has cost on average is held back for those in flight. */
  private knownUsd = 0
  private knownCalls = 0
  private isKnown = true

  constructor(options: BudgetOptions) {
    this.options = options
    this.usd = options.spentUsd
    this.calls = options.spentCalls
  }

  /** US dollars over all attempts; null once a call's cost was not known. */
  get spentUsd(): number | null {
    return this.isKnown ? this.usd : null
  }

  /** @throws {RunFailure} `budget_exceeded` when this call might break a limit. */
  begin(): void {
    const { limits, elapsedMs } = this.options
    if (limits?.calls !== undefined && this.calls + this.inFlight >= limits.calls) throw exceeded(`${limits.calls} calls`, 'budget.calls')
    if (limits?.minutes !== undefined && elapsedMs() >= limits.minutes * 60_000) throw exceeded(`${limits.minutes} minutes`, 'budget.minutes')
    if (limits?.usd !== undefined) {
      const meanUsd = this.knownCalls === 0 ? 0 : this.knownUsd / this.knownCalls
      if (this.usd + this.inFlight * meanUsd >= limits.usd) throw exceeded(`${limits.usd} US dollars (${this.usd.toFixed(4)} spent)`, 'budget.usd')
    }
    this.inFlight += 1
  }

  /** @param costUsd null: not known. @throws {RunFailure} `budget_unknown` when dollars are limited. */
  end({ costUsd, tries }: { costUsd: number | null; tries: number }): void {
    this.inFlight -= 1
    this.calls += tries
    if (costUsd !== null) {
      this.usd += costUsd
      this.knownUsd += costUsd
      this.knownCalls += 1
      return
    }
    this.isKnown = false
    if (this.options.limits?.usd === undefined) return
    throw new RunFailure('budget_unknown', 'the budget names US dollars, and what this call cost is not known; give the model a price in prices.yaml or in the experiment (inputPerMillion, outputPerMillion), or leave budget.usd out')
  }

  /** A call without a reply: its tries were made, and nobody knows of a cost. */
  fail(tries: number): void {
    this.inFlight -= 1
    this.calls += tries
  }
}

function exceeded(what: string, field: string): RunFailure {
  return new RunFailure('budget_exceeded', `the budget of ${what} was used up; what was answered until then is kept. Raise ${field} and retry the run to go on, or lower limit`)
}
