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
    refuseNul(value, metadata)
    const schema = (metadata as { schema?: unknown }).schema
    if (!(schema instanceof z.ZodType)) return value
    const parsed = schema.safeParse(value ?? {})
    if (parsed.success) return parsed.data
    const prefix = PLACE[metadata.type] === undefined ? [] : [PLACE[metadata.type] ?? '', ...(metadata.data === undefined ? [] : [metadata.data])]
    const problems = parsed.error.issues.map((issue) => toProblem(issue, value, prefix))
    const [first] = problems
    throw new AppError('invalid_request', `The request is refused: ${first?.path || 'body'}: ${first?.message ?? 'not as expected'}${problems.length > 1 ? ` (and ${problems.length - 1} more)` : ''}`, { problems })
  }
}

/** Nothing that an address can name has a NUL in it, and the database takes none. */
function refuseNul(value: unknown, { type, data }: ArgumentMetadata): void {
  const place = PLACE[type]
  if (place === undefined || !holdsNul(value)) return
  throw new AppError('invalid_request', `The request is refused: ${data === undefined ? place : `${place}.${data}`} holds a NUL character.`)
}

function holdsNul(value: unknown): boolean {
  return typeof value === 'string' ? value.includes('\0') : typeof value === 'object' && value !== null && Object.values(value).some(holdsNul)
}

function toProblem(issue: z.core.$ZodIssue, value: unknown, prefix: string[]): Problem {
  const seen = issue.path.reduce<unknown>((inner, key) => (inner as Record<PropertyKey, unknown> | null | undefined)?.[key], value)
  return { path: showPath([...prefix, ...issue.path]), message: issue.message, seen: show(seen) }
}

function showPath(path: readonly PropertyKey[]): string {
  return path.reduce<string>((text, key) => (typeof key === 'number' ? `${text}[${key}]` : `${text}${text === '' ? '' : '.'}${String(key)}`), '')
}

function show(value: unknown): string {
  const text = value === undefined ? 'nothing' : (JSON.stringify(value) ?? String(value))
  return text.length > 200 ? `${text.slice(0, 200)}…` : text
}
