import { isMap, parseDocument, stringify, type Document } from 'yaml'
import type { Problem } from '../../../../server/contracts/errors.js'
import type { Estimate } from '../../../../server/contracts/run.js'
import { ApiError, createExperiment, estimateExperiment } from '../../api.js'
import { type Fields, isFields } from '../../fields.js'
import type { Change } from './foreign.js'
import { changed, type History, NO_HISTORY, redone, undone } from './history.js'

export type Path = readonly (string | number)[]

interface Parsed {
  document: Document
  /** The file's mapping; empty while the text does not parse. */
  value: Fields
  isSound: boolean
}

function parsedOf(text: string): Parsed {
  const document = parseDocument(text, { prettyErrors: false })
  if (document.errors.length > 0) return { document, value: {}, isSound: false }
  try {
    const value: unknown = document.toJS({ maxAliasCount: 100 })
    return { document, value: isFields(value) ? value : {}, isSound: value === null || isFields(value) }
  } catch {
    // Aliases to nothing or without bound: the server names the line when it is asked.
    return { document, value: {}, isSound: false }
  }
}

const CHECK_AFTER_MS = 350
const KEPT_UNDER = 'bancada.draft'

/**
 * An experiment file while it is written. The text is the truth; the form reads it parsed and
 * changes it part by part, so that comments and order stay. The server checks it after each pause.
 */
export class Draft {
  #text = $state('')
  #history = $state.raw<History>(NO_HISTORY)
  estimate = $state.raw<Estimate | null>(null)
  /** What the server says of the text as it stands; null while all is well or not yet known. */
  error = $state.raw<ApiError | null>(null)
  isChecking = $state(false)
  readonly parsed: Parsed = $derived(parsedOf(this.#text))
  readonly problems: readonly Problem[] = $derived(this.error?.problems ?? [])

  constructor(text: string) {
    this.#text = text
  }

  get text(): string {
    return this.#text
  }

  get canUndo(): boolean {
    return this.#history.past.length > 0
  }

  get canRedo(): boolean {
    return this.#history.future.length > 0
  }

  /** As it is typed: what is typed without a pause is taken back at once. */
  type(text: string): void {
    this.#become(text, Date.now())
  }

  /** As a whole. */
  replace(text: string): void {
    this.#become(text, null)
  }

  undo(): void {
    this.#step(undone(this.#history, this.#text))
  }

  redo(): void {
    this.#step(redone(this.#history, this.#text))
  }

  /** Sets the value at a path, or takes it out; mappings that become empty go too. */
  change(path: Path, value: unknown): void {
    this.#become(this.#with([{ path, value }]), Date.now())
  }

  /** Several changes that are taken back as one. */
  changeAll(changes: readonly Change[]): void {
    this.#become(this.#with(changes), null)
  }

  /** The text with these changes; as it is where it does not parse. */
  #with(changes: readonly Change[]): string {
    const { document, isSound } = this.parsed
    if (!isSound) return this.#text
    const next = document.clone() as Document
    for (const { path, value } of changes) {
      if (value === undefined) remove(next, path)
      else next.setIn(path, next.createNode(value, { flow: isShort(value) }))
    }
    return next.contents === null ? '' : next.toString({ lineWidth: 0 })
  }

  #become(text: string, typedAt: number | null): void {
    if (text === this.#text) return
    this.#history = changed(this.#history, this.#text, typedAt)
    this.#text = text
  }

  #step(step: { history: History; text: string } | null): void {
    if (step === null) return
    this.#history = step.history
    this.#text = step.text
  }

  /** The problems of a field: those at its path and within it. */
  problemsAt(...paths: string[]): Problem[] {
    return this.problems.filter((problem) => paths.some((path) => problem.path === path || problem.path.startsWith(`${path}.`) || problem.path.startsWith(`${path}[`)))
  }

