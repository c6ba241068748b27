import type { Experiment, Run } from '../../../../server/contracts/run.js'

/** Runs whose answers can be scored anew, and how they were scored. */
export interface RescoreSource {
  room: 'runs' | 'experiments'
  id: string
  name: string
  /** Those that answers have. */
  metrics: readonly string[]
  scorers: unknown
  /** Answered by way of another tool: no labels of a dataset are known here, and no likelihoods. */
  isImported: boolean
}

type Scored = Pick<Run, 'summary' | 'params' | 'environment'>

const metricsIn = (runs: readonly Scored[]): string[] => [...new Set(runs.flatMap(({ summary }) => Object.keys(summary?.metrics ?? {})))]

const isImported = (runs: readonly Scored[]): boolean => runs.some(({ params, summary, environment }) => 'importedFrom' in params || (summary !== null && environment === null))

export const ofRun = (run: Scored & Pick<Run, 'id' | 'name'>): RescoreSource => ({ room: 'runs', id: run.id, name: run.name, metrics: metricsIn([run]), scorers: run.params['scorers'], isImported: isImported([run]) })

export const ofExperiment = ({ id, name, runs }: Pick<Experiment, 'id' | 'name'> & { runs: readonly Scored[] }): RescoreSource => ({ room: 'experiments', id, name, metrics: metricsIn(runs), scorers: runs[0]?.params['scorers'], isImported: isImported(runs) })
