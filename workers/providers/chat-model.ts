/* A model that answers: one small door over endpoints, recordings and the engine. */

export interface Message {
  role: 'system' | 'user' | 'assistant'
  content: string
}

export interface CompletionRequest {
  /** A system message, if any, comes first; the last message is the user's. */
  messages: readonly Message[]
  maxTokens: number
  temperature: number
  topK?: number
  topP?: number
  /** Local models only, as `repetitionPenalty`. */
  minP?: number
  repetitionPenalty?: number
  stop: readonly string[]
  /** Makes sampling repeatable where the model can. */
  seed: number
  /** Which of several answers to the same prompt within one run, from 0. */
  sample?: number
  /** Fields of the item that the model's request reads; see `ChatModel.variables`. */
  variables?: Readonly<Record<string, unknown>>
  /** The item that is asked about, for messages. */
  itemId?: string
}

export interface ContinuationRequest {
  messages: readonly Message[]
  continuations: readonly string[]
  /** Also whether each is what the model would have written by itself. */
  greedy?: true
  /** Each is a whole text of any length, with no prompt before it, read in windows as long as the model's context. */
  rolling?: true
}

/** What one call took. Null stands for what the model does not tell, never for 0. */
export interface CallFacts {
  /** Those that the endpoint had in its own cache included. */
  tokensIn: number | null
  /** Reasoning included. */
  tokensOut: number | null
  tokensCached: number | null
  tokensReasoning: number | null
  /** Null where the answer came in one piece. */
  ttftMs: number | null
  /** Of the last try; waiting before it is not counted. */
  latencyMs: number
  /** 1 when the first try succeeded. */
  tries: number
}

export interface Completion extends CallFacts {
  text: string
  /** In the model's own words; `length` and its like mean that maxTokens cut it off. */
  finishReason: string | null
}

export interface LabelScores extends CallFacts {
  /** ln p summed over each continuation's tokens. */
  logLikelihoods: number[]
  /** Tokens of each continuation. */
  labelTokens: number[]
  /** Every token of the continuation is the model's first choice; null where it does not tell. */
  greedy: boolean[] | null
}

export interface ChatModel {
  readonly name: string
  /** Requests it can usefully have in flight. */
  readonly concurrency: number
  /** @throws {PromptRefused | CallFailed} when this one prompt has no answer; any other error is the run's end. */
  complete(request: CompletionRequest): Promise<Completion>
  /** Null where the model tells no likelihoods of given texts. Throws as `complete`. */
  readonly scoreContinuations: ((request: ContinuationRequest) => Promise<LabelScores>) | null
  /** Fields of the item that its request reads besides the prompt; left out: none. */
  readonly variables?: readonly string[]
  /** Whether the answer goes on in the text of the prompt; false: it begins a turn of its own. */
  continuesText(messages: readonly Message[]): boolean
  close(): Promise<void>
}

/** This prompt cannot be answered, as when it is too long; others can. */
export class PromptRefused extends Error {
  constructor(message: string, options: { cause?: unknown } = {}) {
    super(message, options)
    this.name = 'PromptRefused'
  }
}

/** Every try of this call failed. Half an answer is not an answer, but it is kept to be read. */
export class CallFailed extends Error {
  readonly partial: string | null
  readonly tries: number

  constructor(message: string, options: { partial: string | null; tries: number; cause?: unknown }) {
    super(message, { cause: options.cause })
    this.name = 'CallFailed'
    this.partial = options.partial
    this.tries = options.tries
  }
}

/** What a call took where nothing but its time is known. */
export function timeAlone(latencyMs: number): CallFacts {
  return { tokensIn: null, tokensOut: null, tokensCached: null, tokensReasoning: null, ttftMs: null, latencyMs, tries: 1 }
}
