/** The growing text of an answer: holds back what might be the start of a stop text, cuts at the first one. */
import type { StreamDecoder } from './formats/stream-decoder.js'
import type { GenerateOptions } from './text-model.js'

export class Answer {
  text = ''
  readonly #decoder: StreamDecoder
  readonly #stop: readonly string[]
  readonly #onToken: ((text: string) => void) | undefined
  #given = 0
  #isStopped = false

  constructor(decoder: StreamDecoder, { stop = [], onToken }: Pick<GenerateOptions, 'stop' | 'onToken'>) {
    this.#decoder = decoder
    this.#stop = stop
    this.#onToken = onToken
  }

  /** True when the answer has ended. */
  push(token: number): boolean {
    this.#take(this.#decoder.push(token))
    return this.#isStopped
  }

  /** Gives out what was held back; true when a stop text ended the answer. */
  finish(): boolean {
    if (!this.#isStopped) this.#take(this.#decoder.flush())
    this.#give(this.text.length)
    return this.#isStopped
  }

  #take(piece: string): void {
    this.text += piece
    const found = this.#stop.map((stop) => this.text.indexOf(stop)).filter((index) => index >= 0)
    if (found.length > 0) {
      this.#isStopped = true
      this.text = this.text.slice(0, Math.min(...found))
    }
    this.#give(this.#isStopped ? this.text.length : this.text.length - this.#heldBack())
  }

  /** Length of the longest end of the text that begins a stop text. */
  #heldBack(): number {
    let longest = 0
    for (const stop of this.#stop) {
      for (let length = Math.min(stop.length - 1, this.text.length); length > longest; length--) {
        if (this.text.endsWith(stop.slice(0, length))) longest = length
      }
    }
    return longest
  }

  #give(end: number): void {
    if (end <= this.#given) return
    this.#onToken?.(this.text.slice(this.#given, end))
    this.#given = end
  }
}
