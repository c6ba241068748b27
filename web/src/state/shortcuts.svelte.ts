import { untrack } from 'svelte'

export interface Shortcut {
  /** A key as KeyboardEvent names it, or two with a space between: `g e`. */
  keys: string
  label: string
  run: () => void
}

const SEQUENCE_MS = 1200

/** Keys of the page on show. Letters count only outside of fields, and only where the reader left them on. */
export class Shortcuts {
  #groups = $state.raw<Shortcut[][]>([])
  #pending = ''
  #pendingAt = 0
  readonly all: Shortcut[] = $derived(this.#groups.flat())

  /** Adds keys until the returned function is called. Untracked: the effect that adds them must not run again because of it. */
  add(shortcuts: Shortcut[]): () => void {
    untrack(() => (this.#groups = [...this.#groups, shortcuts]))
    return () => untrack(() => (this.#groups = this.#groups.filter((group) => group !== shortcuts)))
  }

  press(event: KeyboardEvent): void {
    if (event.defaultPrevented || event.ctrlKey || event.metaKey || event.altKey || isTyping(event.target)) return
    const now = Date.now()
    const sequence = this.#pending !== '' && now - this.#pendingAt < SEQUENCE_MS ? `${this.#pending} ${event.key}` : event.key
    const shortcut = this.all.find((candidate) => candidate.keys === sequence)
    if (shortcut !== undefined) {
      this.#pending = ''
      event.preventDefault()
      shortcut.run()
      return
    }
    this.#pending = this.all.some((candidate) => candidate.keys.startsWith(`${event.key} `)) ? event.key : ''
    this.#pendingAt = now
  }
}

function isTyping(target: EventTarget | null): boolean {
  return target instanceof HTMLElement && (target.isContentEditable || target.matches('input:not([type=checkbox]), textarea, select') || target.closest('dialog') !== null)
}
