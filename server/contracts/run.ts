import { z } from 'zod'
import { COLOR_SLOTS } from './color-slots.js'
import { ExperimentStatusSchema, KindSchema, ParameterValueSchema } from './experiment.js'
import { ExpectedCostSchema, SpreadSchema } from './expected-cost.js'
import { CountSchema, ItemIdSchema } from './fields.js'
import { FloatSchema, MetricSummarySchema } from './metric.js'
import { RaceStandingSchema } from './race.js'
import { JudgeReportSchema } from './scorers.js'
import { ExperimentTimeSchema, RunTimeSchema, TimeUnknownSchema } from './time-estimate.js'

/** waiting: has answered what its race allows so far; stopped: fell behind in its race, and its figures stay. */
export const RunStatusSchema = z.enum(['queued', 'running', 'waiting', 'succeeded', 'failed', 'cancelled', 'stopped'])
export type RunStatus = z.infer<typeof RunStatusSchema>

export { COLOR_SLOTS } from './color-slots.js'

export const ProgressSchema = z.object({
  done: z.number().nonnegative(),
  total: z.number().positive(),
  unit: z.enum(['steps', 'items']),
  message: z.string().max(500).optional().describe('what is going on now, for example "loading the model"'),
})
export type Progress = z.infer<typeof ProgressSchema>

/** Where and with what the run was executed: enough to repeat it. */
export const EnvironmentSchema = z.object({
  worker: z.string(),
  host: z.string(),
  device: z.string(),
  threads: z.number().int().positive(),
  os: z.string(),
  node: z.string(),
  versions: z.record(z.string(), z.string()),
  commit: z.string().nullable(),
  datasetHash: z.string(),
  modelHash: z.string().nullable(),
  seed: z.number().int(),
})
export type Environment = z.infer<typeof EnvironmentSchema>

const LatencyIntervalSchema = z.object({ low: z.number().nullable(), high: z.number().nullable() })

export const LatencySummarySchema = z.object({
  n: z.number().int().nonnegative(),
  p50Ms: z.number(),
  p95Ms: z.number(),
  p99Ms: z.number().optional(),
  meanMs: z.number(),
  intervals: z
    .object({ p50: LatencyIntervalSchema, p95: LatencyIntervalSchema, p99: LatencyIntervalSchema, mean: LatencyIntervalSchema })
    .optional()
    .describe('95 % intervals in ms; an end is null where n is too small to bound it'),
  ttftP50Ms: z.number().nullable().describe('time to first token; null where nothing is streamed'),
  ttftP95Ms: z.number().nullable(),
})
export type LatencySummary = z.infer<typeof LatencySummarySchema>

/** Vectors of texts that an endpoint gave. */
export const EmbeddingUseSchema = z.object({
  texts: z.number().int().nonnegative(),
  cached: z.number().int().nonnegative().describe('of the texts: found stored, so that nobody paid again'),
  tokensIn: z.number().int().nonnegative().nullable(),
  costUsd: z.number().nonnegative().nullable().describe('of all texts, cached ones at what they cost; null: not known'),
})
export type EmbeddingUse = z.infer<typeof EmbeddingUseSchema>

/** What a finished run leaves for tables: each metric with n and interval, latency, tokens and cost. */
export const SummarySchema = z.object({
  metrics: z.record(z.string(), MetricSummarySchema),
  primaryMetric: z.string().describe('the metric by which runs are compared'),
  latency: LatencySummarySchema.nullable(),
  tokensIn: z.number().int().nonnegative().nullable(),
  tokensOut: z.number().int().nonnegative().nullable(),
  costUsd: z.number().nonnegative().nullable().describe('of all answers, cached ones at what they cost; null: not known'),
  costPerAnswer: SpreadSchema.nullable().optional().describe('US dollars of one answer with its 95 % interval; null: not known'),
  spentUsd: z.number().nonnegative().nullable().optional().describe('what this run really paid: without cached answers, judges included'),
  judgeCostUsd: z.number().nonnegative().nullable().optional().describe('what scoring cost: judges, and vectors of texts'),
  embeddings: EmbeddingUseSchema.optional().describe('vectors that retrieval or scoring asked an endpoint for'),
  judges: z.record(z.string(), JudgeReportSchema).optional().describe('by the scorer’s name'),
  cachedExamples: z.number().int().nonnegative().optional().describe('answered from stored replies; not in the latency'),
  durationMs: z.number().nonnegative(),
  trainableParameters: z.number().int().nonnegative().optional(),
  bestStep: z.number().int().nonnegative().nullable().optional().describe('checkpoint chosen by the rule'),
  bestReason: z.string().optional().describe('why that checkpoint, in a sentence'),
  stopReason: z.string().optional().describe('why training ended before its last step, in a sentence'),
  overfitStep: z.number().int().nonnegative().nullable().optional().describe('first evaluation after which eval loss only rises above its best'),
  generalizationGap: FloatSchema.nullable().optional().describe('eval loss minus train loss at the last evaluation, nats per token'),
})
export type Summary = z.infer<typeof SummarySchema>

