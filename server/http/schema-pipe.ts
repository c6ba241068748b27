import { Injectable, type ArgumentMetadata, type PipeTransform } from '@nestjs/common'
import { z } from 'zod'
import { AppError, type Problem } from '../contracts/index.js'

const PLACE: Partial<Record<ArgumentMetadata['type'], string>> = { query: 'query', param: 'path' }

/**
 * Checks every argument that names a schema (`@Body({ schema })`) and hands on what the schema
 * makes of it; what does not fit is refused with each problem's path, message and value.
 */
@Injectable()
export class SchemaPipe implements PipeTransform {
  transform(value: unknown, metadata: ArgumentMetadata): unknown {
    const schema = (metadata as { schema?: unknown }).schema
    if (!(schema instanceof z.ZodType)) return value
    const parsed = schema.safeParse((metadata.type === 'query' ? withoutEmpty(value, schema) : value) ?? {})
    if (parsed.success) return parsed.data
    const prefix = PLACE[metadata.type] === undefined ? [] : [PLACE[metadata.type] ?? '', ...(metadata.data === undefined ? [] : [metadata.data])]
    const problems = parsed.error.issues.map((issue) => toProblem(issue, value, prefix))
    const [first] = problems
    throw new AppError('invalid_request', `The request is refused: ${first?.path || 'body'}: ${first?.message ?? 'not as expected'}${problems.length > 1 ? ` (and ${problems.length - 1} more)` : ''}`, { problems })
  }
}

/** `?offset=` says no more than leaving it out: as a number it would be 0. An empty text or list may mean something. */
function withoutEmpty(query: unknown, schema: z.ZodType): unknown {
  if (typeof query !== 'object' || query === null || !(schema instanceof z.ZodObject)) return query
  const fields = schema.shape as Record<string, z.ZodType | undefined>
  return Object.fromEntries(Object.entries(query).filter(([name, value]) => value !== '' || typeof fields[name]?.safeParse('').data !== 'number'))
}

function toProblem(issue: z.core.$ZodIssue, value: unknown, prefix: string[]): Problem {
  const seen = issue.path.reduce<unknown>((inner, key) => (inner as Record<PropertyKey, unknown> | null | undefined)?.[key], value)
  // Of a text that was to be read as a number the schema only says that it became NaN.
  const isNoNumber = issue.code === 'invalid_type' && issue.expected === 'number' && typeof seen === 'string'
  return { path: showPath([...prefix, ...issue.path]), message: isNoNumber ? 'must be a number' : issue.message, seen: show(seen) }
}

function showPath(path: readonly PropertyKey[]): string {
  return path.reduce<string>((text, key) => (typeof key === 'number' ? `${text}[${key}]` : `${text}${text === '' ? '' : '.'}${String(key)}`), '')
}

function show(value: unknown): string {
  const text = value === undefined ? 'nothing' : (JSON.stringify(value) ?? String(value))
  return text.length > 200 ? `${text.slice(0, 200)}…` : text
}
