export interface Notice {
  id: number
  kind: 'info' | 'error'
  text: string
}

const SHOWN_MS = 6000

/** Short messages in the corner, read out by screen readers; errors stay until they are closed. */
export class Notices {
  list = $state.raw<Notice[]>([])
  #last = 0

  say(text: string): void {
    const id = this.#add('info', text)
    setTimeout(() => this.close(id), SHOWN_MS)
  }

  complain(error: unknown): void {
    this.#add('error', error instanceof Error ? error.message : String(error))
  }

  close(id: number): void {
    this.list = this.list.filter((notice) => notice.id !== id)
  }

  #add(kind: Notice['kind'], text: string): number {
    this.#last += 1
    this.list = [...this.list, { id: this.#last, kind, text }]
    return this.#last
  }
}
