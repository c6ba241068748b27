import { say } from '../i18n.js'
import type { Shortcut } from '../state/shortcuts.svelte.js'

const rows = (): HTMLElement[] => [...document.querySelectorAll<HTMLElement>('[data-row]')]
const current = (): HTMLElement | null => document.activeElement?.closest<HTMLElement>('[data-row]') ?? null

function move(by: number): void {
  const all = rows()
  const here = current()
  const at = here === null ? (by > 0 ? -1 : all.length) : all.indexOf(here)
  all[Math.min(all.length - 1, Math.max(0, at + by))]?.focus()
}

/** Keys for the rows of the table on show. A row is any element with `data-row`; it opens by its first link. */
export function rowShortcuts(options: { canSelect: boolean }): Shortcut[] {
  const keys: Shortcut[] = [
    { keys: 'j', label: say('Next row', 'Próxima linha'), run: () => move(1) },
    { keys: 'k', label: say('Row before', 'Linha anterior'), run: () => move(-1) },
    { keys: 'o', label: say('Open the row (also Enter)', 'Abrir a linha (também Enter)'), run: () => current()?.querySelector('a')?.click() },
  ]
  if (options.canSelect) keys.push({ keys: 'x', label: say('Select the row', 'Selecionar a linha'), run: () => current()?.querySelector<HTMLInputElement>('input[type=checkbox]')?.click() })
  return keys
}

/** For a row's own `onkeydown`: Enter opens it, arrows go on to the next; keys meant for what stands in the row stay there. */
export function pressRow(event: KeyboardEvent): void {
  if (event.target !== event.currentTarget) return
  if (event.key === 'Enter') current()?.querySelector('a')?.click()
  else if (event.key === 'ArrowDown') move(1)
  else if (event.key === 'ArrowUp') move(-1)
  else return
  event.preventDefault()
}

/** To the field that narrows the table of the page, or to whatever else is marked as doing so. */
export function focusFilter(): void {
  document.querySelector<HTMLElement>('input[type=search], [data-filter]')?.focus()
}
