/** Items that a person judges one after another, of which the last answer can be taken back. */
import type { Notices } from '../../state/notices.svelte.js'
import type { Resource } from '../../state/resource.svelte.js'

/** The next items for this person, and how far they are. */
export interface ReviewPage<Entry> {
  entries: readonly Entry[]
  total: number
  done: number
}

export interface ReviewOptions<Entry, Choice> {
  queue: Resource<ReviewPage<Entry>>
  notices: Notices
  /** Stores what the person says, and tells it in words. */
  store: (entry: Entry, choice: Choice) => Promise<string>
  takeBack: (itemId: string) => Promise<unknown>
}

/** With so few items left the next ones are read, so that nobody waits. */
const FEW = 4

export class ReviewQueue<Entry extends { itemId: string }, Choice> {
  readonly #options: ReviewOptions<Entry, Choice>
  /** Answered here since the queue was read. */
  #answered = $state.raw<readonly { itemId: string; told: string }[]>([])
  isBusy = $state(false)

  constructor(options: ReviewOptions<Entry, Choice>) {
    this.#options = options
  }

  get queue(): Resource<ReviewPage<Entry>> {
    return this.#options.queue
  }

  get #waiting(): Entry[] {
    return (this.queue.data?.entries ?? []).filter(({ itemId }) => !this.#answered.some((one) => one.itemId === itemId))
  }

  /** The item to judge; null while the next are read, and when all are judged. */
  get shown(): Entry | null {
    return this.#waiting[0] ?? null
  }

  get total(): number {
    return this.queue.data?.total ?? 0
  }

  /** What was answered before the queue was read is in its own count. */
  get done(): number {
    const read = new Set(this.queue.data?.entries.map(({ itemId }) => itemId))
    return (this.queue.data?.done ?? 0) + this.#answered.filter(({ itemId }) => read.has(itemId)).length
  }

  get last(): { itemId: string; told: string } | null {
    return this.#answered.at(-1) ?? null
  }

  answer = async (choice: Choice): Promise<void> => {
    const entry = this.shown
    if (entry === null) return
    await this.#work(async () => {
      const told = await this.#options.store(entry, choice)
      this.#answered = [...this.#answered, { itemId: entry.itemId, told }]
      if (this.#waiting.length < FEW) this.queue.refresh()
    })
  }

  undo = async (): Promise<void> => {
    const { last } = this
    if (last === null) return
    await this.#work(async () => {
      await this.#options.takeBack(last.itemId)
      this.#answered = this.#answered.slice(0, -1)
      this.queue.refresh()
    })
  }

  /** One thing at a time: a key held down answers once. */
  async #work(work: () => Promise<void>): Promise<void> {
    if (this.isBusy) return
    this.isBusy = true
    try {
      await work()
    } catch (error) {
      this.#options.notices.complain(error)
    }
    this.isBusy = false
  }
}
