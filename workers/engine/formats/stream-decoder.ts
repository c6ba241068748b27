/**
 * Turns tokens into text one at a time. A token may hold part of a character, and a tokenizer may treat the first
 * word of a text apart, so each piece is the difference between two decodings of a short window that starts a few
 * tokens back; text that ends in the middle of a character waits for the rest.
 */
import type { Tokenizer } from './tokenizer.js'

const CONTEXT_TOKENS = 6

export class StreamDecoder {
  readonly #tokenizer: Pick<Tokenizer, 'decode'>
  #ids: number[]
  /** How many tokens of the window have been given out as text. */
  #given: number

  /** `context` are the tokens the text goes on from. */
  constructor(tokenizer: Pick<Tokenizer, 'decode'>, context: readonly number[]) {
    this.#tokenizer = tokenizer
    this.#ids = context.slice(-CONTEXT_TOKENS)
    this.#given = this.#ids.length
  }

  /** The text this token completes; empty while a character is incomplete. */
  push(id: number): string {
    this.#ids.push(id)
    const { before, now } = this.#texts()
    if (now.endsWith('\ufffd')) return ''
    this.#ids = this.#ids.slice(-CONTEXT_TOKENS)
    this.#given = this.#ids.length
    return now.slice(before.length)
  }

  /** What is left at the end, broken characters as U+FFFD. */
  flush(): string {
    const { before, now } = this.#texts()
    this.#given = this.#ids.length
    return now.slice(before.length)
  }

  #texts(): { before: string; now: string } {
    const decode = (ids: readonly number[]): string => this.#tokenizer.decode(ids, { skipSpecialTokens: true })
    return { before: decode(this.#ids.slice(0, this.#given)), now: decode(this.#ids) }
  }
}
