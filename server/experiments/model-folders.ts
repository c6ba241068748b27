/* What the server can tell of a local model without loading it: the sizes in its config.json, and how wide its weights are stored. */
import { existsSync, type Dirent } from 'node:fs'
import { open, readdir, readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { factsOfConfig, type ModelFacts } from '../../experiments/model-facts.js'
import type { ModelList } from '../contracts/index.js'
import type { Settings } from '../settings.js'

/** Longer headers are no model that could be estimated. */
const MOST_HEADER_BYTES = 100_000_000

/** Null where this machine has no such folder (a worker elsewhere may), or where it is not of a family that can be estimated. */
export async function modelFacts(name: string, { root, home }: Pick<Settings, 'root' | 'home'>): Promise<ModelFacts | null> {
  if (!/^[\w.-]+$/.test(name)) return null
  for (const folder of [join(root, 'models', name), join(home, 'models', name)]) {
    try {
      return factsOfConfig(JSON.parse(await readFile(join(folder, 'config.json'), 'utf8')), await storedBytesOf(folder))
    } catch {
      // Not here, or not readable: the worker that opens it tells what is wrong with it.
    }
  }
  return null
}

/** Bytes of a number in the first weights file: 2 for 16-bit formats, else 4. */
async function storedBytesOf(folder: string): Promise<number> {
  const [weights] = (await readdir(folder)).filter((file) => file.endsWith('.safetensors')).sort()
  if (weights === undefined) throw new Error(`no weights in ${folder}`)
  const file = await open(join(folder, weights))
  try {
    const length = Number((await file.read(Buffer.alloc(8), 0, 8, 0)).buffer.readBigUInt64LE())
    if (length > MOST_HEADER_BYTES) throw new Error(`${weights} has a header of ${length} bytes`)
    const header = (await file.read(Buffer.alloc(length), 0, length, 8)).buffer.toString('utf8')
    return /"dtype"\s*:\s*"B?F16"/.test(header) ? 2 : 4
  } finally {
    await file.close()
  }
}

/** Models that lie on this machine, by name; a name that stands in both places is the shipped one. */
export async function localModels({ root, home }: Pick<Settings, 'root' | 'home'>): Promise<ModelList['models']> {
  const found = new Map<string, ModelList['models'][number]>()
  for (const folder of [join(root, 'models'), join(home, 'models')]) {
    for (const entry of await entriesOf(folder)) {
      const origin = entry.isFile() && entry.name.endsWith('.gguf') ? 'gguf' : existsSync(join(folder, entry.name, 'config.json')) ? 'folder' : null
      if (origin !== null && !found.has(entry.name)) found.set(entry.name, { name: entry.name, origin, title: '' })
    }
  }
  return [...found.values()].sort((a, b) => a.name.localeCompare(b.name, 'en'))
}

async function entriesOf(folder: string): Promise<Dirent[]> {
  return existsSync(folder) ? readdir(folder, { withFileTypes: true }) : []
}
