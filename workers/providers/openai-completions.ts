/* The older completions of OpenAI: plain text in, plain text on. What base models behind vLLM and its like speak. */
import { z } from 'zod'
import type { OpenAiEndpoint } from '../../server/contracts/index.js'
import { RunFailure } from '../run-context.js'
import type { CompletionRequest, Message } from './chat-model.js'
import { joinUrl, type Dialect } from './dialect.js'
import { EndpointFault } from './endpoint-fault.js'
import { openAiBody, openAiHeaders, parseChunk, takeUsage, UsageSchema } from './openai-chat.js'
import type { ReplyDraft } from './reply-draft.js'

const ChunkSchema = z.object({
  choices: z.array(z.object({ text: z.string().nullish(), finish_reason: z.string().nullish() })).nullish(),
  usage: UsageSchema.nullish(),
})

export class OpenAiCompletions implements Dialect {
  readonly url: string
  private readonly endpoint: OpenAiEndpoint
  private takesStreamOptions = true

  constructor(endpoint: OpenAiEndpoint) {
    this.endpoint = endpoint
    this.url = joinUrl(endpoint.baseUrl, 'completions')
  }

  headers(key: string | null): Record<string, string> {
    return openAiHeaders(key)
  }

  body(request: CompletionRequest): Record<string, unknown> {
    return openAiBody(this.endpoint, request, { asked: { prompt: plainText(request.messages), max_tokens: request.maxTokens }, hasStreamOptions: this.takesStreamOptions })
  }

  readEvent(draft: ReplyDraft, data: string): void {
    if (data === '[DONE]') draft.isDone = true
    else this.read(data, draft, (text) => draft.write(text))
  }

  readWhole(draft: ReplyDraft, text: string): void {
    this.read(text, draft, (whole) => {
      draft.text = whole ?? ''
    })
    draft.isDone = true
  }

  adapt(refusal: string): boolean {
    if (!refusal.includes('stream_options') || !this.takesStreamOptions) return false
    this.takesStreamOptions = false
    return true
  }

  private read(data: string, draft: ReplyDraft, take: (text: string | null | undefined) => void): void {
    const { choices, usage } = parseChunk(ChunkSchema, data)
    const choice = choices?.[0]
    if (choice === undefined && !usage) throw new EndpointFault('refused', `the endpoint's answer has no choices, so it is not that of completions: ${data.slice(0, 300)}`)
    take(choice?.text)
    draft.finishReason = choice?.finish_reason ?? draft.finishReason
    if (usage) takeUsage(draft, usage)
  }
}

/** A completion continues one text; turns of a chat have no place in it. */
export function plainText(messages: readonly Message[]): string {
  if (messages.some(({ role }) => role === 'assistant')) {
    throw new RunFailure('invalid_params', 'the prompt has turns of the assistant, and api: completions takes one text; write the turns into one template, or set api: chat')
  }
  return messages.map(({ content }) => content).join('\n\n')
}
