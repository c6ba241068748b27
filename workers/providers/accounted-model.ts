/*
 * A model whose every reply is paid for once (see paid-calls.ts). What is the same call is said by its key: the
 * model, the parameters, the rendered messages, the repeat and the sample.
 */
import { z } from 'zod'
import { fromWire, FloatSchema, toWire, type StoredResponse } from '../../server/contracts/index.js'
import { keysOf } from './call-key.js'
import type { CallFacts, ChatModel, Completion, CompletionRequest, ContinuationRequest, LabelScores } from './chat-model.js'
import { PaidCalls, type Account, type PaidCallsOptions, type Pricing, type Replied } from './paid-calls.js'

/** A model whose replies carry what they cost. */
export interface AccountedModel {
  readonly name: string
  readonly concurrency: number
  complete(request: CompletionRequest): Promise<Completion & Account>
  readonly scoreContinuations: ((request: ContinuationRequest) => Promise<LabelScores & Account>) | null
  readonly variables?: readonly string[]
  continuesText(messages: CompletionRequest['messages']): boolean
  close(): Promise<void>
}

export interface AccountingOptions extends Pick<PaidCallsOptions, 'shelf' | 'budget'> {
  model: ChatModel
  /** What makes this model's replies its own: provider, address and name, or the hash of its weights. */
  identity: unknown
  pricing: Pricing
  repeat: number
  /** Replies are found by this run alone, because its cache is off. */
  privateTo: string | null
  /** Whether replies of other runs may be used, where new ones stay private. */
  readsShared: boolean
}

interface Answered extends CallFacts {
  body: StoredResponse['body']
}

const CompletionBodySchema = z.object({ text: z.string(), finishReason: z.string().nullable() })
const ScoresBodySchema = z.object({ logLikelihoods: z.array(FloatSchema), labelTokens: z.array(z.number()), greedy: z.array(z.boolean()).nullable().default(null) })

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
    ...(model.variables === undefined ? {} : { variables: model.variables }),
    continuesText: (messages) => model.continuesText(messages),
    close: () => model.close(),
  }
}

class StoringModel implements AccountedModel {
  readonly name: string
  readonly concurrency: number
  readonly variables?: readonly string[]
  readonly scoreContinuations: ((request: ContinuationRequest) => Promise<LabelScores & Account>) | null
  private readonly options: AccountingOptions
  private readonly calls: PaidCalls
  private readonly keysFor: ReturnType<typeof keysOf>

  constructor(options: AccountingOptions) {
    const { model, shelf, budget } = options
    this.options = options
    this.calls = new PaidCalls({ shelf, budget, concurrency: model.concurrency })
    this.keysFor = keysOf(options)
    this.name = model.name
    this.concurrency = model.concurrency
    if (model.variables !== undefined) this.variables = model.variables
    const { scoreContinuations } = model
    this.scoreContinuations = scoreContinuations === null ? null : (request) => this.score(request, scoreContinuations)
  }

  async complete(request: CompletionRequest): Promise<Completion & Account> {
    const stored = await this.reply(request, async () => {
      const { text, finishReason, ...facts } = await this.options.model.complete(request)
      return { ...facts, body: { text, finishReason } }
    })
    return { ...this.factsOf(stored), ...CompletionBodySchema.parse(stored.body) }
  }

  continuesText(messages: CompletionRequest['messages']): boolean {
    return this.options.model.continuesText(messages)
  }

  close(): Promise<void> {
    return this.options.model.close()
  }

  private async score(request: ContinuationRequest, ask: (request: ContinuationRequest) => Promise<LabelScores>): Promise<LabelScores & Account> {
    const stored = await this.reply(request, async () => {
      const { logLikelihoods, labelTokens, greedy, ...facts } = await ask(request)
      return { ...facts, body: { logLikelihoods: logLikelihoods.map(toWire), labelTokens, ...(request.greedy === true ? { greedy } : {}) } }
    })
    const { logLikelihoods, labelTokens, greedy } = ScoresBodySchema.parse(stored.body)
    return { ...this.factsOf(stored), logLikelihoods: logLikelihoods.map(fromWire), labelTokens, greedy }
  }

  private reply(request: CompletionRequest | ContinuationRequest, ask: () => Promise<Answered>): Promise<Replied> {
    const keys = this.keysFor(request)
    return this.calls.reply(keys, async () => {
      const [response] = await this.calls.pay(async (): Promise<[StoredResponse]> => {
        const { body, ...facts } = await ask()
        return [{ key: keys.own, body, ...facts, costUsd: this.options.pricing(facts) }]
      })
      return response
    })
  }

  /** A reply that was stored when its price was not known has today's, so that variants can be compared by what they would cost. */
  private factsOf({ key: _key, body: _body, ...facts }: Replied): CallFacts & Account {
    return { ...facts, costUsd: facts.costUsd ?? this.options.pricing(facts) }
  }
}
