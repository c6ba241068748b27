/** `bancada import data`: files of the user's own as a dataset that experiments can name. */
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { convertDataFiles } from '../../experiments/interchange/data-files/convert.js'
import { parseColumns } from '../../experiments/interchange/data-files/columns.js'
import { AppError, DatasetTaskSchema } from '../contracts/index.js'
import { oneOf } from './arguments.js'
import type { Output } from './commands.js'
import { writeImported } from './write-imported.js'

export const IMPORT_DATA_HELP = `Usage: npx bancada import data FILE [FILE ...] [options]

Makes a dataset of JSON Lines, a JSON list, CSV, TSV, a text (a paragraph is an item) or SQuAD's format. All columns
stay, as variables of templates. Of several files each is a split: train, validation (dev) or test stands in its name.

  --fields F=COLUMN,…   which columns are the input, the target, the id, the cluster: input=question,target=label
  --task T              classification, generation, chat, text; of SQuAD's format retrieval or generation; left out: by
                        what the columns hold, and the command says what it took
  --passage P           of SQuAD's format: a question is to find its paragraph (default), or the words of its answer
  --train N             of a single file: N items drawn for few-shot examples and training; twins stay together
  --validation N        N more for validation; the rest is the test split
  --skip-unsupported    leave out rows without a question or an answer, and count them
  --name NAME           what the dataset is called (default: the name of the file)
  --language L          a BCP 47 tag, such as pt
  --licence TEXT        as the data's owner states it
  --out DIR             where datasets/ is (default: $BANCADA_HOME, or .bancada)
`

export interface ImportDataOptions {
  paths: readonly string[]
  out: string
  fields: string | undefined
  trainItems: number
  validationItems: number
  skipEmpty: boolean
  passage?: string
  name?: string
  task?: string
  language?: string
  licence?: string
}

/** @throws {AppError} naming file, line and column; then nothing is written */
export async function importData(output: Output, { paths, out, fields, task, passage = 'paragraph', ...options }: ImportDataOptions): Promise<void> {
  if (paths.length === 0) throw new AppError('invalid_request', 'Nothing was imported: name the data file, as in: npx bancada import data questions.csv')
  const files = []
  for (const path of paths) files.push({ path, bytes: await bytesOf(path) })
  const columns = fields === undefined ? {} : parseColumns(fields)
  const converted = convertDataFiles(files, { ...options, columns, passage: oneOf(passage, ['paragraph', 'answer'], '--passage'), ...(task === undefined ? {} : { task: oneOf(task, DatasetTaskSchema.options, '--task') }) })
  await writeImported(out, converted)
  const { dataset, splits, notes } = converted
  if (output.json) return output.print(JSON.stringify({ dataset, task: converted.task, splits, notes }))
  output.print(`Wrote ${join(out, 'datasets', dataset)} for ${converted.task}: ${Object.entries(splits).map(([split, items]) => `${split} ${items}`).join(', ')}`)
  for (const note of notes) output.print(`Note: ${note}`)
  output.print(`Next: name it in an experiment file, "dataset: ${dataset}"; the page /datasets shows its items.`)
}

async function bytesOf(path: string): Promise<Uint8Array> {
  try {
    return await readFile(path)
  } catch (cause) {
    throw new AppError('invalid_request', `Nothing was imported: ${path} cannot be read (${cause instanceof Error ? cause.message : String(cause)}).`, { cause })
  }
}
