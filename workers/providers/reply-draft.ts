import type { Completion } from './chat-model.js'
import { EndpointFault } from './endpoint-fault.js'

/** One answer as it grows. A dialect writes into it what the endpoint's events say. */
export class ReplyDraft {
  text = ''
  tokensIn: number | null = null
  tokensOut: number | null = null
  tokensCached: number | null = null
  tokensReasoning: number | null = null
  finishReason: string | null = null
  /** The endpoint said that nothing more comes. */
  isDone = false
  private ttftMs: number | null = null
  private readonly startedAt: number

  constructor(startedAt: number) {
    this.startedAt = startedAt
  }

  /** Text that was streamed. */
  write(text: string | null | undefined): void {
    if (!text) return
    this.markFirst()
    this.text += text
  }

  /** The model has begun, though what it writes is not part of the answer. */
  think(text: string | null | undefined): void {
    if (text) this.markFirst()
  }

  /** @throws {EndpointFault} when the stream broke off: half an answer is not an answer. */
  finish(): Omit<Completion, 'tries'> {
    if (!this.isDone && this.finishReason === null) throw this.brokeOff('the endpoint ended its answer without saying that it is whole')
    const { text, tokensIn, tokensOut, tokensCached, tokensReasoning, ttftMs, finishReason } = this
    return { text, tokensIn, tokensOut, tokensCached, tokensReasoning, ttftMs, finishReason, latencyMs: performance.now() - this.startedAt }
  }

  brokeOff(why: string, cause?: unknown): EndpointFault {
    return new EndpointFault('passing', `${why}; it broke off after ${this.text.length} characters`, { partial: this.text, cause })
  }

  private markFirst(): void {
    this.ttftMs ??= performance.now() - this.startedAt
  }
}

/** The JSON of one event. @throws {EndpointFault} */
export function parseEvent(data: string): Record<string, unknown> {
  let value: unknown
  try {
    value = JSON.parse(data)
  } catch (cause) {
    throw new EndpointFault('passing', `the endpoint sent what is not JSON: ${data.slice(0, 200)}`, { cause })
  }
  if (typeof value === 'object' && value !== null && !Array.isArray(value)) return value as Record<string, unknown>
  throw new EndpointFault('refused', `the endpoint sent ${data.slice(0, 200)}, where an object was expected`)
}
