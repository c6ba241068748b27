/*
 * Calls whose replies are stored before anybody sees them, found again instead of asked for, priced and charged
 * to the budget. Models and embeddings are called this way alike.
 */
import { setTimeout as sleep } from 'node:timers/promises'
import type { StoredResponse } from '../../server/contracts/index.js'
import type { RunBudget } from '../budget.js'
import { CallFailed, PromptRefused, type CallFacts } from './chat-model.js'
import { CallGate } from './gate.js'
import type { ReplyShelf } from './reply-shelf.js'

export interface Account {
  /** US dollars, at the price when it was asked, else at today's; null: not known. */
  costUsd: number | null
  /** Found stored: nobody waited for it now, and nobody paid again. */
  cached: boolean
}

export type Pricing = (facts: CallFacts) => number | null

export interface PaidCallsOptions {
  shelf: ReplyShelf
  budget: RunBudget
  /** Calls in flight at most. */
  concurrency: number
}

export interface ReplyKeys {
  own: string
  /** Under which a reply of other runs may be read, where new ones stay this run's own. */
  shared: string | null
}

export type Replied = StoredResponse & Account

/** For a reply that another run is paying for. */
const LOOK_AGAIN_MS = 1_000

export class PaidCalls {
  private readonly options: PaidCallsOptions
  private readonly slots: CallGate
  /** The same call made twice at a time is one call. */
  private readonly underWay = new Map<string, Promise<Replied>>()
  /** What ended the run: calls that still wait are not made. */
  private end: { reason: unknown } | null = null

  constructor(options: PaidCallsOptions) {
    this.options = options
    this.slots = new CallGate(options.concurrency)
  }

  /** The stored reply, else the one that `ask` has paid for. */
  async reply({ own, shared }: ReplyKeys, ask: () => Promise<StoredResponse>): Promise<Replied> {
    const twin = this.underWay.get(own)
    if (twin !== undefined) return { ...(await twin), cached: true }
    const replied = (async () => {
      const found = (await this.stored(own)) ?? (shared === null ? null : await this.options.shelf.peek(shared))
      return found === null ? { ...(await ask()), cached: false } : { ...found, cached: true }
    })()
    this.underWay.set(own, replied)
    try {
      return await replied
    } finally {
      this.underWay.delete(own)
    }
  }

  /** Makes one call; what it brought is stored when this resolves. @throws as `call`, and {RunFailure} when the budget is used up. */
  async pay<Replies extends readonly StoredResponse[]>(call: () => Promise<Replies>): Promise<Replies> {
    const { shelf, budget } = this.options
    const permit = await this.slots.enter()
    let responses: Replies
    let overdrawn: unknown
    try {
      if (this.end !== null) throw this.end.reason
      budget.begin()
      responses = await call().catch((error: unknown) => {
        budget.fail(error instanceof CallFailed ? error.tries : 1)
        throw error
      })
      // The next call may begin before these replies are stored, so they are charged at once.
      overdrawn = charge(budget, responses)
      if (overdrawn !== undefined) this.noted(overdrawn)
    } catch (error) {
      throw this.noted(error)
    } finally {
      permit.leave({ kind: 'answered', retryAfterMs: null })
    }
    await Promise.all(responses.map((response) => shelf.keep(response))).catch((error: unknown) => {
      throw this.noted(error)
    })
    if (overdrawn !== undefined) throw overdrawn
    return responses
  }

  /** Waited for where another run asks for it now; null: it is this run's to ask. */
  private async stored(key: string): Promise<StoredResponse | null> {
    for (;;) {
      const found = await this.options.shelf.find(key)
      if (found !== 'asked') return found
      if (this.end !== null) throw this.end.reason
      await sleep(LOOK_AGAIN_MS)
    }
  }

  private noted(error: unknown): unknown {
    if (!(error instanceof CallFailed || error instanceof PromptRefused)) this.end ??= { reason: error }
    return error
  }
}

/** Null where one is not known: a sum without it would be too small. */
export function sumKnown(figures: readonly (number | null)[]): number | null {
  return figures.reduce((sum, figure) => (sum === null || figure === null ? null : sum + figure), 0)
}

/** What is wrong with the budget now. It is told after the replies are stored: they are paid for. */
function charge(budget: RunBudget, responses: readonly StoredResponse[]): unknown {
  try {
    return budget.end({ costUsd: sumKnown(responses.map(({ costUsd }) => costUsd)), tries: responses.reduce((sum, { tries }) => sum + tries, 0) })
  } catch (error) {
    return error
  }
}
