/** `bancada report`: the results of finished runs in the files of other tools. Nothing is written before all of it was read. */
import { mkdir, open, rename, rm } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { type ReportFile, type ReportedRun } from '../../experiments/interchange/report.js'
import { formatReport, REPORT_FORMATS, type ReportFormat } from '../../experiments/interchange/reports.js'
import { AppError, type Comparison, type Example, type ExamplePage, type Experiment, type Health, type Run } from '../contracts/index.js'
import type { Client } from './client.js'
import { hasFigures, type Output } from './commands.js'

export const REPORT_HELP = `Usage: npx bancada report RUN ... --format F [--out FILE or DIR]
       npx bancada report --experiment ID --format F [--out FILE or DIR]

Writes the answers and figures of finished runs for other tools.

  --format F      lm-eval    results_DATE.json and samples_TASK_DATE.jsonl in a folder per run
                  promptfoo  JSON that promptfoo imports
                  junit      XML for build servers: wrong answers are failures
                  csv        a row per answer
                  markdown   a table with n and 95 % intervals, and what the paired comparison found
  --out PATH      a folder for lm-eval; a file for the others (default: print it)
  --experiment ID all runs of the experiment that have figures
  --metric NAME   by which answers are right or wrong, or runs compared (default: the primary one)
  --error-cost USD markdown: 1,000 requests with errors at that price (default: the file's)
  --threshold T   junit, promptfoo: the score from which an answer is right (default: 1 for 0/1 metrics)
`

export interface ReportOptions {
  runIds: readonly string[]
  experimentId: string | undefined
  format: string
  out: string | undefined
  metric: string | undefined
  threshold: number | undefined
  errorCostUsd: number | undefined
}

const PAGE = 1_000

export async function report(client: Client, output: Output, options: ReportOptions): Promise<void> {
  const { out } = options
  const format = formatOf(options.format)
  if (format === 'lm-eval' && out === undefined) throw new AppError('invalid_request', 'lm-eval writes several files: name a folder with --out DIR.')
  const runs = await runsOf(client, options)
  const reported: ReportedRun[] = []
  for (const run of runs) reported.push({ run, examples: await examplesOf(client, run.id) })
  const { version } = await client.get<Health>('/api/health')
  const comparison = format === 'markdown' ? await compared(client, runs, options) : null
  const files = formatReport(format, reported, { metric: options.metric, threshold: options.threshold, comparison, errorCostUsd: options.errorCostUsd, version })
  if (out === undefined) {
    for (const { pieces } of files) for (const piece of pieces) await printed(piece)
    return
  }
  const written = await writeAll(files, out)
  output.print(output.json ? JSON.stringify({ runs: runs.map(({ id }) => id), files: written }) : written.map((path) => `Wrote ${path}`).join('\n'))
}

function formatOf(text: string): ReportFormat {
  const format = REPORT_FORMATS.find((known) => known === text)
  if (format === undefined) throw new AppError('invalid_request', `There is no report format "${text}"; there are ${REPORT_FORMATS.join(', ')}.`)
  return format
}

async function runsOf(client: Client, { runIds, experimentId }: ReportOptions): Promise<Run[]> {
  const named: Run[] = []
  for (const id of runIds) named.push(await client.get<Run>(`/api/runs/${encodeURIComponent(id)}`))
  const unfinished = named.find((run) => !hasFigures(run))
  if (unfinished) throw new AppError('conflict', `Run ${unfinished.id} is ${unfinished.status}; only finished runs have results to report.`)
  const all = experimentId === undefined ? [] : (await client.get<Experiment>(`/api/experiments/${encodeURIComponent(experimentId)}`)).runs.filter(hasFigures)
  const runs = [...new Map([...named, ...all].map((run) => [run.id, run])).values()]
  if (runs.length === 0) throw new AppError('invalid_request', experimentId === undefined ? 'Name runs, or an experiment with --experiment ID.' : `Experiment ${experimentId} has no finished run.`)
  return runs
}

async function examplesOf(client: Client, runId: string): Promise<Example[]> {
  const examples: Example[] = []
  for (;;) {
    const page = await client.get<ExamplePage>(`/api/runs/${encodeURIComponent(runId)}/examples?offset=${examples.length}&limit=${PAGE}`)
    examples.push(...page.examples)
    if (page.examples.length === 0 || examples.length >= page.total) return examples
  }
}

async function compared(client: Client, runs: readonly Run[], { metric, errorCostUsd }: ReportOptions): Promise<Comparison | null> {
  if (runs.length < 2) return null
  const query = new URLSearchParams({ runs: runs.map(({ id }) => id).join(','), limit: '0', ...(metric === undefined ? {} : { metric }), ...(errorCostUsd === undefined ? {} : { errorCostUsd: String(errorCostUsd) }) })
  return client.get<Comparison>(`/api/compare?${query}`)
}

async function printed(piece: string): Promise<void> {
  if (!process.stdout.write(piece)) await new Promise((resume) => process.stdout.once('drain', resume))
}

/** Every file is written beside its place first; only when all are whole do they take it. */
async function writeAll(files: readonly ReportFile[], out: string): Promise<string[]> {
  const places = files.map(({ path, pieces }) => ({ path: path === '' ? out : join(out, path), pieces }))
  const parts = places.map(({ path }) => `${path}.${process.pid}.part`)
  try {
    for (const [index, { path, pieces }] of places.entries()) {
      await mkdir(dirname(path), { recursive: true })
      const file = await open(parts[index] ?? '', 'w')
      try {
        for (const piece of pieces) await file.write(piece)
      } finally {
        await file.close()
      }
    }
    for (const [index, { path }] of places.entries()) await rename(parts[index] ?? '', path)
  } catch (cause) {
    for (const part of parts) await rm(part, { force: true })
    throw new AppError('invalid_request', `The report cannot be written to ${out}: ${cause instanceof Error ? cause.message : cause}`, { cause })
  }
  return places.map(({ path }) => path)
}
