/* The Messages API of Anthropic, streamed as named events. */
import { z } from 'zod'
import type { AnthropicEndpoint } from '../../server/contracts/index.js'
import type { CompletionRequest } from './chat-model.js'
import { joinUrl, splitSystem, withExtra, type Dialect } from './dialect.js'
import { EndpointFault, messageInBody } from './endpoint-fault.js'
import { parseEvent, type ReplyDraft } from './reply-draft.js'

const VERSION = '2023-06-01'
const count = z.number().int().nonnegative().nullish()
/** input_tokens leaves out what was read from or written to the prompt cache. */
const UsageSchema = z.object({ input_tokens: count, output_tokens: count, cache_read_input_tokens: count, cache_creation_input_tokens: count })
type Usage = z.infer<typeof UsageSchema>

const BlockSchema = z.object({ type: z.string(), text: z.string().nullish(), thinking: z.string().nullish() })
const EventSchema = z.object({
  type: z.string(),
  message: z.object({ usage: UsageSchema.nullish() }).nullish(),
  content_block: BlockSchema.nullish(),
  delta: z.object({ type: z.string().nullish(), text: z.string().nullish(), thinking: z.string().nullish(), stop_reason: z.string().nullish() }).nullish(),
  usage: UsageSchema.nullish(),
})
const WholeSchema = z.object({ content: z.array(BlockSchema), stop_reason: z.string().nullish(), usage: UsageSchema.nullish() })

export class AnthropicMessages implements Dialect {
  readonly url: string
  private readonly endpoint: AnthropicEndpoint

  constructor(endpoint: AnthropicEndpoint) {
    this.endpoint = endpoint
    this.url = joinUrl(endpoint.baseUrl, 'messages')
  }

  headers(key: string | null): Record<string, string> {
    return { accept: 'text/event-stream', 'anthropic-version': VERSION, ...(key === null ? {} : { 'x-api-key': key }) }
  }

  body({ messages, maxTokens, temperature, topK, topP, stop }: CompletionRequest): Record<string, unknown> {
    const { system, turns } = splitSystem(messages)
    const body = {
      model: this.endpoint.model,
      max_tokens: maxTokens,
      system,
      messages: turns,
      temperature,
      top_k: topK,
      top_p: topP,
      stop_sequences: stop.length === 0 ? undefined : stop,
      stream: true,
    }
    return withExtra(body, this.endpoint.extraBody)
  }

  readEvent(draft: ReplyDraft, data: string): void {
    const event = parse(EventSchema, data)
    switch (event.type) {
      case 'message_start':
        return takeUsage(draft, event.message?.usage)
      case 'content_block_start':
        return draft.write(event.content_block?.text)
      case 'content_block_delta':
        draft.think(event.delta?.thinking)
        return draft.write(event.delta?.text)
      case 'message_delta':
        draft.finishReason = event.delta?.stop_reason ?? draft.finishReason
        return takeUsage(draft, event.usage)
      case 'message_stop':
        draft.isDone = true
        return
      default:
        // Pings, ends of blocks, and events that a later version adds.
    }
  }

  readWhole(draft: ReplyDraft, text: string): void {
    const message = parse(WholeSchema, text)
    draft.text = message.content.map((block) => block.text ?? '').join('')
    draft.finishReason = message.stop_reason ?? null
    draft.isDone = true
    takeUsage(draft, message.usage)
  }

  adapt(): boolean {
    return false
  }
}

function takeUsage(draft: ReplyDraft, usage: Usage | null | undefined): void {
  if (!usage) return
  const { input_tokens: fresh, output_tokens: out, cache_read_input_tokens: read, cache_creation_input_tokens: written } = usage
  if (fresh !== null && fresh !== undefined) draft.tokensIn = fresh + (read ?? 0) + (written ?? 0)
  draft.tokensOut = out ?? draft.tokensOut
  draft.tokensCached = read ?? draft.tokensCached
}

function parse<Schema extends z.ZodType>(schema: Schema, data: string): z.infer<Schema> {
  const event = parseEvent(data)
  if (event['type'] === 'error') {
    const isOverload = data.includes('overloaded_error')
    throw new EndpointFault('passing', `the endpoint failed in its answer: ${messageInBody(data)}`, isOverload ? { status: 529 } : {})
  }
  const parsed = schema.safeParse(event)
  if (parsed.success) return parsed.data
  throw new EndpointFault('refused', `the endpoint's answer is not that of the Messages API (${parsed.error.issues[0]?.path.join('.') ?? ''}): ${data.slice(0, 200)}`)
}
