/** What each command of the command line takes and does. */
import { spawn } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import type { Client } from './client.js'
import { budgetOf, finite, notNegative, oneOf, onlyGiven, type OptionName, positive, required, UsageError, type Values, wholeNumber } from './arguments.js'
import { pruneCache, showCache } from './cache.js'
import { compare, plan } from './compare.js'
import { list, type Output, pick, retry, runExperiment, show } from './commands.js'
import { doctor } from './doctor.js'
import { estimateExperiment } from './estimate.js'
import { exportCheckpoint } from './export.js'
import { importResults } from './import.js'
import { importLmEvalTask } from './import-lm-eval-task.js'
import { importData } from './import-data.js'
import { importPromptfoo } from './import-promptfoo.js'
import { cancel, change, moveRun, pauseQueue, remove, showQueue } from './manage.js'
import { report } from './report.js'
import { rescore } from './rescore.js'

export interface Call {
  client: Client
  output: Output
  /** What stands behind the command. */
  names: string[]
  values: Values
  token: string | undefined
}

interface Command {
  /** Beside --json, --server and --token, which all take. */
  options: readonly OptionName[]
  /** At most so many names; left out: any number. */
  most?: number
  /** Resolves to the exit code, or to whether all that was asked for succeeded; nothing means it did. */
  run(call: Call): Promise<number | boolean | void>
}

const IMPORTED = ['out', 'name', 'model', 'run', 'wait', 'skip-unsupported'] as const
const OF_DATA = ['task', 'fields', 'passage', 'train', 'validation', 'language', 'licence'] as const
const PLACES = ['front', 'up', 'down', 'back'] as const

export const COMMANDS: Record<string, Command> = {
  run: {
    options: ['wait'],
    most: 1,
    run: ({ client, output, names, values }) => runExperiment(client, output, { file: required(names[0], 'FILE'), wait: values.wait === true }),
  },
  estimate: { options: [], most: 1, run: ({ client, output, names }) => estimateExperiment(client, output, required(names[0], 'FILE')) },
  ls: { options: [], run: ({ client, output, names }) => list(client, output, names.join(' ')) },
  show: {
    options: ['error-cost'],
    most: 1,
    run: ({ client, output, names, values }) => show(client, output, { id: required(names[0], 'ID'), errorCostUsd: notNegative(values['error-cost'], '--error-cost') }),
  },
  compare: { options: ['metric', 'non-inferior', 'error-cost', 'pool', 'markdown'], run: compared },
  plan: { options: ['difference', 'metric', 'accuracy', 'correlation', 'repeats', 'comparisons', 'answer-variance', 'alpha', 'power'], run: ({ client, output, names, values }) => plan(client, output, { runs: names, asked: planned(values) }) },
  rescore: {
    options: ['scorers', 'metrics', 'wait'],
    most: 1,
    run: ({ client, output, names, values }) => rescore(client, output, { id: required(names[0], 'ID'), scorers: values.scorers, metrics: values.metrics, wait: values.wait === true }),
  },
  cancel: { options: [], most: 1, run: ({ client, output, names }) => cancel(client, output, required(names[0], 'ID')) },
  retry: { options: ['usd', 'calls', 'minutes'], most: 1, run: ({ client, output, names, values }) => retry(client, output, { runId: required(names[0], 'RUN'), budget: budgetOf(values) }) },
  pick: {
    options: ['step'],
    most: 1,
    run: ({ client, output, names, values }) => pick(client, output, { runId: required(names[0], 'RUN'), step: required(wholeNumber(values.step, '--step'), '--step S') }),
  },
  export: { options: ['step', 'out', 'format', 'dtype', 'all'], most: 1, run: exported },
  report: { options: ['experiment', 'format', 'out', 'metric', 'threshold', 'error-cost'], run: reported },
  import: { options: [...IMPORTED, 'grader', 'embedder', 'moderator', 'max-tokens', 'data', 'processed', 'shots', 'limit', ...OF_DATA], run: imported },
  archive: { options: ['undo'], most: 1, run: ({ client, output, names, values }) => change(client, output, { id: required(names[0], 'ID'), change: { archived: values.undo !== true } }) },
  star: { options: ['undo'], most: 1, run: ({ client, output, names, values }) => change(client, output, { id: required(names[0], 'ID'), change: { starred: values.undo !== true } }) },
  delete: { options: ['undo'], most: 1, run: ({ client, output, names, values }) => remove(client, output, { id: required(names[0], 'ID'), undo: values.undo === true }) },
  queue: { options: [], most: 3, run: queued },
  worker: { options: ['name', 'threads', 'parallel'], most: 0, run: worker },
  cache: {
    options: ['older-than', 'unused'],
    most: 0,
    run: ({ client, output, values }) => {
      const olderThanDays = notNegative(values['older-than'], '--older-than')
      if (olderThanDays === undefined && values.unused !== true) return showCache(client, output)
      return pruneCache(client, output, { ...onlyGiven({ olderThanDays }), unused: values.unused === true })
    },
  },
  doctor: { options: [], most: 0, run: ({ client, output }) => doctor(client, output) },
}

