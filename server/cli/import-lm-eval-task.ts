/** `bancada import lm-eval-task`: tasks of lm-evaluation-harness as datasets and experiment files; with --run, queued at once. */
import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { convertLmEvalTask, type ConvertedTask, type ConvertTaskOptions } from '../../experiments/interchange/lm-eval-task/convert.js'
import { taskFilesAt } from '../../experiments/interchange/lm-eval-task/groups.js'
import type { TaskFile } from '../../experiments/interchange/lm-eval-task/task-file.js'
import { placeOf } from '../../experiments/interchange/findings.js'
import { AppError } from '../contracts/index.js'
import type { Client } from './client.js'
import { type Output, runExperiment } from './commands.js'
import { writeImported } from './write-imported.js'

export const IMPORT_LM_EVAL_TASK_HELP = `Usage: npx bancada import lm-eval-task TASK.yaml, GROUP.yaml or FOLDER [options]

Writes each task's rows as a dataset with the harness's own prompts, and an experiment file that asks them.
Tasks that need Python are refused with file, line and key.

  --data DIR            the rows, as DIR/SPLIT.jsonl, .json or .csv (test, train … as the task names its splits);
                        of several tasks DIR/TASK/SPLIT or DIR/DATASET_NAME/SPLIT; left out: the files that
                        dataset_kwargs.data_files names
  --processed           the rows are already what the task's process_docs makes of them: the one piece of Python that
                        most refused tasks have
  --out DIR             where datasets/ and experiments/ are (default: $BANCADA_HOME, or .bancada)
  --name NAME           what the dataset and the experiment of a single task are called
  --model M             who is asked (default: nano-pt-en)
  --shots K             few-shot examples in place of the task's own num_fewshot
  --limit N             the first N rows only
  --run [--wait]        queue the experiments at once; the server must see DIR as its home
  --skip-unsupported    of a task, leave out metrics and filters that are not known here; of a folder, the tasks that
                        cannot run; and list them
`

export interface ImportTaskOptions extends ConvertTaskOptions {
  path: string
  out: string
  run: boolean
  wait: boolean
}

/** Resolves to whether what was asked for succeeded. */
export async function importLmEvalTask(client: Client, output: Output, options: ImportTaskOptions): Promise<boolean> {
  const files = taskFilesAt(options.path)
  if (files.length === 0) throw new AppError('invalid_request', `Nothing was imported: no YAML in ${options.path} has a task.`)
  if (files.length > 1 && options.name !== undefined) throw new AppError('invalid_request', `--name is for a single task, and ${options.path} has ${files.length}.`)
  const refused: { file: string; why: string }[] = []
  const tasks: ConvertedTask[] = []
  for (const file of files) {
    try {
      tasks.push(convertLmEvalTask(file, files.length === 1 ? options : withOwnRows(options, file)))
    } catch (error) {
      if (!(error instanceof AppError) || files.length === 1 || !options.skipUnsupported) throw error
      refused.push({ file: file.path, why: [error.message, ...(error.problems ?? []).map(({ path, message }) => `${path}: ${message}`)].join(' ') })
    }
  }
  for (const task of tasks) await writeImported(options.out, task)
  const experiments = tasks.flatMap((task) => task.experiments.map((path) => join(options.out, path)))
  if (output.json && !options.run) output.print(JSON.stringify({ tasks: tasks.map(({ dataset, items, shots, leftOut }) => ({ dataset, items, shots, leftOut })), experiments, refused }))
  if (!output.json) tell(output, { tasks, refused }, options)
  if (tasks.length === 0) return false
  let isDone = true
  if (options.run) for (const file of experiments) isDone = (await runExperiment(client, output, { file, wait: options.wait })) && isDone
  return isDone
}

/** Tasks of a folder or a group do not share rows: each has a folder by its name, or by that of its dataset. */
function withOwnRows<Options extends { data?: string }>(options: Options, file: TaskFile): Options {
  const { data } = options
  if (data === undefined) return options
  const folders = [file.text('task'), file.text('dataset_name')].filter((name) => name !== '').map((name) => join(data, name))
  return { ...options, data: folders.find((folder) => existsSync(folder)) ?? folders[0] ?? data }
}

function tell(output: Output, { tasks, refused }: { tasks: readonly ConvertedTask[]; refused: readonly { file: string; why: string }[] }, { out, run }: ImportTaskOptions): void {
  for (const { dataset, items, shots, leftOut, notes, experiments } of tasks) {
    output.print(`Wrote ${join(out, 'datasets', dataset)}: ${items} item${items === 1 ? '' : 's'}, ${shots} shot${shots === 1 ? '' : 's'}`)
    for (const path of experiments) output.print(`Wrote ${join(out, path)}`)
    for (const found of leftOut) output.print(`Left out: ${placeOf(found)}: ${found.what}`)
    for (const note of notes) output.print(`Note: ${note}`)
  }
  for (const { file, why } of refused) output.print(`Refused: ${file}: ${why}`)
  const [first] = tasks.flatMap(({ experiments }) => experiments)
  if (!run && first !== undefined) output.print(`Next: npx bancada run ${join(out, first)} --wait`)
}