export const RunErrorSchema = z.object({ code: z.string(), message: z.string() })
export type RunError = z.infer<typeof RunErrorSchema>

export const RunSchema = z.object({
  id: z.string(),
  experimentId: z.string(),
  experimentName: z.string(),
  kind: KindSchema,
  name: z.string().describe('the varied parameters, for example rank=4'),
  cell: z.number().int().nonnegative().describe('index of the cell of the sweep'),
  repeat: z.number().int().nonnegative(),
  seed: z.number().int(),
  params: z.record(z.string(), ParameterValueSchema).describe('every parameter, defaults included'),
  varied: z.record(z.string(), ParameterValueSchema).describe('only those on an axis'),
  dataset: z.string(),
  status: RunStatusSchema,
  attempt: z.number().int().nonnegative(),
  progress: ProgressSchema.nullable(),
  summary: SummarySchema.nullable(),
  error: RunErrorSchema.nullable(),
  environment: EnvironmentSchema.nullable(),
  pickedStep: z.number().int().nonnegative().nullable(),
  rescoredFrom: z.string().nullable().optional().describe('the run whose stored answers this one scores anew; null: it asked for its own'),
  race: RaceStandingSchema.nullable().optional().describe('how the run stands in its race; null outside of races'),
  colorSlot: z.number().int().min(0).max(COLOR_SLOTS - 1),
  worker: z.string().nullable(),
  latest: z.record(z.string(), FloatSchema).describe('last value of each metric series'),
  createdAt: z.string(),
  startedAt: z.string().nullable(),
  finishedAt: z.string().nullable(),
})
export type Run = z.infer<typeof RunSchema>

export const CheckpointSchema = z.object({
  runId: z.string(),
  step: z.number().int().nonnegative(),
  metrics: z.record(z.string(), FloatSchema).describe('for example eval/loss at this step'),
  sizeBytes: z.number().int().nonnegative(),
  files: z.array(z.object({ name: z.string(), sizeBytes: z.number().int().nonnegative(), sha256: z.string() })),
  picked: z.boolean(),
  best: z.boolean(),
  createdAt: z.string(),
})
export type Checkpoint = z.infer<typeof CheckpointSchema>

export const ExampleStatusSchema = z.enum(['scored', 'unscored', 'error'])

/** One dataset item as one run answered it. Unique per run and item. */
export const ExampleSchema = z.strictObject({
  itemId: ItemIdSchema,
  cluster: z.string().nullable().default(null).describe('items that share a source are one cluster in the statistics'),
  input: z.string().describe('as rendered for the model'),
  output: z.string(),
  target: z.string().nullable(),
  status: ExampleStatusSchema,
  scores: z.record(z.string(), FloatSchema).describe('score by metric; a metric without a score is left out'),
  error: z.string().nullable().default(null),
  latencyMs: z.number().nonnegative().nullable(),
  ttftMs: z.number().nonnegative().nullable(),
  tokensIn: CountSchema.nullable().describe('cached ones included'),
  tokensOut: CountSchema.nullable().describe('reasoning included'),
  costUsd: z.number().nonnegative().nullable().describe('what the answer costs; of a cached one, what it cost when it was asked'),
  cached: z.boolean().optional().describe('a reply was found stored: its time is not that of a call, and nobody paid again'),
  tokensCached: CountSchema.nullable().optional().describe('prompt tokens that the endpoint had in its own cache'),
  tokensReasoning: CountSchema.nullable().optional(),
  judgeCostUsd: z.number().nonnegative().nullable().optional().describe('what scoring it cost; never part of costUsd'),
  details: z.record(z.string(), z.unknown()).default({}).describe('kind-specific: label log-likelihoods, retrieved chunks, finish reason'),
})
export type Example = z.infer<typeof ExampleSchema>

/** A fixed question answered at a checkpoint, to read how answers change while training. */
export const SampleSchema = z.strictObject({
  step: CountSchema,
  index: CountSchema,
  prompt: z.string(),
  output: z.string(),
  expected: z.string().nullable(),
})
export type Sample = z.infer<typeof SampleSchema>

/** Of more validation items than this a fixed random sample of so many leaves losses of its own. */
export const MOST_ITEM_LOSSES = 500

/** One item of the validation split at one evaluation. */
export const ItemLossSchema = z.strictObject({
  itemId: ItemIdSchema,
  loss: FloatSchema.describe('mean negative log-likelihood over its answer, nats per token'),
  tokens: CountSchema.describe('tokens that were counted'),
})

/** Tokens whose losses one evaluation leaves behind, over all items: 4 bytes each. */
export const MOST_TOKEN_LOSSES = 16_000

