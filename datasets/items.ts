/*
 * The shapes of a dataset's lines, one schema per task, and the sentence said when a line has another shape.
 * Unknown fields are kept: a prompt template may use them.
 */
import { basename } from 'node:path'
import { z } from 'zod'
import { type DatasetTask, ItemIdSchema } from '../server/contracts/index.js'
import { ConversationItemSchema, type ConversationItem } from './conversation.js'
import { DatasetError } from './dataset-error.js'
import { shownPath, type NumberedLine } from './lines.js'

const IdSchema = ItemIdSchema
const TextSchema = z.string().min(1)

export const ClassificationItemSchema = z.looseObject({
  id: IdSchema,
  input: TextSchema,
  target: TextSchema,
  cluster: z.string().min(1).optional().describe('items with one cluster share a source: intervals are computed over clusters'),
})
/** `prompt` and `completion`, the names of other tools, are taken for `input` and `target`. */
export const GenerationItemSchema = z.preprocess(withOwnNames, z.looseObject({ id: IdSchema, input: TextSchema, target: z.string() }))
export const RetrievalItemSchema = z.looseObject({
  id: IdSchema,
  question: TextSchema,
  answer: TextSchema,
  document: IdSchema.describe('id of the document that holds the answer'),
  passage: TextSchema.describe('the gold passage, word for word'),
  start: z.int().nonnegative().describe('offset of the passage in the document, in UTF-16 units'),
  end: z.int().positive(),
})
export const TextItemSchema = z.looseObject({ id: IdSchema, text: TextSchema })
export const SourceDocumentSchema = z.looseObject({
  id: IdSchema,
  title: TextSchema,
  year: z.int().optional(),
  text: TextSchema,
})

export const ITEM_SCHEMAS = {
  classification: ClassificationItemSchema,
  generation: GenerationItemSchema,
  chat: ConversationItemSchema,
  retrieval: RetrievalItemSchema,
  text: TextItemSchema,
} satisfies Record<DatasetTask, z.ZodType>

export interface ItemOfTask {
  classification: z.infer<typeof ClassificationItemSchema>
  generation: z.infer<typeof GenerationItemSchema>
  chat: ConversationItem
  retrieval: z.infer<typeof RetrievalItemSchema>
  text: z.infer<typeof TextItemSchema>
}
export type DatasetItem = ItemOfTask[DatasetTask]
export type SourceDocument = z.infer<typeof SourceDocumentSchema>

/**
 * Parses one line against a schema. A line without an id has the name of its file and its number as one (train-17).
 * @throws {DatasetError} `dataset_line` with file, line, field and what to write instead.
 */
export function parseLine<Schema extends z.ZodType>(schema: Schema, line: NumberedLine, path: string): z.infer<Schema> {
  const value = parseJson(line, path)
  const parsed = schema.safeParse(withId(value, `${basename(path, '.jsonl')}-${line.number}`))
  if (parsed.success) return parsed.data
  const issue = parsed.error.issues[0]
  const field = issue?.path.join('.') ?? ''
  throw lineError(path, line.number, field, sayWhatIsWrong(value, issue?.path ?? [], issue?.message ?? 'wrong shape'))
}

export function lineError(path: string, line: number, field: string | undefined, what: string): DatasetError {
  const file = shownPath(path)
  return new DatasetError('dataset_line', `${file}:${line}: ${what}`, { file, line, ...(field ? { field } : {}) })
}

function parseJson(line: NumberedLine, path: string): unknown {
  try {
    return JSON.parse(line.text)
  } catch (cause) {
    const why = cause instanceof Error ? cause.message : String(cause)
    throw lineError(path, line.number, undefined, `not valid JSON (${why}); write one complete JSON object on this line`)
  }
}

function isFields(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

function withId(value: unknown, id: string): unknown {
  return isFields(value) && value['id'] === undefined ? { id, ...value } : value
}

function withOwnNames(value: unknown): unknown {
  if (!isFields(value) || value['input'] !== undefined || value['target'] !== undefined) return value
  const { prompt, completion } = value
  return { ...value, ...(prompt === undefined ? {} : { input: prompt }), ...(completion === undefined ? {} : { target: completion }) }
}

function sayWhatIsWrong(value: unknown, path: readonly PropertyKey[], message: string): string {
  const field = path.join('.')
  if (!isFields(value)) {
    return `the line holds ${Array.isArray(value) ? 'a list' : JSON.stringify(value)}; write a JSON object in braces`
  }
  const holder = valueAt(value, path.slice(0, -1))
  const seen = valueAt(value, path)
  if (seen === undefined) {
    const present = isFields(holder) ? Object.keys(holder).map((key) => `"${key}"`).join(', ') : ''
    return `field "${field}" is missing; add "${String(path.at(-1))}": … (${path.length > 1 ? `${path.slice(0, -1).join('.')} has` : 'the line has'} ${present === '' ? 'no fields' : present})`
  }
  if (seen === '') return `field "${field}" is empty; give it a text`
  return `field "${field}" is ${JSON.stringify(seen).slice(0, 80)}: ${message.replace(/^Invalid input: /, '')}; correct it`
}

/** What stands at the path, only looking into properties of its own. */
function valueAt(value: unknown, path: readonly PropertyKey[]): unknown {
  let at: unknown = value
  for (const key of path) at = typeof at === 'object' && at !== null && Object.hasOwn(at, key) ? (at as Record<PropertyKey, unknown>)[key] : undefined
  return at
}
