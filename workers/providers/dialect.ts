import type { CompletionRequest, Message } from './chat-model.js'
import type { ReplyDraft } from './reply-draft.js'

/** How one family of endpoints is asked and how its answers read. */
export interface Dialect {
  readonly url: string
  headers(key: string | null): Record<string, string>
  body(request: CompletionRequest): Record<string, unknown>
  /** One event of a streamed answer. @throws {EndpointFault} */
  readEvent(draft: ReplyDraft, data: string): void
  /** An answer that came in one piece though a stream was asked for. @throws {EndpointFault} */
  readWhole(draft: ReplyDraft, text: string): void
  /** Whether the refusal names a field that can be sent otherwise; from then on it is. */
  adapt(refusal: string): boolean
}

/** Further fields of the user's; null takes a field of ours out. */
export function withExtra(body: Record<string, unknown>, extra: Readonly<Record<string, unknown>> = {}): Record<string, unknown> {
  return Object.fromEntries(Object.entries({ ...body, ...extra }).filter(([, value]) => value !== null && value !== undefined))
}

/** System messages apart from the turns, as two of three dialects want them. */
export function splitSystem(messages: readonly Message[]): { system: string | null; turns: Message[] } {
  const system = messages.filter(({ role }) => role === 'system').map(({ content }) => content)
  return { system: system.length === 0 ? null : system.join('\n\n'), turns: messages.filter(({ role }) => role !== 'system') }
}

export function joinUrl(baseUrl: string, path: string): string {
  return `${baseUrl.replace(/\/+$/, '')}/${path}`
}
