/*
 * Opens a dataset folder: its manifest, its hash, its items. Every fault is named by file and line.
 * Not for scoring, sampling or templates. A folder holds dataset.yaml, one JSONL file per split and,
 * for retrieval, the documents that the questions are about.
 */
import { createHash } from 'node:crypto'
import { existsSync } from 'node:fs'
import { readdir, realpath, stat } from 'node:fs/promises'
import { isAbsolute, join, resolve, sep } from 'node:path'
import type { DatasetManifest, DatasetTask } from '../server/contracts/index.js'
import { DatasetError } from './dataset-error.js'
import { countLines, digestOf } from './file-facts.js'
import { ITEM_SCHEMAS, lineError, parseLine, SourceDocumentSchema, type DatasetItem, type ItemOfTask, type SourceDocument } from './items.js'
import { readLines, shownPath } from './lines.js'
import { MANIFEST_FILE, readManifest } from './manifest.js'

export interface Dataset {
  folder: string
  manifest: DatasetManifest
  /** sha256 (hex) over the manifest and every file it names: equal hashes mean equal bytes. */
  hash: string
  /** Items per split. */
  splits: Record<string, number>
  /** All items of a split, in file order. */
  read(split: string): Promise<DatasetItem[]>
  /** As `read`, typed for one task; refuses a dataset of another task. */
  readAs<Task extends DatasetTask>(task: Task, split: string): Promise<ItemOfTask[Task][]>
  /** As `read`, one item at a time, for corpora that should not stand in memory whole. */
  stream(split: string): AsyncGenerator<DatasetItem>
  /** The documents of a retrieval dataset; an empty list for other tasks. */
  documents(): Promise<SourceDocument[]>
  /** Reads everything once: every line, ids unique over all splits, gold passages at their offsets. */
  validate(): Promise<void>
}

export type DatasetListing =
  | { name: string; folder: string; manifest: DatasetManifest }
  | { name: string; folder: string; problem: DatasetError }

/**
 * Opens a dataset by its name under one of the roots (the first root wins), or by the path of its folder.
 * @throws {DatasetError} `dataset_unknown` with the names that exist; `dataset_manifest`, `dataset_file`.
 */
export async function openDataset(nameOrFolder: string, roots: string[]): Promise<Dataset> {
  const folder = await findFolder(nameOrFolder, roots)
  const manifest = await readManifest(folder)
  const pathOf = (file: string): string => join(folder, file)
  const files = Object.values(manifest.splits).concat(manifest.documents ?? [])
  for (const file of files) await assertOwnFile(folder, file)
  const hash = await hashFiles(folder, [MANIFEST_FILE, ...new Set(files)])
  const splits: Record<string, number> = {}
  for (const [split, file] of Object.entries(manifest.splits)) splits[split] = await countLines(pathOf(file))

  const splitPath = (split: string): string => {
    const file = Object.hasOwn(manifest.splits, split) ? manifest.splits[split] : undefined
    if (file !== undefined) return pathOf(file)
    const allowed = Object.keys(manifest.splits)
    throw new DatasetError('split_unknown', `dataset "${manifest.name}" has no split "${split}"; it has ${allowed.join(', ')}`, { allowed })
  }
  const stream = (split: string): AsyncGenerator<DatasetItem> => streamItems(splitPath(split), manifest)
  const read = async (split: string): Promise<DatasetItem[]> => collect(stream(split))
  const documents = async (): Promise<SourceDocument[]> =>
    manifest.documents === undefined ? [] : collect(streamDocuments(pathOf(manifest.documents)))
  return {
    folder,
    manifest,
    hash,
    splits,
    stream,
    read,
    documents,
    async readAs<Task extends DatasetTask>(task: Task, split: string): Promise<ItemOfTask[Task][]> {
      if (manifest.task === task) return (await read(split)) as ItemOfTask[Task][]
      throw new DatasetError('dataset_manifest', `dataset "${manifest.name}" is for ${manifest.task}, and a ${task} dataset is needed; name another dataset`)
    },
    validate: () => validateDataset(folder, manifest),
  }
}

/** Every dataset folder under the roots, by name; a broken one is listed with its problem. */
export async function listDatasets(roots: string[]): Promise<DatasetListing[]> {
  const found = new Map<string, DatasetListing>()
  for (const root of roots) {
    if (!existsSync(root)) continue
    for (const entry of await readdir(root)) {
      const folder = join(root, entry)
      if (found.has(entry) || !existsSync(join(folder, MANIFEST_FILE))) continue
      found.set(entry, await listOne(entry, folder))
    }
  }
  return [...found.values()].sort((a, b) => (a.name < b.name ? -1 : 1))
}

async function listOne(name: string, folder: string): Promise<DatasetListing> {
  try {
    return { name, folder, manifest: await readManifest(folder) }
  } catch (error) {
    if (error instanceof DatasetError) return { name, folder, problem: error }
    throw error
  }
}

