import { readFile } from 'node:fs/promises'
import { AppError, type Budget, type Checkpoint, type Comparison, type CreatedExperiment, type Experiment, type ExperimentPage, fromWire, MOST_COMPARED_RUNS, type Run } from '../contracts/index.js'
import type { Client } from './client.js'
import { bytes, dollars, duration, expected, milliseconds, number, progressLine, score, table } from './format.js'

export interface Output {
  json: boolean
  print(text: string): void
  /** For people watching; silent when the output is for machines. */
  note(text: string): void
}

const POLL_MS = 500
const MOST_LISTED = 200
const isOver = (status: string) => status === 'succeeded' || status === 'failed' || status === 'cancelled'
/** Those that leave figures to compare. */
export const hasFigures = (run: Run) => run.status === 'succeeded' || run.status === 'stopped'

/** The text of an experiment file with the type it is sent as. */
export async function readExperimentFile(file: string): Promise<{ text: string; type: string }> {
  try {
    return { text: await readFile(file, 'utf8'), type: file.endsWith('.json') ? 'application/json' : 'application/yaml' }
  } catch (cause) {
    throw new AppError('invalid_request', `Cannot read the file ${file}: ${cause instanceof Error ? cause.message : cause}`, { cause })
  }
}

/** Queues an experiment file; with `wait`, follows it to the end. Resolves to whether everything asked for succeeded. */
export async function runExperiment(client: Client, output: Output, options: { file: string; wait: boolean }): Promise<boolean> {
  const created = await client.post<CreatedExperiment>('/api/experiments', await readExperimentFile(options.file))
  return followCreated(client, output, { created, wait: options.wait })
}

/** Tells what was queued and, with `wait`, follows it to the end. Resolves to whether everything asked for succeeded. */
export async function followCreated(client: Client, output: Output, { created, wait }: { created: CreatedExperiment; wait: boolean }): Promise<boolean> {
  output.note(`Queued ${created.name} (${created.id}): ${created.runs.length} run${created.runs.length === 1 ? '' : 's'}. Watch it at ${client.server}/experiments/${created.id}`)
  if (!wait) {
    if (output.json) output.print(JSON.stringify(created))
    return true
  }
  const experiment = await follow(client, output, created.id)
  const comparison = await compareFinished(client, experiment)
  if (output.json) output.print(JSON.stringify({ experiment, comparison }))
  else output.print(`\n${experimentTable(experiment, comparison)}`)
  return experiment.status === 'succeeded'
}

