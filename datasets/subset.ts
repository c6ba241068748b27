/*
 * A new dataset from some items of another: the chosen ones are its test split, and what is left of the
 * source's train split goes along, so that few-shot examples and fine-tuning still have a source.
 */
import { randomUUID } from 'node:crypto'
import { copyFile, mkdir, open, rename, rm, writeFile } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { stringify } from 'yaml'
import { DatasetManifestSchema, type DatasetManifest } from '../server/contracts/index.js'
import { DatasetError } from './dataset-error.js'
import { readLines } from './lines.js'
import { MANIFEST_FILE } from './manifest.js'
import { openDataset, type Dataset } from './reader.js'

export interface Subset {
  name: string
  title: string
  description: string
  ids: ReadonlySet<string>
  /** Folder of datasets in which the new one will stand. */
  root: string
}

const TEST_FILE = 'test.jsonl'
const TRAIN_FILE = 'train.jsonl'
const DOCUMENTS_FILE = 'documents.jsonl'

/**
 * Writes the subset whole or not at all, checks it and returns it.
 * @throws {DatasetError} `dataset_manifest` for a name that will not do, `dataset_file` where there is such a
 * dataset already, `dataset_line` when the source does not hold all of the items.
 */
export async function writeSubset(source: Dataset, subset: Subset): Promise<Dataset> {
  const manifest = manifestOf(source, subset)
  const target = join(subset.root, subset.name)
  // Beside the datasets, not among them: nobody may find it half-written.
  const draft = join(dirname(subset.root), `.dataset-${randomUUID()}`)
  await mkdir(draft, { recursive: true })
  try {
    await writeItems(source, draft, subset.ids)
    if (source.manifest.documents !== undefined) await copyFile(join(source.folder, source.manifest.documents), join(draft, DOCUMENTS_FILE))
    await writeFile(join(draft, MANIFEST_FILE), stringify(manifest))
    await (await openDataset(draft, [])).validate()
    await mkdir(subset.root, { recursive: true })
    await rename(draft, target).catch((cause: unknown) => {
      throw new DatasetError('dataset_file', `there is a dataset "${subset.name}" already (${cause instanceof Error ? cause.message : String(cause)}); choose another name`)
    })
  } finally {
    await rm(draft, { recursive: true, force: true })
  }
  return openDataset(target, [])
}

function manifestOf(source: Dataset, { name, title, description, ids }: Subset): DatasetManifest {
  const { manifest, hash } = source
  const splits: Record<string, string> = manifest.splits['train'] === undefined ? { test: TEST_FILE } : { train: TRAIN_FILE, test: TEST_FILE }
  const parsed = DatasetManifestSchema.safeParse({
    ...manifest,
    name,
    title,
    description,
    source: `${ids.size} items of the dataset ${manifest.name} (sha256 ${hash}), which is from: ${manifest.source}`,
    splits,
    ...(manifest.documents === undefined ? {} : { documents: DOCUMENTS_FILE }),
  })
  if (parsed.success) return parsed.data
  const [issue] = parsed.error.issues
  throw new DatasetError('dataset_manifest', `field "${issue?.path.join('.') ?? ''}" of the new dataset: ${issue?.message ?? 'wrong shape'}`, { field: issue?.path.join('.') ?? '' })
}

/** Lines stay as they were written; one without an id gets the one it was known by, since its place changes. */
async function writeItems(source: Dataset, folder: string, ids: ReadonlySet<string>): Promise<void> {
  const test = await open(join(folder, TEST_FILE), 'w')
  const train = await open(join(folder, TRAIN_FILE), 'w')
  const missing = new Set(ids)
  try {
    for (const [split, file] of Object.entries(source.manifest.splits)) {
      const lines = readLines(join(source.folder, file))
      for await (const item of source.stream(split)) {
        const text = withId((await lines.next()).value?.text ?? '', item.id)
        if (missing.delete(item.id)) await test.write(`${text}\n`)
        else if (split === 'train') await train.write(`${text}\n`)
      }
      await lines.return(undefined)
    }
  } finally {
    await Promise.all([test.close(), train.close()])
  }
  if (source.manifest.splits['train'] === undefined) await rm(join(folder, TRAIN_FILE))
  const [first] = missing
  if (first !== undefined) throw new DatasetError('dataset_line', `${missing.size} of the ${ids.size} items are not in the dataset "${source.manifest.name}" as it is now, the first of them "${first}"; it was changed after these runs`)
}

function withId(line: string, id: string): string {
  const fields = JSON.parse(line) as Record<string, unknown>
  return fields['id'] === undefined ? JSON.stringify({ id, ...fields }) : line
}