async function compared({ client, output, names, values }: Call): Promise<void> {
  if (names.length < 2) throw new UsageError('compare takes two or more run ids')
  const isMarkdown = values.markdown === true
  await compare(client, output, { runs: names, metric: values.metric, margin: positive(values['non-inferior'], '--non-inferior'), errorCostUsd: notNegative(values['error-cost'], '--error-cost'), isPooled: values.pool === true, isMarkdown })
}

/** What of the command line the planner is asked with. */
function planned(values: Values): Record<string, string> {
  const { difference, metric, accuracy, correlation, repeats, comparisons, alpha, power } = values
  return onlyGiven({ difference: required(difference, '--difference D'), metric, accuracy, correlation, repeats, comparisons, answerVariance: values['answer-variance'], alpha, power }) as Record<string, string>
}

async function exported({ client, output, names, values }: Call): Promise<void> {
  await exportCheckpoint(client, output, { runId: required(names[0], 'RUN'), step: wholeNumber(values.step, '--step'), out: required(values.out, '--out DIR'), format: values.format, dtype: values.dtype, all: values.all === true })
}

async function reported({ client, output, names, values }: Call): Promise<void> {
  const { experiment, out, metric } = values
  await report(client, output, { runIds: names, experimentId: experiment, format: required(values.format, '--format F'), out, metric, threshold: finite(values.threshold, '--threshold'), errorCostUsd: notNegative(values['error-cost'], '--error-cost') })
}

async function imported({ client, output, names, values }: Call): Promise<boolean> {
  const [what, path] = names
  const how = { out: values.out ?? (process.env['BANCADA_HOME'] || '.bancada'), run: values.run === true, wait: values.wait === true, skipUnsupported: values['skip-unsupported'] === true }
  const { name, model } = values
  if (what === 'data') {
    refuse(values, ['model', 'run', 'wait', 'grader', 'embedder', 'moderator', 'max-tokens', 'data', 'processed', 'shots', 'limit'], 'import data')
    const { task, fields, passage, language, licence } = values
    await importData(output, { paths: names.slice(1), out: how.out, fields, skipEmpty: how.skipUnsupported, trainItems: wholeNumber(values.train, '--train') ?? 0, validationItems: wholeNumber(values.validation, '--validation') ?? 0, ...onlyGiven({ name, task, passage, language, licence }) })
    return true
  }
  refuse(values, OF_DATA, `import ${what ?? ''}`.trim())
  if (what === 'promptfoo' && names.length <= 2) {
    refuse(values, ['data', 'processed', 'shots', 'limit'], 'import promptfoo')
    const { grader, embedder, moderator } = values
    return importPromptfoo(client, output, { config: required(path, 'CONFIG, such as promptfooconfig.yaml,'), env: process.env, ...how, ...onlyGiven({ name, model, grader, embedder, moderator, maxTokens: positive(values['max-tokens'], '--max-tokens') }) })
  }
  if (what === 'lm-eval-task' && names.length <= 2) {
    refuse(values, ['grader', 'embedder', 'moderator', 'max-tokens'], 'import lm-eval-task')
    return importLmEvalTask(client, output, { path: required(path, 'TASK.yaml or FOLDER'), ...how, processed: values.processed === true, ...onlyGiven({ name, model, data: values.data, shots: wholeNumber(values.shots, '--shots'), limit: wholeNumber(values.limit, '--limit', 1) }) })
  }
  if (names.length === 0) throw new UsageError('FILE or DIR is missing')
  refuse(values, COMMANDS['import']?.options ?? [], 'import of results')
  await importResults(client, output, names)
  return true
}

async function queued({ client, output, names: [verb, ...rest] }: Call): Promise<void> {
  if (verb === undefined) return showQueue(client, output)
  const known = oneOf(verb, ['pause', 'resume', 'move'], 'what to do with the queue')
  if (known === 'move') return moveRun(client, output, { runId: required(rest[0], 'RUN'), to: oneOf(rest[1], PLACES, 'where the run goes') })
  if (rest.length > 0) throw new UsageError(`queue ${known} takes no "${rest.join(' ')}"`)
  return pauseQueue(client, output, known)
}

function worker({ client, token, values }: Call): Promise<number> {
  const given = Object.entries(onlyGiven({ token, name: values.name, threads: values.threads, parallel: values.parallel }))
  const args = ['--server', client.server, ...given.flatMap(([option, value]) => [`--${option}`, value])]
  const child = spawn(process.execPath, [fileURLToPath(new URL('../../workers/main.js', import.meta.url)), ...args], { stdio: 'inherit' })
  for (const signal of ['SIGINT', 'SIGTERM'] as const) process.on(signal, () => child.kill(signal))
  return new Promise((resolve) => child.on('exit', (code) => resolve(code ?? 1)))
}

/** @throws UsageError where one of the options is given */
export function refuse(values: Values, options: readonly OptionName[], command: string): void {
  const given = options.find((option) => values[option] !== undefined)
  if (given !== undefined) throw new UsageError(`${command} takes no --${given}`)
}
