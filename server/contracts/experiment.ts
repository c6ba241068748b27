import { z } from 'zod'
import { ModelSchema } from './models.js'
import { PARAMETERS_BY_KIND } from './parameters.js'

export const KINDS = ['prompt', 'lora', 'rag', 'pretrain'] as const
export const KindSchema = z.enum(KINDS)
export type Kind = z.infer<typeof KindSchema>

/** More cells than this is a slip of the pen in every case seen so far. */
export const MAX_RUNS = 10_000

export const ParameterValueSchema = z.union([z.string(), z.number(), z.boolean(), z.null(), z.array(z.unknown()), z.record(z.string(), z.unknown())])
export type ParameterValue = z.infer<typeof ParameterValueSchema>

/** `{from, to, step}` counts evenly; `{from, to, count, scale: log}` spaces evenly on a log scale. Both ends are included. */
export const RangeSchema = z.strictObject({
  from: z.number(),
  to: z.number(),
  step: z.number().positive().optional(),
  count: z.number().int().min(2).max(MAX_RUNS).optional(),
  scale: z.enum(['linear', 'log']).optional(),
})
export type Range = z.infer<typeof RangeSchema>

export const AxisSchema = z.union([z.array(ParameterValueSchema).min(1), RangeSchema])

/** Limits of one run. It stops before the call that would break one, keeps what it has, and can go on when they are raised. */
export const BudgetSchema = z.strictObject({
  minutes: z.number().positive().optional().describe('wall-clock minutes'),
  usd: z.number().positive().optional().describe('US dollars'),
  calls: z.number().int().positive().optional().describe('calls of models, repeated tries included'),
})
export type Budget = z.infer<typeof BudgetSchema>

const base = {
  name: z.string().trim().min(1).max(120),
  dataset: z.string().trim().min(1).describe('a folder in datasets/'),
  model: ModelSchema.optional().describe('short for fixed.model; for kinds that have a model'),
  axes: z.record(z.string(), AxisSchema).default({}).describe('parameters to vary; the runs are all their combinations'),
  metrics: z.array(z.string().min(1)).min(1).optional().describe('the first one is the metric by which runs are compared'),
  strategy: z.enum(['grid', 'race']).default('grid').describe('grid: every run answers every item; race: runs that are clearly worse stop early'),
  race: z
    .strictObject({
      error: z.number().gt(0).max(0.5).optional().describe('chance that the best run is stopped, or that a winner is named among equals; 0.05 when left out'),
      calls: z.number().int().positive().optional().describe('answers over all runs at most'),
    })
    .optional()
    .describe('for strategy: race'),
  repeats: z.number().int().min(1).max(100).default(1).describe('runs per cell, each with a seed of its own'),
  seed: z.number().int().min(0).max(2 ** 31 - 1).default(42),
  budget: BudgetSchema.optional().describe('for one run'),
  errorCostUsd: z.number().nonnegative().optional().describe('what a wrong answer costs, US dollars: runs then tell what 1,000 requests cost with their errors'),
  tags: z.array(z.string().trim().min(1).max(60)).max(50).default([]),
  notes: z.string().max(20_000).default(''),
}

/** The parameters of a kind, all optional and without their defaults: what a file leaves out stays left out. */
function fixedOf<K extends Kind>(kind: K) {
  const fields = Object.entries<z.ZodType>(PARAMETERS_BY_KIND[kind].shape)
  const bare = fields.map(([name, field]) => [name, field instanceof z.ZodDefault ? field.unwrap() : field])
  return z.strictObject(Object.fromEntries(bare)).partial() as unknown as z.ZodType<Partial<z.output<(typeof PARAMETERS_BY_KIND)[K]>>>
}

function specOf<K extends Kind>(kind: K) {
  return z.strictObject({ kind: z.literal(kind), ...base, fixed: fixedOf(kind).optional() })
}

/**
 * The experiment file. `axes` and `fixed` may name any parameter of the kind
 * (see parameters.ts); what neither names keeps its default.
 */
export const ExperimentSpecSchema = z.discriminatedUnion('kind', [specOf('prompt'), specOf('lora'), specOf('rag'), specOf('pretrain')])
export type ExperimentSpec = z.infer<typeof ExperimentSpecSchema>

export const ExperimentStatusSchema = z.enum(['queued', 'running', 'succeeded', 'failed', 'cancelled'])
export type ExperimentStatus = z.infer<typeof ExperimentStatusSchema>
