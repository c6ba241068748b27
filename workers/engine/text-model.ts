/** What every model of this machine can do, whichever library computes it: continue a text, and tell how likely a given continuation is. */
import { EngineError } from './engine-error.js'
import type { Tokenizer } from './formats/tokenizer.js'
import type { SamplingOptions } from './sampling.js'

export interface GenerateOptions extends Partial<SamplingOptions> {
  maxTokens: number
  /** The answer ends before the first of these texts. */
  stop?: readonly string[]
  /** Called with each piece of the answer as soon as it is certain. */
  onToken?: (text: string) => void
  signal?: AbortSignal
}

export interface Generation {
  /** Without the stop text and the end-of-text token. */
  text: string
  tokensIn: number
  /** Tokens the model produced, an end-of-text token included. */
  tokensOut: number
  /** Time to the first token. */
  ttftMs: number
  totalMs: number
  /** "stop": an end token or a stop text; "length": maxTokens or the end of the context. */
  finishReason: 'stop' | 'length'
}

export interface ContinuationScore {
  /** Sum of ln p over the continuation's tokens. Higher is more probable. */
  logLikelihood: number
  tokens: number
  /** Every token is the model's first choice. */
  isGreedy: boolean
}

export interface TextModel {
  /** Calls of `generate` that are worth making at once: they share the reading of the weights. */
  readonly concurrency: number
  readonly tokenizer: Pick<Tokenizer, 'encode' | 'applyChatTemplate' | 'hasChatTemplate'>
  /** Throws `context_exceeded` where the prompt leaves no room for a token. A text prompt gets the tokenizer's BOS unless it begins with it. */
  generate(prompt: string | readonly number[], options: GenerateOptions): Promise<Generation>
  /** ln p of each continuation after the prompt; the prompt runs once. Splits text as lm-evaluation-harness does. */
  logLikelihood(prompt: string, continuations: readonly string[]): Promise<ContinuationScore[]>
  /** ln p of a whole text of any length, in windows of the context (see rolling-windows.ts). */
  rollingLogLikelihood(text: string): Promise<ContinuationScore>
  close(): Promise<void>
}

export function checkGenerateOptions({ maxTokens, temperature = 0, topK = 0, topP = 1, minP = 0, repetitionPenalty = 1, stop = [] }: GenerateOptions): void {
  const must = (isOk: boolean, field: string, value: unknown, wanted: string): void => {
    if (!isOk) throw new EngineError('input_invalid', `${field} is ${String(value)}; it must be ${wanted}`, { field })
  }
  must(Number.isInteger(maxTokens) && maxTokens >= 1, 'maxTokens', maxTokens, 'a whole number of 1 or more')
  must(temperature >= 0 && Number.isFinite(temperature), 'temperature', temperature, '0 (greedy) or more')
  must(Number.isInteger(topK) && topK >= 0, 'topK', topK, 'a whole number, 0 for all')
  must(topP > 0 && topP <= 1, 'topP', topP, 'above 0 and at most 1')
  must(minP >= 0 && minP <= 1, 'minP', minP, 'from 0 (all tokens) to 1')
  must(repetitionPenalty > 0 && Number.isFinite(repetitionPenalty), 'repetitionPenalty', repetitionPenalty, 'above 0; 1 is none')
  must(!stop.includes(''), 'stop', '""', 'a list of texts that are not empty')
}
