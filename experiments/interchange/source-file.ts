/* Files of other tools, read strictly: what does not fit is refused with file, line and field. */
import { z } from 'zod'
import { AppError, type ImportedExperiment } from '../../server/contracts/index.js'
import { METRICS } from '../metrics.js'

export interface SourceFile {
  /** As the user named it. */
  path: string
  text: string
}

/** What a reader made of files, and what of them it left out, in sentences. */
export interface Imported {
  experiments: ImportedExperiment[]
  notes: string[]
}

export interface Place {
  path: string
  line?: number
}

export function refuse({ path, line }: Place, field: string, message: string, seen?: unknown): never {
  const where = line === undefined ? path : `${path}, line ${line}`
  const shown = seen === undefined ? {} : { seen: JSON.stringify(seen)?.slice(0, 200) ?? String(seen) }
  const problem = { path: field, message, ...shown, ...(line === undefined ? {} : { line }) }
  throw new AppError('invalid_request', `Nothing was imported: ${where}: ${field === '' ? '' : `${field}: `}${message}`, { problems: [problem] })
}

/** Python writes NaN and Infinity, which JSON has not; they are read as the texts "NaN" and so on. */
export function parseJson(text: string, place: Place): unknown {
  try {
    return JSON.parse(text.replaceAll(/"(?:[^"\\]|\\.)*"|-?\b(?:NaN|Infinity)\b/g, (token) => (token.startsWith('"') ? token : `"${token}"`)))
  } catch (cause) {
    return refuse(place, '', `not JSON: ${cause instanceof Error ? cause.message : String(cause)}`)
  }
}

export function check<T>(schema: z.ZodType<T>, value: unknown, place: Place): T {
  const parsed = schema.safeParse(value)
  if (parsed.success) return parsed.data
  const [issue] = parsed.error.issues
  const seen = issue?.path.reduce<unknown>((inner, key) => (inner as Record<PropertyKey, unknown> | null | undefined)?.[key], value)
  return refuse(place, issue?.path.map(String).join('.') ?? '', issue?.message ?? 'not as expected', seen)
}

/** A score, or null where there is none; undefined for what is no single number. */
export function scoreIn(value: unknown): number | null | undefined {
  if (value === null || value === 'NaN') return null
  if (typeof value === 'boolean') return Number(value)
  return typeof value === 'number' ? value : undefined
}

/** Others' metrics keep their names, but for those that mean something else here. */
export function metricName(tool: string, name: string): string {
  return name in METRICS ? `${tool}/${name}` : name
}

/** Ids by what an item is; the second item of the same content is `…#2`. */
export class ItemIds {
  readonly #seen = new Map<string, number>()

  next(content: string): string {
    const count = (this.#seen.get(content) ?? 0) + 1
    this.#seen.set(content, count)
    return count === 1 ? content : `${content}#${count}`
  }
}

/** Unique names: later ones of the same name are numbered. */
export function distinctNames(names: readonly string[]): string[] {
  const ids = new ItemIds()
  return names.map((name) => ids.next(name.slice(0, 290)).replace(/#(\d+)$/, ' #$1'))
}
