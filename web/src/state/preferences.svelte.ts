import { flushSync } from 'svelte'
import { type Language, setLanguage, spokenOf } from '../i18n.js'
import { reviewerNamed, UNNAMED } from '../words.js'

export type ThemeChoice = 'system' | 'light' | 'dark'

const STORAGE_KEY = 'bancada.preferences'

/** What a reader chose for this browser: theme, language and whether letter keys are shortcuts (WCAG 2.1.4). */
export class Preferences {
  theme = $state<ThemeChoice>('system')
  language = $state<Language>(spokenOf(navigator.languages))
  hasShortcuts = $state(true)
  /** The name under which this reader annotates and reviews. */
  annotator = $state(UNNAMED)
  #systemIsDark = $state(false)
  /** Paper is light and narrow, whatever the screen is. */
  isPrinting = $state(false)
  readonly isDark = $derived(!this.isPrinting && (this.theme === 'dark' || (this.theme === 'system' && this.#systemIsDark)))

  constructor() {
    const kept = readKept()
    if (kept.theme === 'light' || kept.theme === 'dark') this.theme = kept.theme
    if (kept.language === 'en' || kept.language === 'pt') this.language = kept.language
    this.hasShortcuts = kept.hasShortcuts !== false
    if (typeof kept.annotator === 'string' && kept.annotator.trim() !== '') this.annotator = kept.annotator
    this.#speak()
  }

  start(): () => void {
    const media = window.matchMedia('(prefers-color-scheme: dark)')
    const read = (): void => {
      this.#systemIsDark = media.matches
      this.#paint()
    }
    read()
    const print = (): void => this.#setPrinting(true)
    const printed = (): void => this.#setPrinting(false)
    media.addEventListener('change', read)
    window.addEventListener('beforeprint', print)
    window.addEventListener('afterprint', printed)
    return () => {
      media.removeEventListener('change', read)
      window.removeEventListener('beforeprint', print)
      window.removeEventListener('afterprint', printed)
    }
  }

  setTheme(theme: ThemeChoice): void {
    this.theme = theme
    this.#keep()
    this.#paint()
  }

  setLanguage(language: Language): void {
    this.language = language
    this.#keep()
    this.#speak()
  }

  setShortcuts(isOn: boolean): void {
    this.hasShortcuts = isOn
    this.#keep()
  }

  setAnnotator(name: string): void {
    this.annotator = reviewerNamed(name)
    this.#keep()
  }

  /** Opens the browser's print dialog, which also writes PDF, once the page and its charts are drawn in light. */
  print(): void {
    this.#setPrinting(true)
    requestAnimationFrame(() => requestAnimationFrame(() => window.print()))
  }

  #setPrinting(isPrinting: boolean): void {
    this.isPrinting = isPrinting
    this.#paint()
    // The browser lays out the paper right after its event, and waits for nobody.
    flushSync()
  }

  #paint(): void {
    document.documentElement.dataset['theme'] = this.isDark ? 'dark' : 'light'
  }

  #speak(): void {
    setLanguage(this.language)
    document.documentElement.lang = this.language
  }

  #keep(): void {
    try {
      localStorage.setItem(STORAGE_KEY, JSON.stringify({ theme: this.theme, language: this.language, hasShortcuts: this.hasShortcuts, annotator: this.annotator }))
    } catch {
      // Storage is full or forbidden: the choice then lasts until the page is closed.
    }
  }
}

function readKept(): { theme?: unknown; language?: unknown; hasShortcuts?: unknown; annotator?: unknown } {
  try {
    const kept: unknown = JSON.parse(localStorage.getItem(STORAGE_KEY) ?? '{}')
    return typeof kept === 'object' && kept !== null ? kept : {}
  } catch {
    // Someone else's or broken data under our key: start from the defaults.
    return {}
  }
}
