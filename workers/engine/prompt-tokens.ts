/** From texts to the tokens a model reads, the same for every back end: BOS once, continuations split off their prompt, the context's limit. */
import { EngineError } from './engine-error.js'
import type { Tokenizer } from './formats/tokenizer.js'
import { type RollingWindow, rollingWindows } from './rolling-windows.js'

export class PromptTokens {
  readonly #tokenizer: Pick<Tokenizer, 'encode' | 'bosTokenId' | 'eosTokenId'>
  readonly #contextTokens: number

  constructor(tokenizer: Pick<Tokenizer, 'encode' | 'bosTokenId' | 'eosTokenId'>, contextTokens: number) {
    this.#tokenizer = tokenizer
    this.#contextTokens = contextTokens
  }

  /** The text's tokens with BOS once, even where a chat template already wrote it; never empty. */
  encode(text: string): number[] {
    const { bosTokenId, eosTokenId } = this.#tokenizer
    const bos = bosTokenId ?? eosTokenId
    const tokens = this.#tokenizer.encode(text)
    if (tokens.length >= 2 && tokens[0] === bos && tokens[1] === bos) return tokens.slice(1)
    if (tokens.length > 0) return tokens
    if (bos === undefined) throw new EngineError('input_invalid', 'the prompt is empty and the tokenizer has no beginning-of-text token; give a prompt')
    return [bos]
  }

  /** The prompt's tokens and, for each continuation, those it adds. Spaces at the prompt's end belong to the continuation, as in lm-evaluation-harness. */
  split(prompt: string, continuations: readonly string[]): { context: number[]; labels: number[][] } {
    const trimmed = prompt.trimEnd()
    const spaces = prompt.slice(trimmed.length)
    const context = this.encode(trimmed)
    const labels = continuations.map((continuation) => this.#added({ trimmed, context, text: spaces + continuation }))
    for (const [index, { length }] of labels.entries()) {
      if (length === 0) throw new EngineError('input_invalid', `continuation ${index + 1} is empty; there is nothing to score`)
      this.roomAfter(context.length + length - 1)
    }
    return { context, labels }
  }

  /** What the continuation adds to the prompt's tokens; on its own where the two do not tokenize as one after the other. */
  #added({ trimmed, context, text }: { trimmed: string; context: readonly number[]; text: string }): number[] {
    const joined = this.encode(trimmed + text)
    const isPrefix = joined.length > context.length && context.every((token, index) => joined[index] === token)
    return isPrefix ? joined.slice(context.length) : this.#tokenizer.encode(text, { addSpecialTokens: false })
  }

  /** A whole text in windows of the context. @throws {EngineError} `tokenizer_invalid` without a token to begin with */
  rolling(text: string): RollingWindow[] {
    const { bosTokenId, eosTokenId } = this.#tokenizer
    const start = bosTokenId ?? eosTokenId
    if (start === undefined) throw new EngineError('tokenizer_invalid', 'the tokenizer has neither a BOS nor an EOS token to begin a text with')
    return rollingWindows(this.#tokenizer.encode(text), { start, longest: this.#contextTokens })
  }

  /** Tokens that still fit; throws `context_exceeded` where none does. */
  roomAfter(tokens: number): number {
    const contextTokens = this.#contextTokens
    if (tokens < contextTokens) return contextTokens - tokens
    throw new EngineError('context_exceeded', `the input has ${tokens} tokens; the model's context is ${contextTokens}, with at least 1 for the answer. Shorten the prompt by ${tokens - contextTokens + 1} tokens or use a model with a longer context.`, { tokens, contextTokens })
  }
}
