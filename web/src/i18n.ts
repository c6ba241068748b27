/**
 * The two languages of the pages. Every text stands in both, where it is used:
 * `say('Compare the runs', 'Comparar as execuções')`. Read inside a template or a derived value,
 * it changes by itself when the reader changes the language.
 */
import { createSubscriber } from 'svelte/reactivity'

export type Language = 'en' | 'pt'

let current: Language = 'en'
let announce = (): void => {}
const subscribe = createSubscriber((update) => {
  announce = update
})

export function say(en: string, pt: string): string {
  subscribe()
  return current === 'pt' ? pt : en
}

export function language(): Language {
  subscribe()
  return current
}

/** How numbers and dates are written: the reader's own region where its language is the one shown. */
export function locale(): string {
  return regionOf(language(), typeof navigator === 'undefined' ? [] : navigator.languages)
}

export function regionOf(shown: Language, preferred: readonly string[]): string {
  return preferred.find((tag) => tag.startsWith(`${shown}-`)) ?? (shown === 'pt' ? 'pt-BR' : 'en-US')
}

/** The first language the reader prefers that we speak. */
export function spokenOf(preferred: readonly string[]): Language {
  for (const tag of preferred) {
    const [spoken] = tag.toLowerCase().split('-')
    if (spoken === 'en' || spoken === 'pt') return spoken
  }
  return 'en'
}

export function setLanguage(language: Language): void {
  current = language
  announce()
}
