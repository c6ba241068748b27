import { z } from 'zod'
import { DatasetInfoSchema } from './dataset.js'
import { ProblemSchema } from './errors.js'
import { BudgetSchema } from './experiment.js'
import { FloatSchema, MetricSeriesSchema, RunSeriesSchema } from './metric.js'
import { PriceRowSchema } from './models.js'
import { ExtractionSchema } from './parameters.js'
import { CheckpointSchema, CreatedExperimentSchema, ExampleSchema, ExperimentSummarySchema, LogLineSchema, SampleSchema } from './run.js'
import { ScorersSchema } from './scorers.js'
import { DeviceSchema, LoadSchema } from './worker-protocol.js'

/** Requests and answers of the public paths that are pages, changes or about the server itself. */

/** What may be changed of an experiment after it was queued. */
export const ExperimentChangeSchema = z.strictObject({
  notes: z.string().max(20_000).optional(),
  tags: z.array(z.string().trim().min(1).max(60)).max(50).optional(),
  starred: z.boolean().optional(),
  archived: z.boolean().optional().describe('out of the list, but kept'),
})
export type ExperimentChange = z.infer<typeof ExperimentChangeSchema>

/** Queues a run again; a budget takes the place of its own, and what was spent before still counts. */
export const RetryRequestSchema = z.strictObject({ budget: BudgetSchema.optional() })
export type RetryRequest = z.infer<typeof RetryRequestSchema>

/** How stored answers are scored anew. What is left out stays as it was. */
export const RescoreRequestSchema = z.strictObject({
  scorers: ScorersSchema.optional().describe('in place of the scorers that there were, as in an experiment file'),
  metrics: z.array(z.string().min(1)).min(1).optional().describe('the first one is the metric by which runs are compared; left out: those there were, then the new scorers'),
  extract: ExtractionSchema.optional().describe('which part of an answer is scored'),
  name: z.string().trim().min(1).max(120).optional().describe('of the new experiment'),
})
export type RescoreRequest = z.infer<typeof RescoreRequestSchema>

export const RescoreAnswerSchema = CreatedExperimentSchema.extend({
  leftOut: z.array(z.object({ runId: z.string(), reason: z.string() })).describe('runs that have no answers to score'),
})
export type RescoreAnswer = z.infer<typeof RescoreAnswerSchema>

export const ExperimentPageSchema = z.object({
  experiments: z.array(ExperimentSummarySchema).describe('newest first, or as `sort` says'),
  total: z.number().int().nonnegative().describe('experiments that match, on all pages'),
  next: z.string().nullable().describe('pass as `before` for the next page; null on the last one'),
})
export type ExperimentPage = z.infer<typeof ExperimentPageSchema>

/** Purges what was deleted at least so many days ago; left out: seven. */
export const PurgeRequestSchema = z.strictObject({ keptDays: z.number().min(0).max(36_500).optional() })
export type PurgeRequest = z.infer<typeof PurgeRequestSchema>
export const PurgeAnswerSchema = z.object({ experiments: z.array(z.string()).describe('ids of those that are gone'), freedBytes: z.number().nonnegative() })
export type PurgeAnswer = z.infer<typeof PurgeAnswerSchema>

export const MetricsAnswerSchema = z.object({ series: z.array(MetricSeriesSchema) })
export type MetricsAnswer = z.infer<typeof MetricsAnswerSchema>

export const RunSeriesListSchema = z.object({ runs: z.array(RunSeriesSchema).describe('in the order asked') })
export type RunSeriesList = z.infer<typeof RunSeriesListSchema>

export const CheckpointListSchema = z.object({ checkpoints: z.array(CheckpointSchema).describe('by step') })
export type CheckpointList = z.infer<typeof CheckpointListSchema>

export const SampleListSchema = z.object({ samples: z.array(SampleSchema).describe('by step and index') })
export type SampleList = z.infer<typeof SampleListSchema>

/** Loss of each validation item at each evaluation: which ones get worse while the mean still falls. */
export const LossTableSchema = z.object({
  evaluatedItems: z.number().int().nonnegative().describe('validation items behind the mean; more than are listed where a fixed random sample of them was kept'),
  items: z.array(
    z.object({
      id: z.string(),
      tokens: z.number().int().nonnegative(),
      tokenEvaluations: z.number().int().nonnegative().describe('evaluations that left a loss for each of its tokens'),
    }),
  ),
  evaluations: z.array(z.object({ step: z.number().int().nonnegative(), losses: z.array(FloatSchema.nullable()).describe('in the order of the items; null where the item was not evaluated') })).describe('by step'),
})
export type LossTable = z.infer<typeof LossTableSchema>

