/* generateContent of the Gemini API, streamed (alt=sse): each event is a part of the answer, the last one has the reason it ended. */
import { z } from 'zod'
import type { GeminiEndpoint } from '../../server/contracts/index.js'
import type { CompletionRequest, Message } from './chat-model.js'
import { joinUrl, splitSystem, withExtra, type Dialect } from './dialect.js'
import { EndpointFault, messageInBody } from './endpoint-fault.js'
import { parseEvent, type ReplyDraft } from './reply-draft.js'

const count = z.number().int().nonnegative().nullish()
const ChunkSchema = z.object({
  candidates: z
    .array(
      z.object({
        content: z.object({ parts: z.array(z.object({ text: z.string().nullish(), thought: z.boolean().nullish() })).nullish() }).nullish(),
        finishReason: z.string().nullish(),
      }),
    )
    .nullish(),
  promptFeedback: z.object({ blockReason: z.string().nullish() }).nullish(),
  /** candidatesTokenCount leaves the thoughts out; promptTokenCount has the cached ones in. */
  usageMetadata: z.object({ promptTokenCount: count, candidatesTokenCount: count, thoughtsTokenCount: count, cachedContentTokenCount: count }).nullish(),
})
type Chunk = z.infer<typeof ChunkSchema>

export class GeminiContent implements Dialect {
  readonly url: string
  private readonly endpoint: GeminiEndpoint

  constructor(endpoint: GeminiEndpoint) {
    this.endpoint = endpoint
    const name = endpoint.model.includes('/') ? endpoint.model : `models/${endpoint.model}`
    this.url = joinUrl(endpoint.baseUrl, `${name}:streamGenerateContent?alt=sse`)
  }

  headers(key: string | null): Record<string, string> {
    return { accept: 'text/event-stream', ...(key === null ? {} : { 'x-goog-api-key': key }) }
  }

  body({ messages, maxTokens, temperature, topK, topP, stop, seed }: CompletionRequest): Record<string, unknown> {
    const { system, turns } = splitSystem(messages)
    const generationConfig = { maxOutputTokens: maxTokens, temperature, topK, topP, stopSequences: stop.length === 0 ? undefined : stop, seed: temperature === 0 ? undefined : seed }
    const { generationConfig: extraConfig, ...extra } = this.endpoint.extraBody ?? {}
    const body = {
      contents: turns.map(asContent),
      systemInstruction: system === null ? undefined : { parts: [{ text: system }] },
      generationConfig: withExtra(generationConfig, extraConfig as Record<string, unknown> | undefined),
    }
    return withExtra(body, extra)
  }

  readEvent(draft: ReplyDraft, data: string): void {
    const chunk = parseChunk(data)
    for (const part of chunk.candidates?.[0]?.content?.parts ?? []) {
      if (part.thought === true) draft.think(part.text)
      else draft.write(part.text)
    }
    takeEnd(draft, chunk)
  }

  readWhole(draft: ReplyDraft, text: string): void {
    const chunk = parseChunk(text)
    const parts = chunk.candidates?.[0]?.content?.parts ?? []
    draft.text = parts.map((part) => (part.thought === true ? '' : (part.text ?? ''))).join('')
    takeEnd(draft, chunk)
  }

  adapt(): boolean {
    return false
  }
}

function asContent({ role, content }: Message): Record<string, unknown> {
  return { role: role === 'assistant' ? 'model' : 'user', parts: [{ text: content }] }
}

function takeEnd(draft: ReplyDraft, { candidates, usageMetadata: usage, promptFeedback }: Chunk): void {
  const blocked = promptFeedback?.blockReason
  if (blocked) throw new EndpointFault('prompt', `the endpoint blocked the prompt: ${blocked}`)
  draft.finishReason = candidates?.[0]?.finishReason ?? draft.finishReason
  if (!usage) return
  draft.tokensIn = usage.promptTokenCount ?? draft.tokensIn
  draft.tokensCached = usage.cachedContentTokenCount ?? draft.tokensCached
  draft.tokensReasoning = usage.thoughtsTokenCount ?? draft.tokensReasoning
  // Early events count the prompt alone; a sum of nothing is not 0.
  if (usage.candidatesTokenCount !== null && usage.candidatesTokenCount !== undefined) draft.tokensOut = usage.candidatesTokenCount + (usage.thoughtsTokenCount ?? 0)
}

function parseChunk(data: string): Chunk {
  const event = parseEvent(data)
  const error = event['error']
  if (error !== undefined) {
    const status = typeof error === 'object' && error !== null && 'code' in error && typeof error.code === 'number' ? error.code : undefined
    throw new EndpointFault('passing', `the endpoint failed in its answer: ${messageInBody(data)}`, status === undefined ? {} : { status })
  }
  const parsed = ChunkSchema.safeParse(event)
  if (parsed.success) return parsed.data
  throw new EndpointFault('refused', `the endpoint's answer is not that of generateContent (${parsed.error.issues[0]?.path.join('.') ?? ''}): ${data.slice(0, 200)}`)
}
