import type { ExperimentStatus } from '../../../../server/contracts/experiment.js'
import type { ExperimentSummary } from '../../../../server/contracts/run.js'

export interface ExperimentFilter {
  text: string
  kind: string
  status: string
}

export const STATUSES: { id: ExperimentStatus; word: string }[] = [
  { id: 'queued', word: 'Queued' },
  { id: 'running', word: 'Running' },
  { id: 'succeeded', word: 'Succeeded' },
  { id: 'failed', word: 'Failed' },
  { id: 'cancelled', word: 'Cancelled' },
]

/** Every word of the search must stand in the name, the dataset, the kind, a tag or the notes. */
export function matches(experiment: ExperimentSummary, filter: ExperimentFilter): boolean {
  if (filter.kind !== '' && experiment.kind !== filter.kind) return false
  if (filter.status !== '' && experiment.status !== filter.status) return false
  const text = [experiment.name, experiment.dataset, experiment.kind, experiment.notes, ...experiment.tags].join(' ').toLowerCase()
  return filter.text.toLowerCase().split(/\s+/).every((word) => text.includes(word))
}