/** How a validation item reads, in pieces of text. */
export const ItemTokensSchema = z
  .strictObject({
    itemId: ItemIdSchema,
    texts: z.array(z.string()),
    counted: z.array(z.boolean()).describe('by piece: a token that has a loss, or text that is only read'),
  })
  .refine(({ texts, counted }) => texts.length === counted.length, { path: ['counted'], message: 'must say of each piece whether it is counted' })
export type ItemTokens = z.infer<typeof ItemTokensSchema>

/** The counted tokens of one item at one evaluation. */
export const TokenLossSchema = z.strictObject({
  itemId: ItemIdSchema,
  step: CountSchema,
  losses: z
    .base64()
    .refine((text) => Buffer.from(text, 'base64').length % Float32Array.BYTES_PER_ELEMENT === 0, 'must be whole float32 values')
    .describe('negative log-likelihood of each counted token in nats: float32, little-endian, base64'),
})
export type TokenLoss = z.infer<typeof TokenLossSchema>

export const LogLineSchema = z.strictObject({
  time: z.number(),
  level: z.enum(['info', 'warn', 'error']),
  message: z.string().max(10_000),
})
export type LogLine = z.infer<typeof LogLineSchema>

export const ExperimentSummarySchema = z.object({
  id: z.string(),
  name: z.string(),
  kind: KindSchema,
  dataset: z.string(),
  status: ExperimentStatusSchema,
  tags: z.array(z.string()),
  notes: z.string(),
  starred: z.boolean().optional(),
  archivedAt: z.string().nullable().optional().describe('out of the list since'),
  deletedAt: z.string().nullable().optional().describe('purged with its files some days after; until then it can be restored'),
  axes: z.record(z.string(), z.array(ParameterValueSchema)).describe('the values of each axis, ranges expanded'),
  primaryMetric: z.string(),
  runCounts: z.record(RunStatusSchema, z.number().int().nonnegative()),
  best: z
    .object({ runId: z.string(), runName: z.string(), summary: MetricSummarySchema })
    .nullable()
    .optional()
    .describe('the finished run with the best primary metric so far'),
  createdAt: z.string(),
  finishedAt: z.string().nullable(),
})
export type ExperimentSummary = z.infer<typeof ExperimentSummarySchema>

export const ExperimentSchema = ExperimentSummarySchema.extend({
  spec: z.unknown().describe('the experiment file as it was accepted'),
  errorCostUsd: z.number().nonnegative().nullable().describe('what an error costs: as asked, else as the file says'),
  expectedCosts: z.array(ExpectedCostSchema.extend({ runId: z.string() })).describe('1,000 requests of each run whose costs and errors are known, by the primary metric; empty where no cost of an error is given'),
  runs: z.array(RunSchema),
})
export type Experiment = z.infer<typeof ExperimentSchema>

export const CreatedExperimentSchema = z.object({
  id: z.string(),
  name: z.string(),
  runs: z.array(z.object({ id: z.string(), params: z.record(z.string(), ParameterValueSchema) })),
})
export type CreatedExperiment = z.infer<typeof CreatedExperimentSchema>

const EstimatedCellSchema = z.object({
  params: z.record(z.string(), ParameterValueSchema).describe('its values of the axes'),
  calls: z.number().int().nullable(),
  tokens: z.number().int().nullable(),
  costUsd: z.number().nullable(),
  memoryBytes: z.number().nullable(),
  memory: z.record(z.string(), z.number()).nullable().describe('bytes by what they are for: weights, activations, gradients, optimizer and more'),
  flops: z.number().nullable(),
  time: RunTimeSchema.nullable().describe('of one run that has the machine for itself'),
})

/** What is asked beside the answers; a figure that cannot be known is null. */
const BesidesSchema = z.object({ calls: z.number().int().nullable(), tokens: z.number().int().nullable(), costUsd: z.number().nullable() })

/** What an experiment would take, told before it is queued. A figure that cannot be known is null, with the reason in `notes`. */
export const EstimateSchema = z.object({
  runs: z.number().int(),
  calls: z.number().int().nullable().describe('model calls or questions'),
  tokens: z.number().int().nullable(),
  costUsd: z.number().nullable(),
  judges: BesidesSchema.nullable().describe('the most that LLM judges take beside the answers, in none of the other figures; null: nobody judges'),
  embeddings: BesidesSchema.nullable().describe('vectors of endpoints, in none of the other figures; null: none is asked'),
  memoryBytes: z.number().nullable().describe('peak of one run, the largest'),
  flops: z.number().nullable().describe('floating-point operations of training, all runs together'),
  seconds: z.number().nullable().describe('the most likely time of all runs on the workers that are there'),
  time: ExperimentTimeSchema.nullable().describe('of all runs on the workers that are there'),
  timeUnknown: TimeUnknownSchema.nullable().describe('why time is null'),
  cells: z.array(EstimatedCellSchema).describe('each combination of the axes, once whatever the repeats'),
  notes: z.array(z.string()),
})
export type Estimate = z.infer<typeof EstimateSchema>
