/** `bancada import`: evaluations of other tools as finished runs. All files are read and checked before anything is sent. */
import { existsSync } from 'node:fs'
import { readdir, readFile, stat } from 'node:fs/promises'
import { basename, join, resolve } from 'node:path'
import { isLmEvalFile, readLmEval, resultsBeside } from '../../experiments/interchange/lm-eval-import.js'
import { isPromptfoo, readPromptfoo } from '../../experiments/interchange/promptfoo-import.js'
import { parseJson, type SourceFile } from '../../experiments/interchange/source-file.js'
import { AppError, type ImportAnswer } from '../contracts/index.js'
import type { Client } from './client.js'
import type { Output } from './commands.js'

export async function importResults(client: Client, output: Output, paths: readonly string[]): Promise<void> {
  const found: SourceFile[] = []
  for (const path of paths) found.push(...(await filesAt(path)))
  const files = [...new Map(found.map((file) => [resolve(file.path), file])).values()]
  const samples = files.filter(({ path }) => isLmEvalFile(path))
  const others = files.filter(({ path }) => !isLmEvalFile(path))
  const read = [readLmEval(samples), ...others.map((file) => readPromptfoo(file))]
  const experiments = read.flatMap((one) => one.experiments)
  const notes = [...new Set(read.flatMap((one) => one.notes))]
  if (experiments.length === 0) throw new AppError('invalid_request', `There are no results in ${paths.join(', ')}: neither samples_TASK_DATE.jsonl of lm-eval nor a JSON of promptfoo.`)
  const answer = await client.post<ImportAnswer>('/api/import', { text: JSON.stringify({ experiments }), type: 'application/json' })
  if (output.json) return output.print(JSON.stringify({ ...answer, notes }))
  for (const [index, { id, name, runs }] of answer.experiments.entries()) {
    output.print(`Imported ${name} (${id}): ${client.server}/experiments/${id}`)
    for (const [place, run] of runs.entries()) {
      const given = experiments[index]?.runs[place]
      output.print(`  ${run.id}  ${given?.name ?? ''}, ${given?.examples.length ?? 0} items`)
    }
  }
  for (const note of notes) output.print(`Note: ${note}`)
}

/** A file by itself, or what is known of a folder and those in it. */
async function filesAt(path: string): Promise<SourceFile[]> {
  try {
    if (!(await stat(path)).isDirectory()) return readOne(path)
    const entries = await readdir(path, { recursive: true, withFileTypes: true })
    const files: SourceFile[] = []
    for (const entry of entries.sort((a, b) => (join(a.parentPath, a.name) < join(b.parentPath, b.name) ? -1 : 1))) {
      const inner = join(entry.parentPath, entry.name)
      if (!entry.isFile() || !/\.jsonl?$/.test(inner)) continue
      if (isLmEvalFile(inner)) files.push({ path: inner, text: await readFile(inner, 'utf8') })
      else if (inner.endsWith('.json')) {
        const file = { path: inner, text: await readFile(inner, 'utf8') }
        if (isPromptfoo(parseJson(file.text, file))) files.push(file)
      }
    }
    return files
  } catch (cause) {
    if (cause instanceof AppError) throw cause
    throw new AppError('invalid_request', `Cannot read ${path}: ${cause instanceof Error ? cause.message : cause}`, { cause })
  }
}

/** Samples come with the results file of their evaluation, where it lies beside them. */
async function readOne(path: string): Promise<SourceFile[]> {
  const file = { path, text: await readFile(path, 'utf8') }
  const results = resultsBeside(path)
  if (results !== null && existsSync(results)) return [file, { path: results, text: await readFile(results, 'utf8') }]
  if (isLmEvalFile(path) || (path.endsWith('.json') && isPromptfoo(parseJson(file.text, file)))) return [file]
  if (/\.ya?ml$/.test(path)) throw new AppError('invalid_request', `${basename(path)} is no file of results; a promptfoo config is taken in with: npx bancada import promptfoo ${path}`)
  throw new AppError('invalid_request', `${basename(path)} is neither samples_TASK_DATE.jsonl or results_DATE.json of lm-eval, nor a JSON of promptfoo with results.version and results.prompts.`)
}
