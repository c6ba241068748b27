/** The verbs that put a workbench in order: cancel, archive, star, delete, and the line of waiting runs. */
import { AppError, type Experiment, type ExperimentChange, type Queue, type QueuedRun, type Run } from '../contracts/index.js'
import type { Client } from './client.js'
import { type Output, orNull } from './commands.js'
import { table } from './format.js'

const at = (id: string): string => `/api/experiments/${encodeURIComponent(id)}`

/** Cancels an experiment or, when none has that id, a run. */
export async function cancel(client: Client, output: Output, id: string): Promise<void> {
  const experiment = await orNull(client.post<Experiment>(`${at(id)}/cancel`))
  if (experiment) return output.print(output.json ? JSON.stringify(experiment) : `Cancelled ${experiment.name}: runs that compute stop within seconds and keep what is stored.`)
  const run = await orNull(client.post<Run>(`/api/runs/${encodeURIComponent(id)}/cancel`))
  if (!run) throw new AppError('not_found', `No experiment or run has the id ${id}. See: npx bancada ls`)
  output.print(output.json ? JSON.stringify(run) : `Cancelled ${run.experimentName} · ${run.name}; npx bancada retry ${run.id} goes on from what is stored.`)
}

/** Archives or stars an experiment, or takes that back. */
export async function change(client: Client, output: Output, { id, change: asked }: { id: string; change: ExperimentChange }): Promise<void> {
  const experiment = await client.patch<Experiment>(at(id), { text: JSON.stringify(asked), type: 'application/json' })
  const state = [experiment.archivedAt === null ? 'in the list' : 'archived', ...(experiment.starred ? ['starred'] : [])].join(', ')
  output.print(output.json ? JSON.stringify(experiment) : `${experiment.name} is ${state}.`)
}

/** Deletes an experiment that is over, or takes its deletion back. */
export async function remove(client: Client, output: Output, { id, undo }: { id: string; undo: boolean }): Promise<void> {
  const experiment = undo ? await client.post<Experiment>(`${at(id)}/restore`) : await client.delete<Experiment>(at(id))
  if (output.json) return output.print(JSON.stringify(experiment))
  output.print(undo ? `${experiment.name} is back.` : `Deleted ${experiment.name}. For seven days npx bancada delete ${id} --undo brings it back; then its files go too.`)
}

export async function showQueue(client: Client, output: Output): Promise<void> {
  tell(output, await client.get<Queue>('/api/queue'))
}

export async function pauseQueue(client: Client, output: Output, verb: 'pause' | 'resume'): Promise<void> {
  tell(output, await client.post<Queue>(`/api/queue/${verb}`))
}

export async function moveRun(client: Client, output: Output, { runId, to }: { runId: string; to: string }): Promise<void> {
  tell(output, await client.post<Queue>(`/api/queue/runs/${encodeURIComponent(runId)}/move`, { text: JSON.stringify({ to }), type: 'application/json' }))
}

function tell(output: Output, queue: Queue): void {
  if (output.json) return output.print(JSON.stringify(queue))
  const state = queue.pausedAt === null ? 'The queue hands runs out' : `The queue is paused since ${queue.pausedAt.slice(0, 16).replace('T', ' ')} UTC; npx bancada queue resume lets it go on`
  output.print(`${state}. ${queue.running.length} running, ${queue.waitingTotal} waiting, ${queue.workers.length} ${queue.workers.length === 1 ? 'worker' : 'workers'}.`)
  const rows = [...queue.running, ...queue.waiting].map((run) => [run.id, run.experimentName, run.name, stateOf(run), run.worker ?? '–'])
  if (rows.length > 0) output.print(`\n${table(['id', 'experiment', 'run', 'status', 'worker'], rows)}`)
  if (queue.waitingTotal > queue.waiting.length) output.print(`… and ${queue.waitingTotal - queue.waiting.length} more`)
}

function stateOf({ status, isCancelling, progress }: QueuedRun): string {
  if (isCancelling) return 'cancelling'
  if (status !== 'running' || progress === null || progress.total === 0) return status
  return `running ${Math.floor((100 * progress.done) / progress.total)} %`
}
