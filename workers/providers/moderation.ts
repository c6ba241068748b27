/*
 * What an OpenAI-compatible moderation endpoint (POST /v1/moderations) flags a text for. Its replies are stored, paid
 * for once and charged to the budget as all others are (see paid-calls.ts).
 */
import { z } from 'zod'
import type { OpenAiEndpoint, StoredResponse } from '../../server/contracts/index.js'
import { keysOf, type CallScope } from './call-key.js'
import { timeAlone, type CallFacts } from './chat-model.js'
import { joinUrl, withExtra } from './dialect.js'
import type { EndpointCaller } from './endpoint-caller.js'
import { readText } from './http-post.js'
import { parseChunk } from './openai-chat.js'
import { PaidCalls, type Account, type PaidCallsOptions, type Pricing } from './paid-calls.js'

/** Categories that a text is flagged for, with the endpoint's score of each. */
export type Flags = Readonly<Record<string, number>>

export interface Moderator {
  /** @throws {PromptRefused | CallFailed} for this text alone; any other error is the run's end */
  flags(text: string): Promise<Account & { flags: Flags }>
}

export interface ModeratorOptions extends Pick<PaidCallsOptions, 'shelf' | 'budget' | 'concurrency'>, Omit<CallScope, 'repeat' | 'identity'> {
  endpoint: OpenAiEndpoint
  caller: EndpointCaller
  headers: Record<string, string>
  pricing: Pricing
}

// Categories that a model does not know may be null.
const AnswerSchema = z.object({
  results: z.array(z.object({ flagged: z.boolean(), categories: z.record(z.string(), z.boolean().nullable()), category_scores: z.record(z.string(), z.number().nullable()).default({}) })).min(1),
})
const BodySchema = z.object({ flags: z.record(z.string(), z.number()) })

export function openModerator(options: ModeratorOptions): Moderator {
  const { endpoint, pricing } = options
  const calls = new PaidCalls(options)
  const { provider, baseUrl, model, extraBody } = endpoint
  // No draw: what is said of a text is the same in each repeat.
  const keysFor = keysOf({ ...options, identity: { moderation: { provider, baseUrl, model, extraBody } }, repeat: 0 })
  return {
    flags: async (text) => {
      const keys = keysFor({ text })
      const { body, costUsd, cached } = await calls.reply(keys, async () => {
        const [response] = await calls.pay(async (): Promise<[StoredResponse]> => {
          const { flags, ...facts } = await ask(text, options)
          return [{ key: keys.own, body: { flags }, ...facts, costUsd: pricing(facts) }]
        })
        return response
      })
      return { flags: BodySchema.parse(body).flags, costUsd, cached }
    },
  }
}

function ask(text: string, { endpoint, caller, headers }: ModeratorOptions): Promise<CallFacts & { flags: Flags }> {
  const body = JSON.stringify(withExtra({ model: endpoint.model, input: text }, endpoint.extraBody))
  return caller.call({
    request: () => ({ url: joinUrl(endpoint.baseUrl, 'moderations'), headers, body }),
    read: async (response, startedAt) => {
      const { results } = parseChunk(AnswerSchema, await readText(response))
      const { tries: _tries, ...facts } = timeAlone(performance.now() - startedAt)
      return { flags: flagsOf(results), ...facts }
    },
  })
}

/** The highest score of each, where an endpoint tells of a text in parts. */
function flagsOf(results: z.infer<typeof AnswerSchema>['results']): Flags {
  const flags: Record<string, number> = {}
  for (const { flagged, categories, category_scores: scores } of results) {
    if (!flagged) continue
    for (const [category, isFlagged] of Object.entries(categories)) if (isFlagged === true) flags[category] = Math.max(flags[category] ?? 0, scores[category] ?? 1)
  }
  return flags
}
