/* The chat/completions of OpenAI, which most servers of models speak. */
import { z } from 'zod'
import type { OpenAiEndpoint } from '../../server/contracts/index.js'
import type { CompletionRequest } from './chat-model.js'
import { joinUrl, withExtra, type Dialect } from './dialect.js'
import { EndpointFault, messageInBody } from './endpoint-fault.js'
import { parseEvent, type ReplyDraft } from './reply-draft.js'

const count = z.number().int().nonnegative().nullish()
const DeltaSchema = z.object({ content: z.string().nullish(), reasoning_content: z.string().nullish(), reasoning: z.string().nullish() })

export const UsageSchema = z.object({
  prompt_tokens: count,
  completion_tokens: count,
  prompt_tokens_details: z.object({ cached_tokens: count }).nullish(),
  completion_tokens_details: z.object({ reasoning_tokens: count }).nullish(),
})

const ChunkSchema = z.object({
  choices: z.array(z.object({ delta: DeltaSchema.nullish(), message: DeltaSchema.nullish(), finish_reason: z.string().nullish() })).nullish(),
  usage: UsageSchema.nullish(),
})
type Chunk = z.infer<typeof ChunkSchema>

export class OpenAiChat implements Dialect {
  readonly url: string
  private readonly endpoint: OpenAiEndpoint
  /** Fields this endpoint has refused by name; they are not sent again. */
  private readonly refused = new Set<'stream_options' | 'max_tokens'>()

  constructor(endpoint: OpenAiEndpoint) {
    this.endpoint = endpoint
    this.url = joinUrl(endpoint.baseUrl, 'chat/completions')
  }

  headers(key: string | null): Record<string, string> {
    return openAiHeaders(key)
  }

  body(request: CompletionRequest): Record<string, unknown> {
    const { refused, endpoint } = this
    const asked = { messages: request.messages, [refused.has('max_tokens') ? 'max_completion_tokens' : 'max_tokens']: request.maxTokens }
    return openAiBody(endpoint, request, { asked, hasStreamOptions: !refused.has('stream_options') })
  }

  readEvent(draft: ReplyDraft, data: string): void {
    if (data === '[DONE]') {
      draft.isDone = true
      return
    }
    const chunk = parseChunk(ChunkSchema, data)
    const delta = chunk.choices?.[0]?.delta
    draft.think(delta?.reasoning_content ?? delta?.reasoning)
    draft.write(delta?.content)
    takeEnd(draft, chunk)
  }

  readWhole(draft: ReplyDraft, text: string): void {
    const chunk = parseChunk(ChunkSchema, text)
    const choice = chunk.choices?.[0]
    if (choice === undefined) throw new EndpointFault('refused', `the endpoint's answer has no choices, so it is not that of chat/completions: ${text.slice(0, 300)}`)
    draft.text = choice.message?.content ?? ''
    draft.isDone = true
    takeEnd(draft, chunk)
  }

  adapt(refusal: string): boolean {
    // The reasoning models of OpenAI want max_completion_tokens in its place, and say so.
    const named = refusal.includes('stream_options') ? 'stream_options' : refusal.includes('max_completion_tokens') ? 'max_tokens' : null
    if (named === null || this.refused.has(named)) return false
    this.refused.add(named)
    return true
  }
}

export function openAiHeaders(key: string | null): Record<string, string> {
  return { accept: 'text/event-stream', ...(key === null ? {} : { authorization: `Bearer ${key}` }) }
}

/** @param asked the question and the limit of its answer, under the names of the endpoint */
export function openAiBody({ model, extraBody }: OpenAiEndpoint, { temperature, topK, topP, stop, seed }: CompletionRequest, { asked, hasStreamOptions }: { asked: Record<string, unknown>; hasStreamOptions: boolean }): Record<string, unknown> {
  const body = {
    model,
    ...asked,
    temperature,
    top_k: topK,
    top_p: topP,
    stop: stop.length === 0 ? undefined : stop,
    seed: temperature === 0 ? undefined : seed,
    stream: true,
    stream_options: hasStreamOptions ? { include_usage: true } : undefined,
  }
  return withExtra(body, extraBody)
}

function takeEnd(draft: ReplyDraft, { choices, usage }: Chunk): void {
  draft.finishReason = choices?.[0]?.finish_reason ?? draft.finishReason
  if (usage) takeUsage(draft, usage)
}

export function takeUsage(draft: ReplyDraft, usage: z.infer<typeof UsageSchema>): void {
  draft.tokensIn = usage.prompt_tokens ?? draft.tokensIn
  draft.tokensOut = usage.completion_tokens ?? draft.tokensOut
  draft.tokensCached = usage.prompt_tokens_details?.cached_tokens ?? draft.tokensCached
  draft.tokensReasoning = usage.completion_tokens_details?.reasoning_tokens ?? draft.tokensReasoning
}

/** @throws {EndpointFault} when it is no such chunk, or tells an error of the endpoint. */
export function parseChunk<Schema extends z.ZodType>(schema: Schema, data: string): z.infer<Schema> {
  const event = parseEvent(data)
  if (event['error'] !== undefined && event['error'] !== null) throw new EndpointFault('passing', `the endpoint failed in its answer: ${messageInBody(data)}`)
  const chunk = schema.safeParse(event)
  if (chunk.success) return chunk.data
  throw new EndpointFault('refused', `the endpoint's answer is not that of an OpenAI-compatible endpoint (${chunk.error.issues[0]?.path.join('.') ?? ''}): ${data.slice(0, 200)}`)
}
