/*
 * What a runner gets and all it may use of the outside: its assignment, its data, its signal,
 * and `report`, through which everything a run leaves behind goes to the server.
 */
import type { Assignment, Environment, Example, LogLine, Progress, Summary } from '../server/contracts/index.js'
import type { Dataset } from '../datasets/reader.js'
import type { Gate } from './providers/gate.js'

export interface SampleAnswer {
  prompt: string
  output: string
  expected: string | null
}

export interface CheckpointReport {
  step: number
  /** Its files (no subfolders) are uploaded; the folder may be changed once `checkpoint` has resolved. */
  folder: string
  /** For example eval/loss at this step. */
  metrics: Record<string, number>
  /** Fixed prompts answered at this step. */
  samples: SampleAnswer[]
  /** Of each validation item, or of a fixed sample where they are many. NaN is data. */
  losses?: MeasuredLoss[]
  /** Validation items that were evaluated, those not in the sample included. */
  evaluatedItems?: number
  /** Losses of single tokens, of this step or earlier ones, and the texts of items that had none so far. */
  tokens?: { items: ItemTokens[]; losses: TokenLosses[] }
}

/** One validation item: mean loss over its tokens, in nats. */
export interface MeasuredLoss {
  itemId: string
  loss: number
  tokens: number
}

/** How an item reads, in pieces: counted ones are tokens that have a loss, the others are only read. */
export interface ItemTokens {
  itemId: string
  texts: string[]
  counted: boolean[]
}

/** An item's counted tokens at one step, in nats. */
export interface TokenLosses {
  itemId: string
  step: number
  losses: Float32Array
}

export interface RunReport {
  /** One point of a series; steps of one series only rise. NaN and infinity are data. */
  metric(key: string, step: number, value: number): void
  example(example: Example): void
  progress(progress: Progress): void
  log(level: LogLine['level'], message: string): void
  /** Merged into what was already known of the environment: device, modelHash. */
  environment(more: Partial<Environment>): void
  /** Resolves when the server has committed it, after every point reported earlier. */
  checkpoint(checkpoint: CheckpointReport): Promise<void>
  /** A checkpoint of this run that need not be kept; the server keeps it all the same where somebody picked it. */
  dropCheckpoint(step: number): void
}

export interface RunContext<Params> {
  assignment: Assignment
  dataset: Dataset
  /** The assignment's parameters as the kind's schema gives them, defaults filled in. */
  params: Params
  report: RunReport
  signal: AbortSignal
  /** CPU threads this run may use. */
  threads: number
  folders: {
    /** Roots that hold model folders, first one first. */
    models: string[]
    /** Kept between runs: downloaded checkpoints, embeddings. */
    cache: string
    /** This run's own; removed when it ends. */
    work: string
    /** BANCADA_HOME: what users put there, such as recordings. */
    home: string
  }
  server: ServerAccess
  /** Who may call an endpoint when, over all runs and workers. @param most calls of this run in flight */
  gateFor(gateId: string, most: number): Gate
  /** Scored by earlier attempts: never done again, and part of the summary. */
  doneExamples: Example[]
  /** The checkpoint to go on from, downloaded; null starts from the beginning. */
  resumeFolder: string | null
  /** `performance.now()` at which the run would have begun had earlier attempts run back to back. */
  startedAtMs: number
}

/** What a child process asks of the server itself: to read, and to be answered before it goes on. All else it reports. */
export interface ServerAccess {
  getJson(path: string): Promise<unknown>
  /** Null where the answer has no body. Sent again until the server took it. */
  postJson(path: string, json: unknown): Promise<unknown>
  /** Writes the body to a file and returns its size. */
  download(path: string, file: string): Promise<number>
}

/** An expected end of a run: `code` for programs, `message` for people. */
export class RunFailure extends Error {
  readonly code: string
  /** What was done until then, for tables. */
  summary: Summary | null

  constructor(code: string, message: string, { cause, summary = null }: { cause?: unknown; summary?: Summary | null } = {}) {
    super(message, { cause })
    this.name = 'RunFailure'
    this.code = code
    this.summary = summary
  }
}

/** Time since the run began, earlier attempts included. */
export function elapsedMs(context: Pick<RunContext<unknown>, 'startedAtMs'>): number {
  return performance.now() - context.startedAtMs
}