async function follow(client: Client, output: Output, id: string): Promise<Experiment> {
  const live = process.stderr.isTTY === true && !output.json
  const seen = new Map<string, string>()
  let drawn = 0
  for (;;) {
    const experiment = await client.get<Experiment>(`/api/experiments/${id}`)
    const width = Math.max(...experiment.runs.map((run) => run.name.length))
    if (live) {
      const lines = experiment.runs.map((run) => progressLine(run, Date.now(), width).slice(0, process.stderr.columns - 1))
      process.stderr.write(`${drawn > 0 ? `\x1b[${drawn}A` : ''}${lines.map((line) => `\x1b[2K${line}\n`).join('')}`)
      drawn = lines.length
    } else {
      for (const run of experiment.runs) {
        if (seen.get(run.id) !== run.status) output.note(progressLine(run, Date.now(), width))
        seen.set(run.id, run.status)
      }
    }
    if (isOver(experiment.status)) return experiment
    await new Promise((resume) => setTimeout(resume, POLL_MS))
  }
}

/** Null where there are no two runs to compare, or more than are compared at once. */
async function compareFinished(client: Client, experiment: Experiment): Promise<Comparison | null> {
  const finished = experiment.runs.filter(hasFigures)
  if (finished.length < 2 || finished.length > MOST_COMPARED_RUNS) return null
  return client.get<Comparison>(`/api/compare?runs=${finished.map((run) => run.id).join(',')}&metric=${encodeURIComponent(experiment.primaryMetric)}&limit=0`)
}

function experimentTable(experiment: Experiment, comparison: Comparison | null): string {
  const tests = new Map(comparison?.tests.map((test) => [test.runId, test]))
  const at = experiment.errorCostUsd === null ? [] : [`per 1,000 at ${dollars(experiment.errorCostUsd)} an error [95 %]`]
  const withErrors = new Map(experiment.expectedCosts.map((cost) => [cost.runId, cost]))
  const rows = experiment.runs.map((run) => {
    const test = tests.get(run.id)
    const against = test ? `${test.verdict} (${test.difference >= 0 ? '+' : '−'}${number(Math.abs(test.difference))}, p=${test.pAdjusted === null ? '–' : number(test.pAdjusted)})` : run.id === comparison?.baselineId ? 'baseline' : '–'
    return [
      run.id,
      run.name,
      run.status,
      score(run.summary?.metrics[experiment.primaryMetric]),
      against,
      milliseconds(run.summary?.latency?.p50Ms),
      milliseconds(run.summary?.latency?.p95Ms),
      dollars(run.summary?.costUsd),
      ...at.map(() => expected(withErrors.get(run.id))),
      run.pickedStep !== null ? `step ${run.pickedStep} picked` : typeof run.summary?.bestStep === 'number' ? `step ${run.summary.bestStep} best` : '–',
    ]
  })
  const head = `${experiment.name} · ${experiment.kind} on ${experiment.dataset} · ${experiment.status}`
  const body = table(['id', 'run', 'status', experiment.primaryMetric, 'against the baseline', 'p50', 'p95', 'cost', ...at, 'checkpoint'], rows, new Set([5, 6, 7]))
  const told = comparison ? ['', comparison.sentence, ...comparison.warnings.map((warning) => `Note: ${warning}`)] : tooManyLines(experiment.runs)
  return [head, '', body, ...raceLines(experiment.runs), ...told].join('\n')
}

function tooManyLines(runs: readonly Run[]): string[] {
  const finished = runs.filter(hasFigures).length
  return finished > MOST_COMPARED_RUNS ? ['', `Note: ${finished} finished runs, and at most ${MOST_COMPARED_RUNS} are compared in pairs: name those that matter to npx bancada compare.`] : []
}

/** What the race said of each run; runs that it ended alike share a line. */
function raceLines(runs: readonly Run[]): string[] {
  const told = Map.groupBy(runs.filter((run) => run.race?.reason), (run) => run.race?.reason ?? '')
  return told.size === 0 ? [] : ['', ...[...told].map(([reason, alike]) => `${alike.map((run) => run.name).join('; ')}: ${reason}`)]
}

/** @param words as the search field of the page takes them; none finds all that is not archived */
export async function list(client: Client, output: Output, words: string): Promise<void> {
  const { experiments, total } = await client.get<ExperimentPage>(`/api/experiments?limit=${MOST_LISTED}${words === '' ? '' : `&q=${encodeURIComponent(words)}`}`)
  if (output.json) return output.print(JSON.stringify(experiments))
  if (experiments.length === 0 && words !== '') return output.print(`No experiment is found by: ${words}`)
  if (experiments.length === 0) return output.print('No experiments yet. Queue one: npx bancada run experiments/lora-rank-sweep.yaml --wait')
  const rows = experiments.map((experiment) => [
    experiment.id,
    experiment.name,
    experiment.kind,
    experiment.dataset,
    experiment.status,
    Object.entries(experiment.runCounts)
      .filter(([, count]) => count > 0)
      .map(([status, count]) => `${count} ${status}`)
      .join(', '),
    experiment.createdAt.slice(0, 16).replace('T', ' '),
  ])
  output.print(table(['id', 'experiment', 'kind', 'dataset', 'status', 'runs', 'created (UTC)'], rows))
  if (total > experiments.length) output.print(`… and ${total - experiments.length} older ones; words find among them: npx bancada ls WORDS`)
}

/** Shows an experiment or, when no experiment has that id, a run. */
export async function show(client: Client, output: Output, { id, errorCostUsd }: { id: string; errorCostUsd: number | undefined }): Promise<void> {
  const asked = errorCostUsd === undefined ? '' : `?errorCostUsd=${errorCostUsd}`
  const experiment = await orNull(client.get<Experiment>(`/api/experiments/${encodeURIComponent(id)}${asked}`))
  if (experiment) {
    const comparison = await compareFinished(client, experiment)
    return output.print(output.json ? JSON.stringify({ experiment, comparison }) : experimentTable(experiment, comparison))
  }
  const run = await orNull(client.get<Run>(`/api/runs/${encodeURIComponent(id)}`))
  if (!run) throw new AppError('not_found', `No experiment or run has the id ${id}. See: npx bancada ls`)
  const { checkpoints } = await client.get<{ checkpoints: Checkpoint[] }>(`/api/runs/${run.id}/checkpoints`)
  output.print(output.json ? JSON.stringify({ run, checkpoints }) : runText(run, checkpoints))
}

export async function orNull<T>(asked: Promise<T>): Promise<T | null> {
  try {
    return await asked
  } catch (error) {
    if (error instanceof AppError && error.code === 'not_found') return null
    throw error
  }
}

function runText(run: Run, checkpoints: Checkpoint[]): string {
  const lines = [`${run.experimentName} · ${run.name} · ${run.status}`, `id ${run.id}, attempt ${run.attempt}, seed ${run.seed}`]
  if (run.rescoredFrom) lines.push(`scores the answers of run ${run.rescoredFrom} anew`)
  if (run.error) lines.push(`error: ${run.error.message}`)
  if (run.status === 'running') lines.push(progressLine(run, Date.now(), 0).trim())
  if (run.environment) lines.push(`on ${run.environment.device} (${run.environment.threads} threads), worker ${run.environment.worker}, node ${run.environment.node}`)
  for (const [metric, summary] of Object.entries(run.summary?.metrics ?? {})) lines.push(`${metric}  ${score(summary)}${summary.unit ? ` ${summary.unit}` : ''}${summary.caution === undefined ? '' : `; caution: ${summary.caution}`}`)
  if (run.summary) lines.push(`latency p50 ${milliseconds(run.summary.latency?.p50Ms)}, p95 ${milliseconds(run.summary.latency?.p95Ms)}; cost ${dollars(run.summary.costUsd)}; took ${duration(run.summary.durationMs)}`)
  for (const reason of [run.summary?.bestReason, run.summary?.stopReason]) if (reason) lines.push(reason)
  if (checkpoints.length > 0) {
    const keys = [...new Set(checkpoints.flatMap((checkpoint) => Object.keys(checkpoint.metrics)))]
    const rows = checkpoints.map((checkpoint) => [
      String(checkpoint.step),
      ...keys.map((key) => (checkpoint.metrics[key] === undefined ? '–' : number(fromWire(checkpoint.metrics[key])))),
      bytes(checkpoint.sizeBytes),
      [checkpoint.best ? 'best' : '', checkpoint.picked ? 'picked' : ''].filter(Boolean).join(', '),
    ])
    lines.push('', table(['checkpoint', ...keys, 'size', ''], rows, new Set(rows[0]?.map((_, column) => column))))
  }
  return lines.join('\n')
}

/** Queues a failed or cancelled run again, with a larger budget where one is given. */
export async function retry(client: Client, output: Output, options: { runId: string; budget: Budget }): Promise<void> {
  const body = Object.keys(options.budget).length === 0 ? {} : { budget: options.budget }
  const run = await client.post<Run>(`/api/runs/${encodeURIComponent(options.runId)}/retry`, { text: JSON.stringify(body), type: 'application/json' })
  output.print(output.json ? JSON.stringify(run) : `Run ${run.id} is queued again and goes on from what is stored.`)
}

export async function pick(client: Client, output: Output, options: { runId: string; step: number }): Promise<void> {
  await client.post(`/api/runs/${encodeURIComponent(options.runId)}/checkpoints/${options.step}/pick`)
  output.print(output.json ? JSON.stringify({ runId: options.runId, pickedStep: options.step }) : `Picked checkpoint ${options.step} of run ${options.runId}.`)
}
