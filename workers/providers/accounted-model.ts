/*
 * A model whose every reply is stored before anybody sees it, found again instead of asked for, priced
 * and charged to the budget. What is the same call is said by its key: the model, the parameters, the
 * rendered messages, the repeat and the sample.
 */
import { setTimeout as sleep } from 'node:timers/promises'
import { z } from 'zod'
import { fromWire, FloatSchema, toWire, type StoredResponse } from '../../server/contracts/index.js'
import type { RunBudget } from '../budget.js'
import { keysOf } from './call-key.js'
import { CallFailed, PromptRefused, type CallFacts, type ChatModel, type Completion, type CompletionRequest, type ContinuationRequest, type LabelScores } from './chat-model.js'
import { CallGate } from './gate.js'
import type { ReplyShelf } from './reply-shelf.js'

export interface Account {
  /** US dollars, at the price when it was asked; null: not known. */
  costUsd: number | null
  /** Found stored: nobody waited for it now, and nobody paid again. */
  cached: boolean
}

/** A model whose replies carry what they cost. */
export interface AccountedModel {
  readonly name: string
  readonly concurrency: number
  complete(request: CompletionRequest): Promise<Completion & Account>
  readonly scoreContinuations: ((request: ContinuationRequest) => Promise<LabelScores & Account>) | null
  continuesText(messages: CompletionRequest['messages']): boolean
  close(): Promise<void>
}

export type Pricing = (facts: CallFacts) => number | null

export interface AccountingOptions {
  model: ChatModel
  /** What makes this model's replies its own: provider, address and name, or the hash of its weights. */
  identity: unknown
  pricing: Pricing
  shelf: ReplyShelf
  budget: RunBudget
  repeat: number
  /** Replies are found by this run alone, because its cache is off. */
  privateTo: string | null
  /** Whether replies of other runs may be used, where new ones stay private. */
  readsShared: boolean
}

interface Replied extends CallFacts {
  body: StoredResponse['body']
}

/** For a reply that another run is paying for. */
const LOOK_AGAIN_MS = 1_000

const CompletionBodySchema = z.object({ text: z.string(), finishReason: z.string().nullable() })
const ScoresBodySchema = z.object({ logLikelihoods: z.array(FloatSchema), labelTokens: z.array(z.number()) })

export function accountedModel(options: AccountingOptions): AccountedModel {
  return new StoringModel(options)
}

/** For models whose calls are neither stored nor limited: their replies are priced alone. */
export function pricedModel(model: ChatModel, pricing: Pricing): AccountedModel {
  const { scoreContinuations } = model
  const priced = <T extends CallFacts>(reply: T): T & Account => ({ ...reply, costUsd: pricing(reply), cached: false })
  return {
    name: model.name,
    concurrency: model.concurrency,
    complete: async (request) => priced(await model.complete(request)),
    scoreContinuations: scoreContinuations === null ? null : async (request) => priced(await scoreContinuations(request)),
    continuesText: (messages) => model.continuesText(messages),
    close: () => model.close(),
  }
}

class StoringModel implements AccountedModel {
  readonly name: string
  readonly concurrency: number
  readonly scoreContinuations: ((request: ContinuationRequest) => Promise<LabelScores & Account>) | null
  private readonly options: AccountingOptions
  private readonly slots: CallGate
  private readonly keyOf: (request: CompletionRequest | ContinuationRequest) => string
  private readonly sharedKeyOf: (request: CompletionRequest | ContinuationRequest) => string
  /** The same call made twice at a time is one call. */
  private readonly underWay = new Map<string, Promise<StoredResponse & Account>>()
  /** What ended the run: calls that still wait are not made. */
  private end: { reason: unknown } | null = null

  constructor(options: AccountingOptions) {
    const { model, identity, repeat, privateTo } = options
    this.options = options
    this.keyOf = keysOf({ identity, repeat, privateTo })
    this.sharedKeyOf = keysOf({ identity, repeat, privateTo: null })
    this.name = model.name
    this.concurrency = model.concurrency
    this.slots = new CallGate(model.concurrency)
    const { scoreContinuations } = model
    this.scoreContinuations = scoreContinuations === null ? null : (request) => this.score(request, scoreContinuations)
  }

  async complete(request: CompletionRequest): Promise<Completion & Account> {
    const stored = await this.reply(request, async () => {
      const { text, finishReason, ...facts } = await this.options.model.complete(request)
      return { ...facts, body: { text, finishReason } }
    })
    return { ...factsOf(stored), ...CompletionBodySchema.parse(stored.body) }
  }

  continuesText(messages: CompletionRequest['messages']): boolean {
    return this.options.model.continuesText(messages)
  }

  close(): Promise<void> {
    return this.options.model.close()
  }

  private async score(request: ContinuationRequest, ask: (request: ContinuationRequest) => Promise<LabelScores>): Promise<LabelScores & Account> {
    const stored = await this.reply(request, async () => {
      const { logLikelihoods, labelTokens, ...facts } = await ask(request)
      return { ...facts, body: { logLikelihoods: logLikelihoods.map(toWire), labelTokens } }
    })
    const { logLikelihoods, labelTokens } = ScoresBodySchema.parse(stored.body)
    return { ...factsOf(stored), logLikelihoods: logLikelihoods.map(fromWire), labelTokens }
  }

  private async reply(request: CompletionRequest | ContinuationRequest, ask: () => Promise<Replied>): Promise<StoredResponse & Account> {
    const { privateTo, readsShared, shelf } = this.options
    const key = this.keyOf(request)
    const twin = this.underWay.get(key)
    if (twin !== undefined) return { ...(await twin), cached: true }
    const replied = (async () => {
      const found = (await this.stored(key)) ?? (privateTo !== null && readsShared ? await shelf.peek(this.sharedKeyOf(request)) : null)
      return found === null ? this.ask(key, ask) : { ...found, cached: true }
    })()
    this.underWay.set(key, replied)
    try {
      return await replied
    } finally {
      this.underWay.delete(key)
    }
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

  private async ask(key: string, ask: () => Promise<Replied>): Promise<StoredResponse & Account> {
    const { pricing, shelf, budget } = this.options
    const permit = await this.slots.enter()
    let response: StoredResponse
    let overdrawn: unknown
    try {
      if (this.end !== null) throw this.end.reason
      budget.begin()
      const { body, ...facts } = await ask().catch((error: unknown) => {
        budget.fail(error instanceof CallFailed ? error.tries : 1)
        throw error
      })
      response = { key, body, ...facts, costUsd: pricing(facts) }
      // The next call may begin before this reply is stored, so it is charged at once.
      overdrawn = charge(budget, response)
      if (overdrawn !== undefined) this.noted(overdrawn)
    } catch (error) {
      throw this.noted(error)
    } finally {
      permit.leave({ kind: 'answered', retryAfterMs: null })
    }
    await shelf.keep(response).catch((error: unknown) => {
      throw this.noted(error)
    })
    if (overdrawn !== undefined) throw overdrawn
    return { ...response, cached: false }
  }

  private noted(error: unknown): unknown {
    if (!(error instanceof CallFailed || error instanceof PromptRefused)) this.end ??= { reason: error }
    return error
  }
}

function factsOf(stored: StoredResponse & Account): CallFacts & Account {
  const { key: _key, body: _body, ...facts } = stored
  return facts
}

/** What is wrong with the budget now. It is told after the reply is stored: that one is paid for. */
function charge(budget: RunBudget, response: StoredResponse): unknown {
  try {
    return budget.end(response)
  } catch (error) {
    return error
  }
}