  async queue(): Promise<string | null> {
    try {
      const { id } = await createExperiment(this.text)
      forgetDraft()
      return id
    } catch (error) {
      if (!(error instanceof ApiError) || error.problems.length === 0) throw error
      this.error = error
      this.estimate = null
      return null
    }
  }

  /** Asks the server about the text once nothing was written for a while; the returned function gives up on it. */
  checkSoon(text: string): () => void {
    keepDraft(text)
    const abort = new AbortController()
    this.isChecking = true
    const timer = setTimeout(() => void this.#check(text, abort.signal), CHECK_AFTER_MS)
    return () => {
      clearTimeout(timer)
      abort.abort()
    }
  }

  async #check(text: string, signal: AbortSignal): Promise<void> {
    try {
      const estimate = await estimateExperiment(text, signal)
      if (signal.aborted) return
      this.estimate = estimate
      this.error = null
    } catch (error) {
      if (signal.aborted) return
      this.estimate = null
      this.error = error instanceof ApiError ? error : new ApiError('internal', String(error))
    }
    this.isChecking = false
  }
}

const isShort = (value: unknown): boolean => JSON.stringify(value).length <= 100 && !JSON.stringify(value).includes('\\n')

function remove(document: Document, path: Path): void {
  document.deleteIn(path)
  const parent = path.slice(0, -1)
  if (parent.length === 0) return
  const holder = document.getIn(parent)
  if (isMap(holder) && holder.items.length === 0) document.deleteIn(parent)
}

/** A draft outlives a reload of the page; whoever keeps another one here has the page of new experiments open with it. */
export function keepDraft(text: string): void {
  try {
    sessionStorage.setItem(KEPT_UNDER, text)
  } catch {
    // Storage is full or forbidden: the draft then lasts until the page is closed.
  }
}

/** A draft that was queued is done with. */
function forgetDraft(): void {
  try {
    sessionStorage.removeItem(KEPT_UNDER)
  } catch {
    // Forbidden storage kept nothing.
  }
}

export function keptDraft(): string | null {
  try {
    return sessionStorage.getItem(KEPT_UNDER)
  } catch {
    // Forbidden storage kept nothing.
    return null
  }
}

/** An accepted file as a new draft: its own name, and without what it left empty. */
export function draftOf(spec: unknown, name: string): string {
  if (!isFields(spec)) return ''
  const { notes, tags, axes, strategy, repeats, ...rest } = spec
  const full = {
    ...rest,
    name,
    ...(strategy === undefined || strategy === 'grid' ? {} : { strategy }),
    ...(repeats === undefined || repeats === 1 ? {} : { repeats }),
    ...(isFields(axes) && Object.keys(axes).length > 0 ? { axes } : {}),
    ...(Array.isArray(tags) && tags.length > 0 ? { tags } : {}),
    ...(notes === '' || notes === undefined ? {} : { notes }),
  }
  return stringify(inOrder(full), { lineWidth: 0, flowCollectionPadding: true })
}

const ORDER = ['name', 'kind', 'dataset', 'model', 'axes', 'fixed', 'metrics', 'strategy', 'race', 'repeats', 'seed', 'budget', 'tags', 'notes']

function inOrder(spec: Fields): Fields {
  const place = (key: string): number => (ORDER.includes(key) ? ORDER.indexOf(key) : ORDER.length)
  return Object.fromEntries(Object.entries(spec).sort(([a], [b]) => place(a) - place(b)))
}

/** One run of a sweep as an experiment of its own: what its axes varied becomes fixed. */
export function specOfRun(spec: unknown, { varied, seed }: { varied: Fields; seed: number }): unknown {
  if (!isFields(spec)) return spec
  const { axes: _axes, fixed, strategy: _strategy, race: _race, repeats: _repeats, ...rest } = spec
  const { model, ...others } = varied
  const values = { ...(isFields(fixed) ? fixed : {}), ...others }
  return { ...rest, seed, ...(model === undefined ? {} : { model }), ...(Object.keys(values).length > 0 ? { fixed: values } : {}) }
}
