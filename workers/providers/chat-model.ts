/* A model that answers: one small door over endpoints and the engine. */

export interface CompletionRequest {
  system: string | null
  prompt: string
  maxTokens: number
  temperature: number
  topK?: number
  topP?: number
  stop: readonly string[]
  /** Makes sampling repeatable where the model can. */
  seed: number
}

export interface Completion {
  text: string
  /** Null where the model does not tell. */
  tokensIn: number | null
  tokensOut: number | null
  /** Null where the answer came in one piece. */
  ttftMs: number | null
  latencyMs: number
  finishReason: string | null
  /** Tries it took, 1 when the first succeeded; latency is that of the last. */
  tries: number
}

export interface LabelScores {
  /** ln p summed over each label's tokens. */
  logLikelihoods: number[]
  /** Tokens of each label. */
  labelTokens: number[]
  tokensIn: number
  latencyMs: number
}

export interface ChatModel {
  readonly name: string
  /** Requests it can usefully have in flight. */
  readonly concurrency: number
  /** @throws {PromptRefused} when this one prompt cannot be answered. */
  complete(request: CompletionRequest): Promise<Completion>
  /** Null where the model tells no likelihoods of given texts. @throws {PromptRefused} */
  readonly scoreContinuations: ((request: { system: string | null; prompt: string; continuations: readonly string[] }) => Promise<LabelScores>) | null
  close(): Promise<void>
}

/** This prompt cannot be answered, as when it is too long; others can. */
export class PromptRefused extends Error {
  constructor(message: string, options: { cause?: unknown } = {}) {
    super(message, options)
    this.name = 'PromptRefused'
  }
}
