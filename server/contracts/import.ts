import { z } from 'zod'
import { ParameterValueSchema, MAX_RUNS } from './experiment.js'
import { CreatedExperimentSchema, ExampleSchema } from './run.js'

/** Results that were made elsewhere, as they become finished runs. */

export const ImportedRunSchema = z.strictObject({
  name: z.string().trim().min(1).max(300).describe('unique within the experiment'),
  params: z.record(z.string(), ParameterValueSchema).describe('the model and where the results come from'),
  durationMs: z.number().nonnegative().default(0),
  examples: z.array(ExampleSchema).min(1).describe('each item once; runs pair up by itemId'),
})
export type ImportedRun = z.infer<typeof ImportedRunSchema>

export const ImportedExperimentSchema = z.strictObject({
  name: z.string().trim().min(1).max(120),
  dataset: z.string().trim().min(1).max(200).describe('the task: runs of other datasets are not tested against each other'),
  source: z.strictObject({ tool: z.string().min(1), files: z.array(z.string()) }),
  metrics: z
    .array(z.strictObject({ id: z.string().min(1).max(200), higherIsBetter: z.boolean() }))
    .min(1)
    .describe('the first one is the metric by which runs are compared'),
  tags: z.array(z.string().trim().min(1).max(60)).max(50).default([]),
  notes: z.string().max(20_000).default(''),
  runs: z.array(ImportedRunSchema).min(1).max(MAX_RUNS),
})
export type ImportedExperiment = z.infer<typeof ImportedExperimentSchema>

export const ImportRequestSchema = z.strictObject({ experiments: z.array(ImportedExperimentSchema).min(1).max(MAX_RUNS) })
export type ImportRequest = z.infer<typeof ImportRequestSchema>

export const ImportAnswerSchema = z.object({ experiments: z.array(CreatedExperimentSchema) })
export type ImportAnswer = z.infer<typeof ImportAnswerSchema>