/** One validation item token by token, at each evaluation that left the losses of its tokens. */
export const TokenLossTableSchema = z.object({
  itemId: z.string(),
  pieces: z.array(z.object({ text: z.string(), counted: z.boolean().describe('false: only read, without a loss') })),
  evaluations: z
    .array(z.object({ step: z.number().int().nonnegative(), losses: z.array(FloatSchema).describe('of the counted pieces, in their order: negative log-likelihood in nats') }))
    .describe('by step'),
})
export type TokenLossTable = z.infer<typeof TokenLossTableSchema>

export const ExamplePageSchema = z.object({
  total: z.number().int().nonnegative().describe('examples that match, on all pages'),
  examples: z.array(ExampleSchema),
})
export type ExamplePage = z.infer<typeof ExamplePageSchema>

/** A stored log line; `seq` is what `?after=` takes to read on. */
export const StoredLogLineSchema = LogLineSchema.extend({ seq: z.number().int() })
export type StoredLogLine = z.infer<typeof StoredLogLineSchema>

export const LogPageSchema = z.object({ lines: z.array(StoredLogLineSchema).describe('oldest first') })
export type LogPage = z.infer<typeof LogPageSchema>

export const DatasetListSchema = z.object({
  datasets: z.array(DatasetInfoSchema),
  broken: z.array(z.object({ name: z.string(), message: z.string() })).describe('folders that cannot be read, and why'),
})
export type DatasetList = z.infer<typeof DatasetListSchema>

export const DatasetPageSchema = z.object({
  dataset: DatasetInfoSchema,
  split: z.string(),
  total: z.number().int().nonnegative(),
  items: z.array(z.record(z.string(), z.unknown())),
})
export type DatasetPage = z.infer<typeof DatasetPageSchema>

export const WorkerInfoSchema = z.object({
  name: z.string(),
  host: z.string(),
  devices: z.array(DeviceSchema),
  running: z.array(z.string()).describe('ids of the runs it executes'),
  alive: z.boolean().describe('heard of within the last 15 seconds'),
  load: LoadSchema.nullable().optional().describe('null: it has not told'),
  lastSeen: z.string(),
})
export type WorkerInfo = z.infer<typeof WorkerInfoSchema>

export const WorkerListSchema = z.object({ workers: z.array(WorkerInfoSchema) })
export type WorkerList = z.infer<typeof WorkerListSchema>

export const HealthSchema = z.object({
  status: z.enum(['ok', 'degraded']),
  version: z.string(),
  database: z.enum(['pglite', 'postgresql']),
  queue: z.enum(['pg-boss', 'bullmq']),
  counts: z.object({
    experiments: z.number().int(),
    queued: z.number().int().describe('runs'),
    running: z.number().int().describe('runs'),
    workers: z.number().int().describe('workers alive'),
  }),
  problems: z.array(ProblemSchema).describe('what is wrong when the status is degraded'),
  uptimeSeconds: z.number(),
})
export type Health = z.infer<typeof HealthSchema>

export const ProvidersInfoSchema = z.object({
  endpoints: z.array(
    z.object({
      endpoint: z.string().describe('digest of the address and the key'),
      limit: z.number().int().describe('calls in flight that it takes, as far as is known'),
      inUse: z.number().int(),
      runs: z.number().int(),
      pauseMs: z.number().describe('for which it asked not to be called'),
    }),
  ),
  prices: z.object({ rows: z.array(PriceRowSchema), problem: z.string().nullable() }),
})
export type ProvidersInfo = z.infer<typeof ProvidersInfoSchema>

export const SystemInfoSchema = z.object({
  version: z.string(),
  node: z.string(),
  database: z.string(),
  queue: z.string(),
  uptimeSeconds: z.number(),
  workers: z.array(WorkerInfoSchema),
})
export type SystemInfo = z.infer<typeof SystemInfoSchema>

/** Answer of an upload: what was stored, so that the sender can compare. */
export const StoredFileSchema = z.object({ sizeBytes: z.number().int().nonnegative(), sha256: z.string() })
export type StoredFile = z.infer<typeof StoredFileSchema>
