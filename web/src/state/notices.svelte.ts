import { ApiError } from '../api.js'
import { errorInWords, refusalInWords } from '../server-words.js'

export interface NoticeAction {
  label: string
  run: () => void
}

export interface Notice {
  id: number
  kind: 'info' | 'error'
  text: string
  action: NoticeAction | null
}

const SHOWN_MS = 6000
/** Whoever regrets something needs longer than whoever reads that it worked. */
const OFFERED_MS = 10_000

/** The server speaks English: what has no sentence of its own in the reader's language has its gist before it. */
function errorText(error: unknown): string {
  const { text, isTold } = refusalInWords(error instanceof Error ? error.message : String(error))
  return !isTold && error instanceof ApiError && error.code !== 'unreachable' ? `${errorInWords(error.code)} (${text})` : text
}

/** Short messages in the corner, read out by screen readers; errors stay until they are closed. */
export class Notices {
  list = $state.raw<Notice[]>([])
  #last = 0

  say(text: string): void {
    this.#addFor(SHOWN_MS, text, null)
  }

  /** Says what was done and offers for ten seconds to undo it. */
  offer(text: string, action: NoticeAction): void {
    this.#addFor(OFFERED_MS, text, action)
  }

  complain(error: unknown): void {
    this.#add('error', errorText(error), null)
  }

  close(id: number): void {
    this.list = this.list.filter((notice) => notice.id !== id)
  }

  #addFor(ms: number, text: string, action: NoticeAction | null): void {
    const id = this.#add('info', text, action)
    setTimeout(() => this.close(id), ms)
  }

  #add(kind: Notice['kind'], text: string, action: NoticeAction | null): number {
    this.#last += 1
    this.list = [...this.list, { id: this.#last, kind, text, action }]
    return this.#last
  }
}
