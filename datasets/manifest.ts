import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { LineCounter, parseDocument } from 'yaml'
import { z } from 'zod'
import { DatasetError } from './dataset-error.js'
import { shownPath } from './lines.js'

export const MANIFEST_FILE = 'dataset.yaml'

export const DatasetTaskSchema = z.enum(['classification', 'generation', 'chat', 'retrieval', 'text'])
export type DatasetTask = z.infer<typeof DatasetTaskSchema>

/** A file of the dataset's own folder: nothing outside it may be named, so that the hash covers all that is read. */
const OwnFileSchema = z
  .string()
  .regex(/^[^\\/][^\\]*\.jsonl$/, 'write a .jsonl file of this folder, for example train.jsonl')
  .refine((path) => !path.split('/').includes('..'), 'the file must lie inside the dataset folder, without ".."')

export const DatasetManifestSchema = z
  .strictObject({
    name: z.string().regex(/^[a-z0-9][a-z0-9-]*$/, 'use lower-case letters, digits and hyphens'),
    title: z.string().min(1),
    task: DatasetTaskSchema,
    language: z.string().min(2).describe('BCP 47 tag, several separated by commas'),
    licence: z.string().min(1),
    source: z.string().min(1),
    labels: z.array(z.string().min(1)).min(2).optional(),
    splits: z
      .record(z.string().min(1), OwnFileSchema)
      .refine((splits) => Object.keys(splits).length > 0, 'name at least one split, for example test: test.jsonl'),
    documents: OwnFileSchema.optional(),
    description: z.string().min(1),
  })
  .superRefine((manifest, context) => {
    if (manifest.task === 'retrieval' && manifest.documents === undefined) {
      context.addIssue({ code: 'custom', path: ['documents'], message: 'a retrieval dataset needs its documents: documents.jsonl' })
    }
    if (manifest.labels !== undefined && new Set(manifest.labels).size < manifest.labels.length) {
      context.addIssue({ code: 'custom', path: ['labels'], message: 'a label is listed twice' })
    }
  })
export type DatasetManifest = z.infer<typeof DatasetManifestSchema>

/**
 * Reads `dataset.yaml` of a folder.
 * @throws {DatasetError} `dataset_manifest`, naming the file, the line and the field.
 */
export async function readManifest(folder: string): Promise<DatasetManifest> {
  const path = join(folder, MANIFEST_FILE)
  const file = shownPath(path)
  let text: string
  try {
    text = await readFile(path, 'utf8')
  } catch (cause) {
    const why = cause instanceof Error ? cause.message : String(cause)
    throw new DatasetError('dataset_manifest', `${file}: cannot be read (${why})`, { file })
  }
  const lineCounter = new LineCounter()
  const document = parseDocument(text, { lineCounter, prettyErrors: false })
  const syntaxError = document.errors[0]
  if (syntaxError !== undefined) {
    const { line } = lineCounter.linePos(syntaxError.pos[0])
    throw new DatasetError('dataset_manifest', `${file}:${line}: not valid YAML: ${syntaxError.message}`, { file, line })
  }
  const parsed = DatasetManifestSchema.safeParse(document.toJS())
  if (parsed.success) return parsed.data
  const issue = parsed.error.issues[0]
  const field = issue === undefined ? '' : issue.path.join('.')
  const node = issue === undefined ? undefined : document.getIn(issue.path, true)
  const offset = rangeStart(node)
  const line = offset === undefined ? undefined : lineCounter.linePos(offset).line
  const place = line === undefined ? file : `${file}:${line}`
  throw new DatasetError('dataset_manifest', `${place}: ${field === '' ? '' : `field "${field}": `}${issue?.message ?? 'wrong shape'}`, { file, line, field })
}

function rangeStart(node: unknown): number | undefined {
  if (typeof node !== 'object' || node === null || !('range' in node) || !Array.isArray(node.range)) return undefined
  const start: unknown = node.range[0]
  return typeof start === 'number' ? start : undefined
}