async function findFolder(nameOrFolder: string, roots: string[]): Promise<string> {
  const isPath = isAbsolute(nameOrFolder) || /[\\/]/.test(nameOrFolder) || nameOrFolder.startsWith('.')
  const candidates = isPath ? [resolve(nameOrFolder)] : roots.map((root) => join(resolve(root), nameOrFolder))
  const folder = candidates.find((candidate) => existsSync(join(candidate, MANIFEST_FILE)))
  if (folder !== undefined) return folder
  const allowed = (await listDatasets(roots)).map((listing) => listing.name)
  const known = allowed.length === 0 ? 'no dataset is installed' : `datasets here: ${allowed.join(', ')}`
  throw new DatasetError('dataset_unknown', `no dataset "${nameOrFolder}" (${known}); a dataset is a folder with a ${MANIFEST_FILE}`, { allowed })
}

/** Refuses a link out of the folder: what is read must be what is hashed and shipped. */
async function assertOwnFile(folder: string, file: string): Promise<void> {
  const path = join(folder, file)
  const shown = shownPath(path)
  if (!existsSync(path) || !(await stat(path)).isFile()) {
    throw new DatasetError('dataset_file', `${shown}: there is no such file; put it there, or correct its name in ${MANIFEST_FILE}`, { file: shown })
  }
  const inside = (await realpath(path)).startsWith((await realpath(folder)) + sep)
  if (!inside) throw new DatasetError('dataset_file', `${shown}: leads out of the dataset folder; copy the file into it`, { file: shown })
}

async function hashFiles(folder: string, files: string[]): Promise<string> {
  const total = createHash('sha256')
  for (const file of [...files].sort()) total.update(`${file}\0${await digestOf(join(folder, file))}\n`)
  return total.digest('hex')
}

async function collect<Item>(items: AsyncIterable<Item>): Promise<Item[]> {
  const all: Item[] = []
  for await (const item of items) all.push(item)
  return all
}

async function* streamItems(path: string, manifest: DatasetManifest): AsyncGenerator<DatasetItem> {
  const firstLineOf = new Map<string, number>()
  for await (const line of readLines(path)) {
    const item: DatasetItem = parseLine(ITEM_SCHEMAS[manifest.task], line, path)
    assertNewId(item.id, { firstLineOf, path, line: line.number })
    if (manifest.task === 'classification' && manifest.labels !== undefined) {
      const target = String(item['target'])
      if (!manifest.labels.includes(target)) {
        throw lineError(path, line.number, 'target', `field "target" is "${target}", which is not a label; use one of ${manifest.labels.join(', ')}, or add it to labels in ${MANIFEST_FILE}`)
      }
    }
    yield item
  }
}

async function* streamDocuments(path: string): AsyncGenerator<SourceDocument> {
  const firstLineOf = new Map<string, number>()
  for await (const line of readLines(path)) {
    const document = parseLine(SourceDocumentSchema, line, path)
    assertNewId(document.id, { firstLineOf, path, line: line.number })
    yield document
  }
}

function assertNewId(id: string, seen: { firstLineOf: Map<string, number>; path: string; line: number }): void {
  const first = seen.firstLineOf.get(id)
  if (first !== undefined) throw lineError(seen.path, seen.line, 'id', `field "id" is "${id}" again, as on line ${first}; give every line its own id`)
  seen.firstLineOf.set(id, seen.line)
}

async function validateDataset(folder: string, manifest: DatasetManifest): Promise<void> {
  const texts = new Map<string, string>()
  if (manifest.documents !== undefined) {
    for await (const document of streamDocuments(join(folder, manifest.documents))) texts.set(document.id, document.text)
  }
  const splitOf = new Map<string, string>()
  for (const [split, file] of Object.entries(manifest.splits)) {
    const path = join(folder, file)
    for await (const item of streamItems(path, manifest)) {
      const other = splitOf.get(item.id)
      if (other !== undefined) throw itemError(path, item.id, `also occurs in split "${other}"; an id belongs to one item`)
      splitOf.set(item.id, split)
      if (manifest.task === 'retrieval') assertGoldPassage(item as ItemOfTask['retrieval'], texts, path)
    }
  }
}

function assertGoldPassage(item: ItemOfTask['retrieval'], texts: Map<string, string>, path: string): void {
  const text = texts.get(item.document)
  if (text === undefined) throw itemError(path, item.id, `names document "${item.document}", which the documents file does not hold`)
  if (text.slice(item.start, item.end) === item.passage) return
  const actual = text.indexOf(item.passage)
  const mend = actual === -1 ? 'the document does not hold that passage word for word' : `the passage begins at ${actual}: write "start": ${actual}, "end": ${actual + item.passage.length}`
  throw itemError(path, item.id, `its passage is not at ${item.start}–${item.end} of "${item.document}"; ${mend}`)
}

function itemError(path: string, id: string, what: string): DatasetError {
  const file = shownPath(path)
  return new DatasetError('dataset_line', `${file}: item "${id}" ${what}`, { file })
}
