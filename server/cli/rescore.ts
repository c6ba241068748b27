/** `bancada rescore`: stored answers scored anew, by other scorers or metrics. */
import { AppError, type Experiment, type RescoreAnswer, type Run } from '../contracts/index.js'
import type { Client } from './client.js'
import { followCreated, orNull, type Output, readExperimentFile } from './commands.js'

export interface RescoreOptions {
  /** Of an experiment or, where no experiment has it, of a run. */
  id: string
  /** A YAML or JSON file with scorers, metrics, extract and name. */
  scorers: string | undefined
  /** Names separated by commas. */
  metrics: string | undefined
  wait: boolean
}

export async function rescore(client: Client, output: Output, { id, scorers, metrics, wait }: RescoreOptions): Promise<boolean> {
  const body = await bodyOf(scorers, metrics)
  const at = encodeURIComponent(id)
  const room = (await orNull(client.get<Experiment>(`/api/experiments/${at}`))) !== null ? 'experiments' : (await orNull(client.get<Run>(`/api/runs/${at}`))) !== null ? 'runs' : null
  if (room === null) throw new AppError('not_found', `No experiment or run has the id ${id}. See: npx bancada ls`)
  const { leftOut, ...created } = await client.post<RescoreAnswer>(`/api/${room}/${at}/rescore`, body)
  for (const { runId, reason } of leftOut) output.note(`Run ${runId} is left out: ${reason}.`)
  return followCreated(client, output, { created, wait })
}

/** Metrics by themselves need no file; with one they stand in it, so that there is one place to look. */
async function bodyOf(scorers: string | undefined, metrics: string | undefined): Promise<{ text: string; type: string }> {
  if (scorers !== undefined && metrics !== undefined) throw new AppError('invalid_request', '--metrics is for scoring without a file; name the metrics in the file of --scorers: metrics: [a, b]')
  if (scorers !== undefined) return readExperimentFile(scorers)
  if (metrics === undefined) throw new AppError('invalid_request', 'name the scorers with --scorers FILE, or other metrics with --metrics A,B')
  return { text: JSON.stringify({ metrics: metrics.split(',').map((name) => name.trim()).filter((name) => name !== '') }), type: 'application/json' }
}
