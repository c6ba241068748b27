import { z } from 'zod'
import { BudgetSchema, KindSchema, ParameterValueSchema } from './experiment.js'
import { CountSchema, ReferenceSchema } from './fields.js'
import { FloatSchema, MetricPointSchema } from './metric.js'
import { PriceRowSchema } from './models.js'
import { DEVICE_KINDS } from './parameters.js'
import { EnvironmentSchema, ExampleSchema, ItemLossSchema, ItemTokensSchema, LogLineSchema, MOST_ITEM_LOSSES, ProgressSchema, RunErrorSchema, SampleSchema, SummarySchema, TokenLossSchema } from './run.js'

/**
 * How a worker and the server talk, all under /api/worker/. Every write names the attempt it
 * belongs to; a worker that lost its claim gets 409 `fenced` and must stop. Every write may be
 * sent again: points at or before the last stored step of their series and examples already
 * stored are dropped, so nothing is counted twice.
 *
 *   POST claim                                 ClaimRequest → Assignment, or 204 when nothing is queued
 *   POST runs/:id/heartbeat                    Heartbeat → HeartbeatAnswer
 *   POST runs/:id/metrics                      MetricBatch → 204
 *   POST runs/:id/examples                     ExampleBatch → 204
 *   POST runs/:id/logs                         LogBatch → 204
 *   POST runs/:id/responses                    ResponseBatch → 204; replies are kept whoever holds the run: they are paid for
 *   POST runs/:id/share                        ShareReport → ShareAnswer: how many calls of an endpoint the run may have in flight
 *   POST responses/find                        ResponseQuery → ResponseList: those that are stored, and those that another run asks for now
 *   PUT  runs/:id/checkpoints/:step/files/:name?attempt=N   bytes → {sizeBytes, sha256}
 *   POST runs/:id/checkpoints/:step            CheckpointCommit → 204; the checkpoint exists from here on
 *   GET  runs/:id/checkpoints/:step/files/:name             bytes
 *   DELETE runs/:id/checkpoints/:step?attempt=N             204; the picked and the last checkpoint stay
 *   POST runs/:id/finish                       Finish → 204
 *   POST runs/:id/environment                  EnvironmentReport → 204
 *   POST heartbeat                             WorkerHeartbeat → 204, also while idle
 */
export const DeviceSchema = z.object({
  id: z.string().describe('cpu, webgpu:0, cuda:0, tfjs-wasm'),
  kind: z.enum(DEVICE_KINDS),
  name: z.string(),
  threads: z.number().int().positive().nullable(),
  memoryBytes: z.number().nonnegative().nullable(),
  gflops: z.number().positive().nullable().optional().describe('10⁹ floating-point operations a second in a float32 matrix product, measured by this worker; null: not yet'),
})
export type Device = z.infer<typeof DeviceSchema>

const share = z.number().min(0).max(1)
const sizeBytes = z.number().nonnegative()

/** How busy a worker's machine is, everything on it counted. */
export const LoadSchema = z.strictObject({
  cpu: share.nullable().describe('share of all cores that worked since the last report; null in the first'),
  memoryUsedBytes: sizeBytes,
  memoryTotalBytes: sizeBytes,
  gpus: z.array(z.strictObject({ device: z.string().describe('id of the device'), busy: share, memoryUsedBytes: sizeBytes, memoryTotalBytes: sizeBytes })).describe('as nvidia-smi tells; empty without it'),
})
export type Load = z.infer<typeof LoadSchema>

const worker = z.string().regex(/^[\w.:-]{1,100}$/)

export const WorkerHeartbeatSchema = z.strictObject({
  worker,
  host: ReferenceSchema,
  devices: z.array(DeviceSchema),
  running: z.array(ReferenceSchema).describe('ids of the runs it executes'),
  load: LoadSchema.optional(),
})
export type WorkerHeartbeat = z.infer<typeof WorkerHeartbeatSchema>

export const ClaimRequestSchema = z.strictObject({
  worker,
  kinds: z.array(KindSchema),
  waitMs: z.number().int().min(0).max(30_000).default(10_000).describe('how long the server may hold the request open'),
})
export type ClaimRequest = z.infer<typeof ClaimRequestSchema>

export const AssignmentSchema = z.object({
  runId: z.string(),
  attempt: z.number().int().positive(),
  kind: KindSchema,
  name: z.string(),
  dataset: z.string(),
  datasetHash: z.string(),
  params: z.record(z.string(), ParameterValueSchema),
  metrics: z.array(z.string()),
  seed: z.number().int(),
  repeat: z.number().int().nonnegative().describe('which repeat of its cell; calls of different repeats are different calls'),
  budget: BudgetSchema.nullable(),
  /** Of prices.yaml; `problem` says what is wrong with the file, and then there are no rows. */
  prices: z.object({ rows: z.array(PriceRowSchema), problem: z.string().nullable() }),
  heartbeatMs: z.number().int().positive(),
  allowance: z.number().int().positive().nullable().optional().describe('in a race: answer only the first so many items of the common order; null or left out: all of them'),
  tries: z.number().int().positive().optional().describe('attempts at this round of a race; left out: attempt'),
  rescoredFrom: z.string().nullable().optional().describe('run whose stored answers are scored anew: no model is asked for answers'),
  /** What earlier attempts left behind: work from here on is not done again. */
  resume: z.object({
    checkpointStep: z.number().int().nonnegative().nullable(),
    checkpointFiles: z.array(z.string()),
    doneItems: z.array(z.string()),
    spentUsd: z.number(),
    spentCalls: z.number().int().nonnegative(),
    elapsedMs: z.number(),
  }),
})
export type Assignment = z.infer<typeof AssignmentSchema>

