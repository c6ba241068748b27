/** Which items of a comparison stand side by side: what the address asks for, in the words of the page. Pure; the server selects them. */
import type { ComparisonExample } from '../../../../server/contracts/compare.js'
import type { SideFilter } from '../../../../experiments/sides.js'
import { say } from '../../i18n.js'

export const PAGE_SIZE = 25

export const scoreOf = (example: ComparisonExample, run: string): number | null => {
  const score = example.cells[run]?.score
  return score == null ? null : Number(score)
}

export function sideFilters(isShare: boolean): { id: SideFilter; word: string }[] {
  return [
    { id: 'all', word: say('All items', 'Todos os itens') },
    { id: 'differ', word: say('A and B differ', 'A e B diferem') },
    { id: 'a-better', word: isShare ? say('A right, B wrong', 'A certa, B errada') : say('A better than B', 'A melhor que B') },
    { id: 'b-better', word: isShare ? say('B right, A wrong', 'B certa, A errada') : say('B better than A', 'B melhor que A') },
    ...(isShare ? [{ id: 'both-wrong' as const, word: say('Both wrong', 'Ambas erradas') }] : []),
  ]
}

/** Run names are unique within an experiment only. */
export function namesOf(runs: readonly { id: string; name: string; experimentName: string }[]): Map<string, string> {
  const isShared = (name: string): boolean => runs.filter((run) => run.name === name).length > 1
  return new Map(runs.map(({ id, name, experimentName }) => [id, isShared(name) ? `${experimentName}: ${name}` : name]))
}

export const ANNOTATED = ['good', 'bad', 'any', 'none'] as const

/** δ as the address writes it; null where it is none. */
export function marginOf(text: string | null): number | null {
  const value = Number(text)
  return text !== null && value > 0 && Number.isFinite(value) ? value : null
}

export interface Conditions {
  text: string | null
  target: string | null
  cluster: string | null
  minLength: number | null
  maxLength: number | null
  annotated: (typeof ANNOTATED)[number] | null
  tag: string | null
}

/** The page of items that the address asks for. */
export interface Selection extends Conditions {
  show: SideFilter
  a: string | null
  b: string | null
  offset: number
  limit: number
}

const CONDITION_KEYS = ['q', 'target', 'cluster', 'min', 'max', 'annotated', 'tag'] as const
/** Query changes that take all conditions away. */
export const NO_CONDITIONS: Record<string, null> = Object.fromEntries([...CONDITION_KEYS, 'show', 'page', 'at'].map((key) => [key, null]))
export const NO_SELECTION: Record<string, null> = { ...NO_CONDITIONS, a: null, b: null }

export function conditionsOf(query: URLSearchParams): Conditions {
  const text = (key: string): string | null => query.get(key) || null
  const count = (key: string): number | null => (/^\d{1,9}$/.test(query.get(key) ?? '') ? Number(query.get(key)) : null)
  return { text: text('q'), target: text('target'), cluster: text('cluster'), minLength: count('min'), maxLength: count('max'), annotated: ANNOTATED.find((id) => id === query.get('annotated')) ?? null, tag: text('tag') }
}

/** Place of the opened item among those that match, from 1; null where none is open. */
export function placeOf(query: URLSearchParams): number | null {
  const at = query.get('at') ?? ''
  return /^[1-9]\d{0,8}$/.test(at) ? Number(at) : null
}

/** What names nothing that is there is left out. The page with the opened item wins over the page asked for. */
export function selectionOf(query: URLSearchParams, runs: readonly string[]): Selection {
  const named = (key: string): string | null => runs.find((id) => id === query.get(key)) ?? null
  const at = placeOf(query)
  const page = at === null ? Math.max(1, Number.parseInt(query.get('page') ?? '1', 10) || 1) : Math.ceil(at / PAGE_SIZE)
  const show = sideFilters(true).find(({ id }) => id === query.get('show'))?.id ?? 'all'
  return { show, a: named('a'), b: named('b'), ...conditionsOf(query), offset: (page - 1) * PAGE_SIZE, limit: PAGE_SIZE }
}
