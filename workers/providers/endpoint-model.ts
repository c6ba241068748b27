/* A model behind an endpoint of any dialect: streamed, so that the time to the first token is measured. */
import type { IncomingMessage } from 'node:http'
import type { ChatModel, Completion, CompletionRequest, ContinuationRequest, LabelScores } from './chat-model.js'
import type { Dialect } from './dialect.js'
import type { EndpointCaller } from './endpoint-caller.js'
import { EndpointFault } from './endpoint-fault.js'
import { readText } from './http-post.js'
import { ReplyDraft } from './reply-draft.js'
import { readEventData } from './server-sent-events.js'

export interface EndpointModelOptions {
  name: string
  dialect: Dialect
  caller: EndpointCaller
  key: string | null
  concurrency: number
  continuesText: boolean
  scoreContinuations?: ((request: ContinuationRequest) => Promise<LabelScores>) | null
}

export class EndpointModel implements ChatModel {
  readonly name: string
  readonly concurrency: number
  readonly scoreContinuations: ((request: ContinuationRequest) => Promise<LabelScores>) | null
  private readonly options: EndpointModelOptions

  constructor(options: EndpointModelOptions) {
    this.options = options
    this.name = options.name
    this.concurrency = options.concurrency
    this.scoreContinuations = options.scoreContinuations ?? null
  }

  complete(request: CompletionRequest): Promise<Completion> {
    const { dialect, caller, key } = this.options
    return caller.call({
      request: () => ({ url: dialect.url, headers: dialect.headers(key), body: JSON.stringify(dialect.body(request)) }),
      read: (response, startedAt) => this.read(response, startedAt),
      adapt: (refusal) => dialect.adapt(refusal),
    })
  }

  continuesText(): boolean {
    return this.options.continuesText
  }

  async close(): Promise<void> {
    // Connections are kept for the next call of the process and end with it.
  }

  private async read(response: IncomingMessage, startedAt: number): Promise<Omit<Completion, 'tries'>> {
    const { dialect } = this.options
    const draft = new ReplyDraft(startedAt)
    try {
      if (response.headers['content-type']?.includes('text/event-stream') === true) {
        await readEventData(response, (data) => dialect.readEvent(draft, data))
      } else dialect.readWhole(draft, await readText(response))
    } catch (error) {
      if (draft.isDone) return draft.finish()
      if (!(error instanceof EndpointFault)) throw draft.brokeOff(`${dialect.url} closed the connection in the middle of its answer`, error)
      throw new EndpointFault(error.kind, error.message, { retryAfterMs: error.retryAfterMs, status: error.status ?? undefined, partial: draft.text, cause: error })
    }
    return draft.finish()
  }
}
