import { parseArgs } from 'node:util'
import { AppError } from '../contracts/index.js'
import { OPTIONS, type OptionName, UsageError, type Values } from './arguments.js'
import { Client } from './client.js'
import { COMMANDS, refuse } from './command-table.js'
import type { Output } from './commands.js'
import { EXPORT_HELP } from './export.js'
import { IMPORT_DATA_HELP } from './import-data.js'
import { IMPORT_LM_EVAL_TASK_HELP } from './import-lm-eval-task.js'
import { IMPORT_PROMPTFOO_HELP } from './import-promptfoo.js'
import { REPORT_HELP } from './report.js'

const HELP = `Bancada: run experiments with language models, and decide from the evidence.

Usage: npx bancada COMMAND [options]

  run FILE [--wait]           queue an experiment file; --wait shows progress and then the comparison
  estimate FILE               calls, tokens, memory, operations and cost, without queueing anything
  ls [WORDS]                  list the experiments, newest first; WORDS find among them as the page does:
                              'spam kind:lora rank>=16', is:archived, is:deleted
  show ID                     an experiment with its runs, or one run with its checkpoints
                              [--error-cost USD]
  compare RUN RUN ...         paired comparison; the first run is the baseline [--metric NAME]
                              [--non-inferior D] not worse by D? [--pool] repeats [--markdown]
                              [--error-cost USD] 1,000 requests with errors at that price
  plan --difference D         items needed to find D (0.03 is 3 points) [RUN RUN] or
                              [--accuracy A --correlation R] [--repeats K] [--comparisons M]
                              [--answer-variance V] [--alpha 0.05] [--power 0.8]
  rescore ID --scorers FILE   score the stored answers of an experiment or a run anew, as an
                              experiment of its own: nothing is asked or paid again [--metrics A,B]
                              [--wait]
  cancel ID                   cancel an experiment, or one run; what is stored stays
  retry RUN                   queue a failed or cancelled run again [--usd N] [--calls N] [--minutes N]: its new budget
  pick RUN --step S           pick the checkpoint of a run
  export RUN --out DIR        write a checkpoint for PEFT, vLLM, llama.cpp: export --help
                              [--step S] [--format peft|merged|gguf|gguf-lora] [--dtype D] [--all]
  report RUN ... --format F   write results for other tools: lm-eval, promptfoo, junit, csv,
                              markdown: report --help [--experiment ID] [--out FILE or DIR]
  import data FILE ...        make a dataset of JSONL, JSON, CSV, TSV, text or SQuAD files as they lie:
                              import data --help
  import FILE or DIR ...      take in results of lm-evaluation-harness or promptfoo as finished runs
  import promptfoo CONFIG     take in a promptfoo config: its tests as a dataset, its prompts and providers
                              as an experiment [--run]: import promptfoo --help
  import lm-eval-task FILE    take in tasks of lm-evaluation-harness that need no Python, as they are
                              [--data DIR] [--run]: import lm-eval-task --help
  archive ID, star ID         take an experiment out of the list, or mark it; --undo takes that back
  delete ID                   delete an experiment that is over; --undo brings it back within seven days
  queue                       what runs and what waits: queue pause, queue resume,
                              queue move RUN front|up|down|back
  worker [--name N] [--threads T] [--parallel N]
                              run a worker here, for this or another machine's server
  cache                       how many stored replies of models there are, and their size
                              [--older-than DAYS] [--unused] forget those stored before that, and
                              those whose run was deleted; runs keep their answers and scores
  doctor                      check everything Bancada stands on

  --server URL                the server (default: $BANCADA_SERVER, or http://127.0.0.1:4400)
  --token T                   its access token (default: $BANCADA_TOKEN)
  --json                      print JSON for machines
  --help                      this text; \`npm start -- --help\` tells how to start the server

Exit codes: 0 done, 1 failed, 2 bad input.
`

const EVERYWHERE: ReadonlySet<OptionName> = new Set(['json', 'help', 'server', 'token'])

function helpOf(command: string | undefined, name: string | undefined): string {
  const own = { export: EXPORT_HELP, report: REPORT_HELP, 'import data': IMPORT_DATA_HELP, 'import promptfoo': IMPORT_PROMPTFOO_HELP, 'import lm-eval-task': IMPORT_LM_EVAL_TASK_HELP }
  return new Map(Object.entries(own)).get(command === 'import' ? `import ${name}` : String(command)) ?? HELP
}

async function main(argv: string[]): Promise<number> {
  const { values, positionals } = parse(argv)
  const [name, ...names] = positionals
  if (values.help || name === undefined || name === 'help') {
    process.stdout.write(helpOf(name, names[0]))
    return name === undefined && !values.help ? 2 : 0
  }
  const command = Object.hasOwn(COMMANDS, name) ? COMMANDS[name] : undefined
  if (command === undefined) throw new UsageError(`there is no command "${name}"`)
  const given = Object.keys(values) as OptionName[]
  refuse(values, given.filter((option) => !EVERYWHERE.has(option) && !command.options.includes(option)), name)
  if (names.length > (command.most ?? Infinity)) throw new UsageError(`${name} takes no "${names[command.most ?? 0]}"`)
  const json = values.json === true
  const output: Output = { json, print: (text) => process.stdout.write(`${text}\n`), note: (text) => void (json || process.stderr.write(`${text}\n`)) }
  const address = values.server ?? process.env['BANCADA_SERVER'] ?? `http://127.0.0.1:${process.env['PORT'] ?? '4400'}`
  const token = values.token ?? process.env['BANCADA_TOKEN']
  const code = await command.run({ client: new Client(address, token), output, names, values, token })
  return typeof code === 'number' ? code : Number(code === false)
}

function parse(argv: string[]): { values: Values; positionals: string[] } {
  try {
    return parseArgs({ args: argv, options: OPTIONS, allowPositionals: true })
  } catch (error) {
    throw new UsageError(error instanceof Error ? (error.message.split('. To specify')[0] ?? '') : String(error))
  }
}

const BAD_INPUT = new Set(['invalid_request', 'invalid_spec', 'dataset_invalid', 'not_found', 'too_large', 'unsupported_media_type'])

try {
  process.exitCode = await main(process.argv.slice(2))
} catch (error) {
  if (error instanceof UsageError) {
    process.stderr.write(`bancada: ${error.message}. See: npx bancada --help\n`)
    process.exitCode = 2
  } else if (error instanceof AppError) {
    process.stderr.write(`bancada: ${error.message}\n`)
    for (const problem of error.problems ?? []) {
      const where = problem.line === undefined ? problem.path : `line ${problem.line}, ${problem.path}`
      process.stderr.write(`  ${where}: ${problem.message}${problem.seen === undefined ? '' : `; seen: ${problem.seen}`}${problem.allowed === undefined ? '' : `; allowed: ${problem.allowed}`}\n`)
    }
    process.exitCode = BAD_INPUT.has(error.code) ? 2 : 1
  } else {
    process.stderr.write(`bancada: ${error instanceof Error ? (error.stack ?? error.message) : String(error)}\n`)
    process.exitCode = 1
  }
}
