/**
 * `bancada export`: a checkpoint in the form another tool loads. Files come over HTTP; whatever needs the weights
 * themselves is done by a process of the workers, which know models. The folder appears whole or not at all.
 */
import { spawn } from 'node:child_process'
import { existsSync } from 'node:fs'
import { mkdir, mkdtemp, readdir, rename, rm, stat, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { basename, dirname, join, resolve } from 'node:path'
import { fileURLToPath } from 'node:url'
import { AppError, type Checkpoint, fromWire, type Run } from '../contracts/index.js'
import type { Client } from './client.js'
import type { Output } from './commands.js'
import { bytes, number } from './format.js'

export const EXPORT_HELP = `Usage: npx bancada export RUN --out DIR [--step S] [--format F] [--dtype D] [--all]

Writes a checkpoint of a lora or pretrain run into DIR, which must be new or empty.

  --step S       the checkpoint; left out: the picked one, else the best
  --format F     peft       the adapter, for PEFT and vLLM (default where an adapter was trained)
                 merged     a whole model in Hugging Face's layout (default where all weights were)
                 gguf       a whole model for llama.cpp and what is built on it
                 gguf-lora  the adapter for llama.cpp, to load beside its base model
  --dtype D      number format of the weights: f32, f16, bf16, and q8_0 for GGUF
                 (default: as the model has them; f16 for gguf, f32 for gguf-lora)
  --all          with the state that training goes on from

All formats but peft need the base model under models/ or .bancada/models/ of this machine.
A README.md in DIR says what it is and how it is loaded.
`

export interface ExportOptions {
  runId: string
  step: number | undefined
  out: string
  format: string | undefined
  dtype: string | undefined
  all: boolean
}

interface Conversion {
  files: string[]
  use: string[]
  notes: string[]
}

/** Needed to go on training, but not to use what was trained. */
const TRAINING_STATE = new Set(['optimizer.safetensors', 'trainer_state.json'])
const ADAPTER_FILE = 'adapter_config.json'

export async function exportCheckpoint(client: Client, output: Output, options: ExportOptions): Promise<void> {
  const out = resolve(options.out)
  await assertFree(out, options.out)
  const run = await client.get<Run>(`/api/runs/${encodeURIComponent(options.runId)}`)
  const checkpoint = await chooseCheckpoint(client, run.id, options.step)
  const scratch = await mkdtemp(join(tmpdir(), 'bancada-export-'))
  const partial = join(dirname(out), `.${basename(out)}.partial-${process.pid}`)
  try {
    await mkdir(partial, { recursive: true })
    const conversion = await fill(client, { run, checkpoint, options, partial, scratch, output })
    await writeFile(join(partial, 'README.md'), readme(run, checkpoint, conversion))
    await assertFree(out, options.out)
    await rename(partial, out)
    await report(output, { run, checkpoint, conversion, out, shown: options.out })
  } finally {
    await rm(partial, { recursive: true, force: true })
    await rm(scratch, { recursive: true, force: true })
  }
}

/** Looked at first, so that nobody waits for what cannot be put anywhere. */
async function assertFree(out: string, shown: string): Promise<void> {
  const isFree = !existsSync(out) || ((await stat(out)).isDirectory() && (await readdir(out)).length === 0)
  if (!isFree) throw new AppError('conflict', `${shown} already exists and is not empty. Name another folder with --out, or remove it first.`)
}

async function chooseCheckpoint(client: Client, runId: string, step: number | undefined): Promise<Checkpoint> {
  const { checkpoints } = await client.get<{ checkpoints: Checkpoint[] }>(`/api/runs/${encodeURIComponent(runId)}/checkpoints`)
  const chosen = step === undefined ? (checkpoints.find((one) => one.picked) ?? checkpoints.find((one) => one.best)) : checkpoints.find((one) => one.step === step)
  if (chosen) return chosen
  const have = checkpoints.length > 0 ? `It has: ${checkpoints.map((one) => one.step).join(', ')}` : 'It has none'
  throw new AppError('not_found', step === undefined ? `Run ${runId} has no picked or best checkpoint; name one with --step. ${have}.` : `Run ${runId} has no checkpoint at step ${step}. ${have}.`)
}

interface Job {
  run: Run
  checkpoint: Checkpoint
  options: ExportOptions
  /** Becomes the exported folder. */
  partial: string
  scratch: string
  output: Output
}

/** Puts the exported files into the partial folder. */
async function fill(client: Client, job: Job): Promise<Conversion> {
  const { run, checkpoint, options, partial, scratch } = job
  const isAdapter = hasAdapter(checkpoint)
  const format = options.format ?? (isAdapter ? 'peft' : 'merged')
  const isAsTrained = format === 'peft' || (format === 'merged' && !isAdapter && options.dtype === undefined)
  if (options.all && !isAsTrained) throw new AppError('invalid_request', `--all goes with the files as they were trained; leave it out with --format ${format}${options.dtype === undefined ? '' : ` --dtype ${options.dtype}`}.`)
  if (format === 'peft' && !isAdapter) throw new AppError('invalid_request', `Run ${run.id} trained whole weights, which is no adapter; use --format merged or gguf.`)
  const trained = isAsTrained ? partial : join(scratch, `${run.id}-${checkpoint.step}`)
  await download(client, { runId: run.id, checkpoint, folder: trained, wants: (name) => options.all || !TRAINING_STATE.has(name) })
  if (isAsTrained && !isAdapter) return { files: await readdir(partial), use: ['AutoModelForCausalLM.from_pretrained(".")'], notes: [] }
  const models = isAdapter ? ['--adapter', trained, ...(format === 'peft' ? [] : ['--model', await baseModel(client, job)])] : ['--model', trained]
  return runConversion(['--format', format, '--out', partial, ...models, ...(options.dtype === undefined ? [] : ['--dtype', options.dtype])])
}

function hasAdapter({ files }: Checkpoint): boolean {
  return files.some(({ name }) => name === ADAPTER_FILE)
}

/** The name of the model the adapter was trained on or, where that was itself trained here, its files. */
async function baseModel(client: Client, { run, scratch }: Job): Promise<string> {
  const base = String(run.params['model'])
  const match = /^run:([A-Za-z0-9_-]+)(?:@(\d+))?$/.exec(base)
  if (match === null) return base
  const [, runId = '', step] = match
  const checkpoint = await chooseCheckpoint(client, runId, step === undefined ? undefined : Number(step))
  if (hasAdapter(checkpoint)) throw new AppError('invalid_request', `Run ${run.id} was trained on ${base}, which is itself an adapter; such a pair cannot be merged.`)
  const folder = join(scratch, `${runId}-${checkpoint.step}`)
  await download(client, { runId, checkpoint, folder, wants: (name) => !TRAINING_STATE.has(name) })
  return folder
}

async function download(client: Client, { runId, checkpoint, folder, wants }: { runId: string; checkpoint: Checkpoint; folder: string; wants: (name: string) => boolean }): Promise<void> {
  await mkdir(folder, { recursive: true })
  for (const { name, sha256 } of checkpoint.files.filter((file) => wants(file.name))) {
    const arrived = await client.download(`/api/runs/${encodeURIComponent(runId)}/checkpoints/${checkpoint.step}/files/${encodeURIComponent(name)}`, join(folder, name))
    if (arrived !== sha256) throw new AppError('internal', `${name} arrived damaged (sha256 ${arrived}, expected ${sha256}). Nothing was written; try again.`)
  }
}

async function runConversion(args: string[]): Promise<Conversion> {
  const child = spawn(process.execPath, [fileURLToPath(new URL('../../workers/convert.js', import.meta.url)), ...args], { stdio: ['ignore', 'pipe', 'pipe'] })
  let [printed, problem] = ['', '']
  child.stdout.on('data', (piece: Buffer) => (printed += piece.toString()))
  child.stderr.on('data', (piece: Buffer) => (problem += piece.toString()))
  const code = await new Promise<number | null>((resolve, reject) => child.on('error', reject).on('close', resolve))
  if (code === 0) return JSON.parse(printed) as Conversion
  throw new AppError(code === 2 ? 'invalid_request' : 'internal', problem.trim() || `the conversion ended with code ${code}`)
}

/** What it is, where it comes from and how it is loaded: the folder may travel far from here. */
function readme(run: Run, { step, metrics }: Checkpoint, { use, notes }: Conversion): string {
  const measured = Object.entries(metrics).map(([name, value]) => `- ${name}: ${number(fromWire(value), 4)}`)
  return [
    `# ${run.experimentName}: ${run.name}, step ${step}`,
    '',
    `Trained with Bancada: run ${run.id} (${run.kind} on the dataset ${run.dataset}, seed ${run.seed}), base model ${String(run.params['model'] ?? 'none')}.`,
    ...(measured.length === 0 ? [] : ['', 'Measured at this step:', '', ...measured]),
    '',
    'To use it, in this folder:',
    '',
    ...use.map((line) => `    ${line}`),
    ...(notes.length === 0 ? [] : ['', ...notes.map((note) => `Note: ${note}.`)]),
    '',
  ].join('\n')
}

async function report(output: Output, { run, checkpoint, conversion, out, shown }: { run: Run; checkpoint: Checkpoint; conversion: Conversion; out: string; shown: string }): Promise<void> {
  const { use, notes } = conversion
  const files = (await readdir(out)).sort()
  if (output.json) return output.print(JSON.stringify({ runId: run.id, step: checkpoint.step, out, files, use, notes }))
  const sizes = await Promise.all(files.map(async (name) => `${name} (${bytes((await stat(join(out, name))).size)})`))
  output.print([`Wrote checkpoint ${checkpoint.step} to ${shown}: ${sizes.join(', ')}`, 'To use it, in that folder:', ...use.map((line) => `  ${line}`), ...notes.map((note) => `Note: ${note}.`)].join('\n'))
}
