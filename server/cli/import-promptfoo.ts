/** `bancada import promptfoo`: a promptfoo config as a dataset and an experiment file; with --run, queued at once. */
import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { convertPromptfoo, type ConvertOptions } from '../../experiments/interchange/promptfoo/convert.js'
import { placeOf } from '../../experiments/interchange/findings.js'
import { AppError } from '../contracts/index.js'
import type { Client } from './client.js'
import { type Output, runExperiment } from './commands.js'
import { writeImported } from './write-imported.js'

export const IMPORT_PROMPTFOO_HELP = `Usage: npx bancada import promptfoo promptfooconfig.yaml [options]

Writes the tests as a dataset and the prompts and providers as an experiment file.
What has no counterpart here is refused with its file, line and key.

  --out DIR             where datasets/ and experiments/ are (default: $BANCADA_HOME, or .bancada)
  --name NAME           what the dataset and the experiment are called
  --run [--wait]        queue the experiment at once; the server must see DIR as its home
  --skip-unsupported    run the rest, and list what was left out
  --model M             ask M in place of the providers: a local model, or ollama:llama3.2 and the like
  --max-tokens N        tokens of an answer where a provider names no limit (default: 1024, as promptfoo)
  --grader M            who judges llm-rubric and its kind, whatever the config says
  --embedder M          whose vectors similar compares: use-lite-en, or openai:embedding:MODEL
  --moderator M         who flags answers for moderation: openai:moderation:MODEL
`

export interface ImportPromptfooOptions extends ConvertOptions {
  config: string
  out: string
  run: boolean
  wait: boolean
}

/** Resolves to whether what was asked for succeeded. */
export async function importPromptfoo(client: Client, output: Output, options: ImportPromptfooOptions): Promise<boolean> {
  if (!existsSync(options.config)) throw new AppError('invalid_request', `Nothing was imported: there is no file ${options.config}.`)
  const converted = convertPromptfoo(options.config, options)
  await writeImported(options.out, converted)
  const { dataset, items, runs, experiments, leftOut, notes } = converted
  const files = experiments.map((path) => join(options.out, path))
  if (output.json && !options.run) output.print(JSON.stringify({ dataset, items, runs, experiments: files, leftOut, notes }))
  if (!output.json) {
    output.print(`Wrote ${join(options.out, 'datasets', dataset)}: ${items} item${items === 1 ? '' : 's'}`)
    for (const file of files) output.print(`Wrote ${file}`)
    output.print(`${runs} run${runs === 1 ? '' : 's'}: prompts × providers × repeats`)
    for (const found of leftOut) output.print(`Left out: ${placeOf(found)}: ${found.what}`)
    for (const note of notes) output.print(`Note: ${note}`)
    if (!options.run) output.print(`Next: npx bancada run ${files[0] ?? ''} --wait`)
  }
  let isDone = true
  if (options.run) for (const file of files) isDone = (await runExperiment(client, output, { file, wait: options.wait })) && isDone
  return isDone
}
