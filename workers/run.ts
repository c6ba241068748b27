/*
 * The execution of one run, from top to bottom: data checked, environment recorded, earlier work
 * fetched, then the runner of its kind.
 */
import type { z } from 'zod'
import { openDataset, type Dataset } from '../datasets/reader.js'
import { PARAMETERS_BY_KIND, type Assignment, type Kind, type Summary } from '../server/contracts/index.js'
import type { ChildReport } from './child-report.js'
import type { StartMessage } from './child-messages.js'
import { EarlierWork } from './earlier-work.js'
import { onCompiled } from './engine/executors/executor.js'
import { describeEnvironment } from './environment.js'
import { datasetOfAnswers, isImported, scoringOf } from './imported-answers.js'
import { LeasedGates } from './providers/leased-gate.js'
import { RunFailure, type RunContext, type RunReport, type ServerAccess } from './run-context.js'
import { ServerClient } from './server-client.js'
import { downloadingAccess } from './server-access.js'

export async function executeRun(start: StartMessage, childReport: ChildReport): Promise<Summary> {
  const { assignment } = start
  childReport.progress({ done: 0, total: 1, unit: 'items', message: 'opening the dataset' })
  const server = downloadingAccess(new ServerClient(start.server))
  const dataset = isImported(assignment.params) ? datasetOfAnswers(server, assignment) : await openDataset(assignment.dataset, start.datasetRoots)
  assertSameDataset(dataset, assignment)

  const environment = describeEnvironment(start, dataset.hash)
  childReport.sendEnvironment(environment)
  const report: RunReport = {
    ...childReport,
    environment: (more) => childReport.sendEnvironment(Object.assign(environment, more)),
  }
  const devices = new Set<string>()
  onCompiled((device) => {
    if (devices.has(device)) return
    devices.add(device)
    report.environment({ device: [...devices].join(' and ') })
  })

  const earlier = new EarlierWork(server, assignment)
  const doneExamples = await earlier.examples()
  const resumeFolder = await earlier.checkpointFolder(start.workFolder)
  if (assignment.attempt > 1) report.log('info', describeResume(assignment, doneExamples.length))

  const gates = new LeasedGates({ server, runId: assignment.runId })
  try {
    return await runKind({ start, dataset, report, server, doneExamples, resumeFolder, gates })
  } finally {
    await gates.close()
  }
}

async function runKind(shared: Shared): Promise<Summary> {
  switch (shared.start.assignment.kind) {
    case 'prompt':
      if (shared.start.assignment.rescoredFrom != null) return (await import('./runners/rescore.js')).runRescore(contextOf('prompt', shared), shared.start.assignment.rescoredFrom)
      return (await import('./runners/prompt.js')).runPrompt(contextOf('prompt', shared))
    case 'lora':
      return (await import('./runners/lora.js')).runLora(contextOf('lora', shared))
    case 'pretrain':
      return (await import('./runners/pretrain.js')).runPretrain(contextOf('pretrain', shared))
    case 'rag':
      return (await import('./runners/rag.js')).runRag(contextOf('rag', shared))
  }
}

interface Shared extends Pick<RunContext<unknown>, 'dataset' | 'report' | 'doneExamples' | 'resumeFolder'> {
  start: StartMessage
  server: ServerAccess
  gates: LeasedGates
}

function contextOf<K extends Kind>(kind: K, shared: Shared): RunContext<z.infer<(typeof PARAMETERS_BY_KIND)[K]>> {
  const { start, gates, ...rest } = shared
  const { params } = start.assignment
  const parsed = PARAMETERS_BY_KIND[kind].safeParse(isImported(params) ? scoringOf(params) : params)
  if (!parsed.success) {
    const issue = parsed.error.issues[0]
    throw new RunFailure('invalid_params', `parameter ${issue?.path.join('.') ?? '?'} of this ${kind} run: ${issue?.message ?? 'wrong shape'}`)
  }
  return {
    ...rest,
    assignment: start.assignment,
    params: parsed.data as z.infer<(typeof PARAMETERS_BY_KIND)[K]>,
    signal: new AbortController().signal,
    gateFor: (gateId, most) => gates.gateFor(gateId, most),
    threads: start.threads,
    folders: { models: start.modelRoots, cache: start.cacheFolder, work: start.workFolder, home: start.home },
    startedAtMs: performance.now() - start.assignment.resume.elapsedMs,
  }
}

/** Numbers of different data must not stand in one table under one name. */
function assertSameDataset(dataset: Dataset, { dataset: name, datasetHash }: Assignment): void {
  if (dataset.hash === datasetHash) return
  throw new RunFailure(
    'dataset_changed',
    `dataset "${name}" has sha256 ${dataset.hash} on this worker, and the experiment was queued with ${datasetHash}: the files differ. ` +
      'Copy the same files here, or queue the experiment again to use the changed ones',
  )
}

function describeResume({ attempt, resume }: Assignment, examples: number): string {
  const step = resume.checkpointStep === null ? 'no checkpoint' : `the checkpoint of step ${resume.checkpointStep}`
  return `attempt ${attempt}: goes on from ${step} and ${examples} examples already scored`
}

