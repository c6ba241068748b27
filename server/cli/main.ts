import { spawn } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { parseArgs } from 'node:util'
import { AppError, type Budget } from '../contracts/index.js'
import { Client } from './client.js'
import { pruneCache, showCache } from './cache.js'
import { compare, plan } from './compare.js'
import { list, type Output, pick, retry, runExperiment, show } from './commands.js'
import { doctor } from './doctor.js'
import { estimateExperiment } from './estimate.js'
import { EXPORT_HELP, exportCheckpoint } from './export.js'
import { importResults } from './import.js'
import { IMPORT_LM_EVAL_TASK_HELP, importLmEvalTask } from './import-lm-eval-task.js'
import { IMPORT_PROMPTFOO_HELP, importPromptfoo } from './import-promptfoo.js'
import { REPORT_HELP, report } from './report.js'
import { rescore } from './rescore.js'

const HELP = `Bancada: run experiments with language models, and decide from the evidence.

Usage: npx bancada COMMAND [options]

  run FILE [--wait]           queue an experiment file; --wait shows progress and then the comparison
  estimate FILE               calls, tokens, memory, operations and cost, without queueing anything
  ls                          list the experiments, newest first
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
  retry RUN                   queue a failed or cancelled run again [--usd N] [--calls N] [--minutes N]: its new budget
  pick RUN --step S           pick the checkpoint of a run
  export RUN --out DIR        write a checkpoint for PEFT, vLLM, llama.cpp: export --help
                              [--step S] [--format peft|merged|gguf|gguf-lora] [--dtype D] [--all]
  report RUN ... --format F   write results for other tools: lm-eval, promptfoo, junit, csv,
                              markdown: report --help [--experiment ID] [--out FILE or DIR]
  import FILE or DIR ...      take in results of lm-evaluation-harness or promptfoo as finished runs
  import promptfoo CONFIG     take in a promptfoo config: its tests as a dataset, its prompts and providers
                              as an experiment [--run]: import promptfoo --help
  import lm-eval-task FILE    take in tasks of lm-evaluation-harness that need no Python, as they are
                              [--data DIR] [--run]: import lm-eval-task --help
  worker [--name N]           run a worker here, for this or another machine's server
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

const options = {
  wait: { type: 'boolean' },
  json: { type: 'boolean' },
  all: { type: 'boolean' },
  help: { type: 'boolean', short: 'h' },
  server: { type: 'string' },
  token: { type: 'string' },
  metric: { type: 'string' },
  metrics: { type: 'string' },
  scorers: { type: 'string' },
  'non-inferior': { type: 'string' },
  'error-cost': { type: 'string' },
  pool: { type: 'boolean' },
  markdown: { type: 'boolean' },
  difference: { type: 'string' },
  accuracy: { type: 'string' },
  correlation: { type: 'string' },
  repeats: { type: 'string' },
  comparisons: { type: 'string' },
  'answer-variance': { type: 'string' },
  alpha: { type: 'string' },
  power: { type: 'string' },
  step: { type: 'string' },
  out: { type: 'string' },
  format: { type: 'string' },
  dtype: { type: 'string' },
  name: { type: 'string' },
  experiment: { type: 'string' },
  threshold: { type: 'string' },
  threads: { type: 'string' },
  run: { type: 'boolean' },
  'skip-unsupported': { type: 'boolean' },
  model: { type: 'string' },
  grader: { type: 'string' },
  embedder: { type: 'string' },
  'max-tokens': { type: 'string' },
  usd: { type: 'string' },
  calls: { type: 'string' },
  minutes: { type: 'string' },
  data: { type: 'string' },
  shots: { type: 'string' },
  limit: { type: 'string' },
  'older-than': { type: 'string' },
  unused: { type: 'boolean' },
} as const

const IMPORT_HELPS = new Map([['promptfoo', IMPORT_PROMPTFOO_HELP], ['lm-eval-task', IMPORT_LM_EVAL_TASK_HELP]])

class UsageError extends Error {}

function stepOf(text: string | undefined): number | undefined {
  if (text === undefined) return undefined
  if (!/^\d+$/.test(text)) throw new UsageError(`--step takes a whole number, not "${text}"`)
  return Number(text)
}

function wholeNumber(text: string | undefined, option: string, least: number): number | undefined {
  if (text === undefined) return undefined
  if (!/^\d+$/.test(text) || Number(text) < least) throw new UsageError(`${option} takes a whole number from ${least} up, not "${text}"`)
  return Number(text)
}

/** Where datasets/ and experiments/ are. */
const homeOf = (out: string | undefined): string => out ?? (process.env['BANCADA_HOME'] || '.bancada')

function positive(text: string | undefined, option: string): number | undefined {
  if (text === undefined) return undefined
  const value = Number(text)
  if (!(value > 0)) throw new UsageError(`${option} takes a number above 0, such as 0.02, not "${text}"`)
  return value
}

function notNegative(text: string | undefined, option: string): number | undefined {
  if (text === undefined) return undefined
  const value = text.trim() === '' ? NaN : Number(text)
  if (!(value >= 0 && value < Infinity)) throw new UsageError(`${option} takes a number from 0 up, such as 0.5, not "${text}"`)
  return value
}

/** What of the command line the planner is asked with. */
function planned(values: ReturnType<typeof parse>['values']): Record<string, string> {
  const { difference, metric, accuracy, correlation, repeats, comparisons, alpha, power } = values
  const asked = { difference: required(difference, '--difference D'), metric, accuracy, correlation, repeats, comparisons, answerVariance: values['answer-variance'], alpha, power }
  return Object.fromEntries(Object.entries(asked).flatMap(([name, value]) => (value === undefined ? [] : [[name, value]])))
}

function thresholdOf(text: string | undefined): number | undefined {
  if (text === undefined) return undefined
  const threshold = text.trim() === '' ? NaN : Number(text)
  if (!Number.isFinite(threshold)) throw new UsageError(`--threshold takes a number, not "${text}"`)
  return threshold
}

/** Only the limits that are given: the new budget holds no others. */
function budgetOf(values: { usd?: string; calls?: string; minutes?: string }): Budget {
  const limits = { usd: values.usd, calls: values.calls, minutes: values.minutes }
  const given = Object.entries(limits).filter(([, text]) => text !== undefined)
  const wrong = given.find(([, text]) => !(Number(text) > 0))
  if (wrong !== undefined) throw new UsageError(`--${wrong[0]} takes a number above 0, not "${String(wrong[1])}"`)
  return Object.fromEntries(given.map(([name, text]) => [name, Number(text)]))
}

/** Which stored replies may go. */
function pruned({ unused, 'older-than': text }: { unused?: boolean; 'older-than'?: string }): { olderThanDays?: number; unused: boolean } {
  const days = Number(text)
  if (text !== undefined && (text.trim() === '' || !(days >= 0))) throw new UsageError(`--older-than takes a number of days, 0 for all, not "${text}"`)
  return { ...(text === undefined ? {} : { olderThanDays: days }), unused: unused === true }
}

function required<T>(value: T | undefined, what: string): T {
  if (value === undefined) throw new UsageError(`${what} is missing`)
  return value
}

async function main(argv: string[]): Promise<number> {
  const { values, positionals } = parse(argv)
  const [command, ...names] = positionals
  if (values.help || command === undefined || command === 'help') {
    process.stdout.write(command === 'export' ? EXPORT_HELP : command === 'report' ? REPORT_HELP : command === 'import' ? (IMPORT_HELPS.get(names[0] ?? '') ?? HELP) : HELP)
    return command === undefined && !values.help ? 2 : 0
  }
  const json = values.json === true
  const output: Output = { json, print: (text) => process.stdout.write(`${text}\n`), note: (text) => void (json || process.stderr.write(`${text}\n`)) }
  const address = values.server ?? process.env['BANCADA_SERVER'] ?? `http://127.0.0.1:${process.env['PORT'] ?? '4400'}`
  const token = values.token ?? process.env['BANCADA_TOKEN']
  const client = new Client(address, token)
  switch (command) {
    case 'run':
      return (await runExperiment(client, output, { file: required(names[0], 'FILE'), wait: values.wait === true })) ? 0 : 1
    case 'estimate':
      await estimateExperiment(client, output, required(names[0], 'FILE'))
      return 0
    case 'ls':
      await list(client, output)
      return 0
    case 'show':
      await show(client, output, { id: required(names[0], 'ID'), errorCostUsd: notNegative(values['error-cost'], '--error-cost') })
      return 0
    case 'compare':
      if (names.length < 2) throw new UsageError('compare takes two or more run ids')
      await compare(client, output, { runs: names, metric: values.metric, margin: positive(values['non-inferior'], '--non-inferior'), errorCostUsd: notNegative(values['error-cost'], '--error-cost'), isPooled: values.pool === true, isMarkdown: values.markdown === true })
      return 0
    case 'plan':
      await plan(client, output, { runs: names, asked: planned(values) })
      return 0
    case 'rescore':
      return (await rescore(client, output, { id: required(names[0], 'ID'), scorers: values.scorers, metrics: values.metrics, wait: values.wait === true })) ? 0 : 1
    case 'retry':
      await retry(client, output, { runId: required(names[0], 'RUN'), budget: budgetOf(values) })
      return 0
    case 'pick':
      await pick(client, output, { runId: required(names[0], 'RUN'), step: required(stepOf(values.step), '--step S') })
      return 0
    case 'export':
      await exportCheckpoint(client, output, { runId: required(names[0], 'RUN'), step: stepOf(values.step), out: required(values.out, '--out DIR'), format: values.format, dtype: values.dtype, all: values.all === true })
      return 0
    case 'report':
      await report(client, output, { runIds: names, experimentId: values.experiment, format: required(values.format, '--format F'), out: values.out, metric: values.metric, threshold: thresholdOf(values.threshold), errorCostUsd: notNegative(values['error-cost'], '--error-cost') })
      return 0
    case 'import':
      if (names[0] === 'promptfoo' && names.length <= 2) {
        const { name, model, grader, embedder } = values
        const config = required(names[1], 'CONFIG, such as promptfooconfig.yaml,')
        const given = Object.fromEntries(Object.entries({ name, model, grader, embedder, maxTokens: positive(values['max-tokens'], '--max-tokens') }).filter(([, value]) => value !== undefined))
        return (await importPromptfoo(client, output, { config, out: homeOf(values.out), run: values.run === true, wait: values.wait === true, skipUnsupported: values['skip-unsupported'] === true, env: process.env, ...given })) ? 0 : 1
      }
      if (names[0] === 'lm-eval-task' && names.length <= 2) {
        const { name, model, data } = values
        const path = required(names[1], 'TASK.yaml or FOLDER')
        const given = Object.fromEntries(Object.entries({ name, model, data, shots: wholeNumber(values.shots, '--shots', 0), limit: wholeNumber(values.limit, '--limit', 1) }).filter(([, value]) => value !== undefined))
        return (await importLmEvalTask(client, output, { path, out: homeOf(values.out), run: values.run === true, wait: values.wait === true, skipUnsupported: values['skip-unsupported'] === true, ...given })) ? 0 : 1
      }
      if (names.length === 0) throw new UsageError('FILE or DIR is missing')
      await importResults(client, output, names)
      return 0
    case 'worker':
      return runWorker(['--server', address, ...(token ? ['--token', token] : []), ...(values.name ? ['--name', values.name] : []), ...(values.threads ? ['--threads', values.threads] : [])])
    case 'cache':
      await (values['older-than'] === undefined && values.unused !== true ? showCache(client, output) : pruneCache(client, output, pruned(values)))
      return 0
    case 'doctor':
      return (await doctor(client, output)) ? 0 : 1
    default:
      throw new UsageError(`there is no command "${command}"`)
  }
}

function parse(argv: string[]) {
  try {
    return parseArgs({ args: argv, options, allowPositionals: true })
  } catch (error) {
    throw new UsageError(error instanceof Error ? error.message : String(error))
  }
}

function runWorker(args: string[]): Promise<number> {
  const child = spawn(process.execPath, [fileURLToPath(new URL('../../workers/main.js', import.meta.url)), ...args], { stdio: 'inherit' })
  for (const signal of ['SIGINT', 'SIGTERM'] as const) process.on(signal, () => child.kill(signal))
  return new Promise((resolve) => child.on('exit', (code) => resolve(code ?? 1)))
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
