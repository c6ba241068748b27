import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { LineCounter, parseDocument } from 'yaml'
import { DatasetManifestSchema, type DatasetManifest } from '../server/contracts/index.js'
import { DatasetError } from './dataset-error.js'
import { shownPath } from './lines.js'

export const MANIFEST_FILE = 'dataset.yaml'

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
  const parsed = DatasetManifestSchema.safeParse(valueOf(document, file))
  if (parsed.success) return parsed.data
  const issue = parsed.error.issues[0]
  const field = issue === undefined ? '' : issue.path.join('.')
  const node = issue === undefined ? undefined : document.getIn(issue.path, true)
  const offset = rangeStart(node)
  const line = offset === undefined ? undefined : lineCounter.linePos(offset).line
  const place = line === undefined ? file : `${file}:${line}`
  throw new DatasetError('dataset_manifest', `${place}: ${field === '' ? '' : `field "${field}": `}${issue?.message ?? 'wrong shape'}`, { file, line, field })
}

/** Aliases may name themselves, or multiply without bound: then the library throws. */
function valueOf(document: ReturnType<typeof parseDocument>, file: string): unknown {
  try {
    return document.toJS()
  } catch (cause) {
    if (!(cause instanceof ReferenceError || cause instanceof RangeError)) throw cause
    throw new DatasetError('dataset_manifest', `${file}: its aliases cannot be resolved (${cause.message}); write the values out`, { file })
  }
}

function rangeStart(node: unknown): number | undefined {
  if (typeof node !== 'object' || node === null || !('range' in node) || !Array.isArray(node.range)) return undefined
  const start: unknown = node.range[0]
  return typeof start === 'number' ? start : undefined
}
