/* What a worker and the child process of one run tell each other over IPC (structured clones: NaN stays NaN). */
import type { Assignment, Device, Environment, LogLine, MetricPoint, Progress, RunError, Summary } from '../server/contracts/index.js'
import type { CheckpointReport } from './run-context.js'

export interface StartMessage {
  type: 'start'
  assignment: Assignment
  worker: string
  threads: number
  devices: Device[]
  server: { baseUrl: string; token: string | null }
  workFolder: string
  /** BANCADA_HOME. */
  home: string
  cacheFolder: string
  datasetRoots: string[]
  modelRoots: string[]
}

export type ToChild = StartMessage | { type: 'checkpoint-stored'; step: number } | { type: 'checkpoint-refused'; step: number; message: string }

export type FromChild =
  /** Examples as JSON, which is how they go on to the server: they are made into text once. */
  | { type: 'data'; points: MetricPoint[]; examples: string[] }
  | { type: 'line'; line: LogLine }
  | { type: 'progress'; progress: Progress }
  | { type: 'environment'; environment: Environment }
  | { type: 'checkpoint'; checkpoint: CheckpointReport }
  | { type: 'drop-checkpoint'; step: number }
  | { type: 'succeeded'; summary: Summary }
  | { type: 'failed'; error: RunError; summary: Summary | null }
