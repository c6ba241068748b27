/*
 * From the name of a local model to what lies on this disk: a folder or a GGUF file of models/, or what an
 * earlier run trained (`run:ID`, `run:ID@STEP`), downloaded once and kept.
 */
import { createHash } from 'node:crypto'
import { existsSync } from 'node:fs'
import { mkdir, readdir, rename, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { LoraParametersSchema, RunSchema, type Run } from '../server/contracts/index.js'
import { downloadCheckpoint, listCheckpoints } from './earlier-work.js'
import type { BaseDtype } from './engine/weight-cache.js'
import { hashFile } from './reporter.js'
import { RunFailure, type ServerAccess } from './run-context.js'
import { ServerRefusal } from './server-client.js'

export interface ModelSource {
  /** Hugging Face folder of the whole model. */
  folder: string
  /** PEFT folder of the adapter on it, where a LoRA run is named. */
  adapterFolder: string | null
  /** The number format in which an adapter's base was held while it was trained. */
  baseDtype: BaseDtype
}

/** A model for llama.cpp: it answers, but cannot be trained. */
export interface GgufSource {
  ggufFile: string
}

export interface ModelSourceOptions {
  server: ServerAccess
  modelRoots: string[]
  cacheFolder: string
}

const RUN_REFERENCE = /^run:([A-Za-z0-9_-]+)(?:@(\d+))?$/
/** What is only needed to go on training. */
const TRAINING_FILES = new Set(['optimizer.safetensors', 'trainer_state.json'])

/** A model to ask. @throws {RunFailure} `model_missing`, saying which models there are. */
export async function resolveAnswering(name: string, options: ModelSourceOptions): Promise<ModelSource | GgufSource> {
  return isGgufName(name) ? { ggufFile: await findGgufFile(name, options.modelRoots) } : resolveModel(name, options)
}

/** A model to train, or to ask. @throws {RunFailure} `model_missing`, saying which models there are. */
export async function resolveModel(name: string, options: ModelSourceOptions): Promise<ModelSource> {
  if (isGgufName(name)) throw new RunFailure('model_missing', `model "${name}" is a GGUF file, which answers prompts but cannot be trained or adapted here; name the Hugging Face folder it was made from`)
  if (!name.startsWith('run:')) return { folder: await findModelFolder(name, options.modelRoots), adapterFolder: null, baseDtype: 'stored' }
  const match = RUN_REFERENCE.exec(name)
  if (match === null) throw new RunFailure('model_missing', `model "${name}" is not a run; write run:ID or run:ID@STEP`)
  const [, runId = '', step] = match
  const run = await readRun(runId, options.server)
  const folder = await fetchCheckpoint(run, step === undefined ? await chooseStep(run, options.server) : Number(step), options)
  if (run.kind === 'pretrain' || run.params['method'] === 'full') return { folder, adapterFolder: null, baseDtype: 'stored' }
  if (run.kind !== 'lora') throw new RunFailure('model_missing', `model "${name}" names a ${run.kind} run, which trains no model; name a lora or pretrain run`)
  const base = await resolveModel(String(run.params['model']), options)
  if (base.adapterFolder !== null) throw new RunFailure('model_missing', `model "${name}" is an adapter on an adapter (${String(run.params['model'])}), which cannot be loaded; train it on a whole model`)
  return { folder: base.folder, adapterFolder: folder, baseDtype: LoraParametersSchema.shape.baseDtype.parse(run.params['baseDtype']) }
}

async function readRun(runId: string, server: ServerAccess): Promise<Run> {
  try {
    return RunSchema.parse(await server.getJson(`/api/runs/${encodeURIComponent(runId)}`))
  } catch (error) {
    if (!(error instanceof ServerRefusal) || error.status !== 404) throw error
    throw new RunFailure('model_missing', `model "run:${runId}" names a run that does not exist; take the id from the run's page or from "bancada show"`, { cause: error })
  }
}

/** The picked checkpoint, else the one marked best, else the last. */
async function chooseStep(run: Run, server: ServerAccess): Promise<number> {
  const checkpoints = await listCheckpoints(server, run.id)
  const chosen = checkpoints.find(({ picked }) => picked) ?? checkpoints.find(({ best }) => best) ?? checkpoints.at(-1)
  if (chosen === undefined) throw new RunFailure('model_missing', `run ${run.id} (${run.name}) has no checkpoint yet; wait for its first one, or name another run`)
  return chosen.step
}

async function fetchCheckpoint(run: Run, step: number, { server, cacheFolder }: ModelSourceOptions): Promise<string> {
  const folder = join(cacheFolder, 'checkpoints', `${run.id}-${step}`)
  if (existsSync(folder)) return folder
  // A folder under its final name is whole, also when two workers fetch it at once.
  const partial = `${folder}.${process.pid}.part`
  await mkdir(join(cacheFolder, 'checkpoints'), { recursive: true })
  await downloadCheckpoint(server, { runId: run.id, step, folder: partial, wants: (name) => !TRAINING_FILES.has(name) })
  await rename(partial, folder).catch(async (error: unknown) => {
    await rm(partial, { recursive: true, force: true })
    if (!existsSync(folder)) throw error
  })
  return folder
}

export async function findModelFolder(name: string, roots: string[]): Promise<string> {
  const folder = findPlain(name, roots, (candidate) => existsSync(join(candidate, 'config.json')))
  if (folder !== undefined) return folder
  throw new RunFailure('model_missing', `model "${name}" is not a folder with a config.json under models/ (${await listModels(roots)}); put a Hugging Face model folder there, set BANCADA_HOME to the folder whose models/ has it, or write run:ID for a trained one`)
}

const isGgufName = (name: string): boolean => name.endsWith('.gguf')

async function findGgufFile(name: string, roots: string[]): Promise<string> {
  const file = findPlain(name, roots, existsSync)
  if (file !== undefined) return file
  throw new RunFailure('model_missing', `model "${name}" is not a file under models/ (${await listModels(roots)}); put the GGUF file there`)
}

/** The first place under a root that is what is looked for; a name that leads out of it is none. */
function findPlain(name: string, roots: string[], isIt: (path: string) => boolean): string | undefined {
  if (!/^[\w.-]+(\/[\w.-]+)*$/.test(name) || name.split('/').includes('..')) return undefined
  return roots.map((root) => join(root, name)).find(isIt)
}

/** What there is to choose from, in words. */
async function listModels(roots: string[]): Promise<string> {
  const isModel = (root: string, entry: string): boolean => isGgufName(entry) || existsSync(join(root, entry, 'config.json'))
  const names = await Promise.all(roots.filter((root) => existsSync(root)).map(async (root) => (await readdir(root)).filter((entry) => isModel(root, entry))))
  const known = [...new Set(names.flat())].sort()
  return known.length === 0 ? 'no model is installed' : `models here: ${known.join(', ')}`
}

/** sha256 over the files that decide a model's answers: configuration, tokenizer, weights, adapter. */
export async function hashModel(source: ModelSource | GgufSource): Promise<string> {
  if ('ggufFile' in source) return hashFile(source.ggufFile)
  const { folder, adapterFolder } = source
  const hash = createHash('sha256')
  for (const part of adapterFolder === null ? [folder] : [folder, adapterFolder]) {
    const names = (await readdir(part)).filter((name) => /\.(json|jinja|safetensors)$/.test(name) && !TRAINING_FILES.has(name))
    for (const name of names.sort()) hash.update(`${name}\0${await hashFile(join(part, name))}\n`)
  }
  return hash.digest('hex')
}