const attempt = CountSchema.positive()

export const HeartbeatSchema = z.strictObject({ worker, attempt, progress: ProgressSchema.nullable() })
export type Heartbeat = z.infer<typeof HeartbeatSchema>
export const HeartbeatAnswerSchema = z.object({ cancel: z.boolean() })
export type HeartbeatAnswer = z.infer<typeof HeartbeatAnswerSchema>

export const MetricBatchSchema = z.strictObject({ attempt, points: z.array(MetricPointSchema).max(10_000) })
export type MetricBatch = z.infer<typeof MetricBatchSchema>
export const ExampleBatchSchema = z.strictObject({ attempt, examples: z.array(ExampleSchema).max(2_000) })
export type ExampleBatch = z.infer<typeof ExampleBatchSchema>
export const LogBatchSchema = z.strictObject({ attempt, lines: z.array(LogLineSchema).max(1_000) })
export type LogBatch = z.infer<typeof LogBatchSchema>

const tokens = CountSchema.nullable()

/** A reply as it is kept. `body` is what the worker needs to score it again; the server never reads it. */
export const StoredResponseSchema = z.strictObject({
  key: z.string().regex(/^[0-9a-f]{64}$/).describe('sha256 over all that was asked'),
  body: z.record(z.string(), z.unknown()),
  tokensIn: tokens,
  tokensOut: tokens,
  tokensCached: tokens,
  tokensReasoning: tokens,
  latencyMs: z.number().nonnegative(),
  ttftMs: z.number().nonnegative().nullable(),
  costUsd: z.number().nonnegative().nullable(),
  tries: CountSchema.describe('0: it came with the call of another reply, which counts it'),
})
export type StoredResponse = z.infer<typeof StoredResponseSchema>

export const ResponseBatchSchema = z.strictObject({ responses: z.array(StoredResponseSchema).max(1_000) })
export type ResponseBatch = z.infer<typeof ResponseBatchSchema>
export const ResponseQuerySchema = z.strictObject({
  keys: z.array(StoredResponseSchema.shape.key).max(2_000),
  runId: z.string().optional().describe('the run that will ask for what is not stored; left out: it only looks'),
})
export type ResponseQuery = z.infer<typeof ResponseQuerySchema>
export const ResponseListSchema = z.object({
  responses: z.array(StoredResponseSchema),
  asked: z.array(StoredResponseSchema.shape.key).optional().describe('not stored, but another run is asking: look again in a second'),
})
export type ResponseList = z.infer<typeof ResponseListSchema>

const calls = z.number().int().nonnegative()

/** What a run saw of an endpoint since its last report, and what it could use. Its share is leased: it must report within 10 s. */
export const ShareReportSchema = z.strictObject({
  endpoint: z.string().regex(/^[0-9a-f]{32}$/).describe('digest of the address and the key'),
  wanted: calls.describe('calls in flight; 0 gives the share back'),
  inFlight: calls,
  answered: calls,
  throttled: calls,
  overloaded: calls,
  retryAfterMs: z.number().nonnegative().nullable(),
})
export type ShareReport = z.infer<typeof ShareReportSchema>
export const ShareAnswerSchema = z.object({ share: calls, pauseMs: z.number().nonnegative() })
export type ShareAnswer = z.infer<typeof ShareAnswerSchema>

/** File names are single path segments: nothing can leave the checkpoint's folder. */
export const FileNameSchema = z.string().regex(/^[A-Za-z0-9][A-Za-z0-9._-]{0,199}$/)

export const CheckpointCommitSchema = z.strictObject({
  attempt,
  metrics: z.record(z.string(), FloatSchema),
  samples: z.array(SampleSchema).default([]),
  losses: z.array(ItemLossSchema).max(MOST_ITEM_LOSSES).default([]).describe('of each validation item, or of a fixed random sample where they are many'),
  evaluatedItems: z.number().int().nonnegative().optional().describe('validation items that were evaluated; left out: those of losses'),
  itemTokens: z.array(ItemTokensSchema).max(MOST_ITEM_LOSSES).optional().describe('once for each item with losses of single tokens'),
  tokenLosses: z.array(TokenLossSchema).max(2 * MOST_ITEM_LOSSES).optional().describe('of this step, or of an earlier one to compare it with'),
  files: z.array(z.strictObject({ name: FileNameSchema, sizeBytes: z.number().int().nonnegative(), sha256: z.string() })),
})
export type CheckpointCommit = z.infer<typeof CheckpointCommitSchema>

export const EnvironmentReportSchema = z.strictObject({ attempt, environment: EnvironmentSchema })
export type EnvironmentReport = z.infer<typeof EnvironmentReportSchema>

export const FinishSchema = z.discriminatedUnion('status', [
  z.strictObject({ attempt, status: z.literal('succeeded'), summary: SummarySchema }),
  z.strictObject({ attempt, status: z.literal('failed'), error: RunErrorSchema, summary: SummarySchema.nullable() }),
  z.strictObject({ attempt, status: z.literal('cancelled'), summary: SummarySchema.nullable() }),
  /** Given back unfinished, as when a worker is stopped: queued again at once. */
  z.strictObject({ attempt, status: z.literal('released') }),
])
export type Finish = z.infer<typeof FinishSchema>
