import { z } from 'zod'
import { KindSchema } from './experiment.js'
import { FloatSchema, MetricSummarySchema } from './metric.js'
import { RunStatusSchema } from './run.js'

/** A paired test of one run against the baseline, over the items that both scored. */
export const PairedTestSchema = z.object({
  runId: z.string(),
  baselineId: z.string(),
  n: z.number().int().describe('items scored by both'),
  difference: z.number().describe('mean of run minus baseline, in the unit of the metric'),
  low: z.number().nullable().describe('95 % interval of the difference'),
  high: z.number().nullable(),
  p: z.number().nullable().describe('two-sided p-value before correction; null when n is too small to test'),
  pAdjusted: z.number().nullable().describe('after Holm correction over all runs against the baseline'),
  method: z.string().describe('mcnemar-exact, mcnemar-mid-p, permutation, wilcoxon or paired-t'),
  wins: z.number().int(),
  losses: z.number().int(),
  ties: z.number().int(),
  correlation: z.number().nullable().describe('of both runs’ scores over the items; null where one never varies'),
  minimumDetectable: z.number().nullable().describe('smallest true difference found in 80 % of such comparisons at 5 %, shared by all tests'),
  verdict: z.enum(['better', 'worse', 'not distinguishable']),
})
export type PairedTest = z.infer<typeof PairedTestSchema>

export const ComparisonExampleSchema = z.object({
  itemId: z.string(),
  input: z.string(),
  target: z.string().nullable(),
  cells: z.record(z.string(), z.object({ output: z.string(), score: FloatSchema.nullable(), status: z.string() })).describe('by run id'),
})
export type ComparisonExample = z.infer<typeof ComparisonExampleSchema>

export const ComparisonSchema = z.object({
  metric: z.string(),
  metrics: z.array(z.string()).describe('metrics that every compared run has per example'),
  higherIsBetter: z.boolean(),
  baselineId: z.string(),
  sentence: z.string().describe('the finding, with n and interval'),
  runs: z.array(
    z.object({
      id: z.string(),
      name: z.string(),
      experimentName: z.string(),
      kind: KindSchema,
      status: RunStatusSchema,
      colorSlot: z.number().int(),
      summary: MetricSummarySchema.nullable(),
      latencyP50Ms: z.number().nullable(),
      costUsd: z.number().nullable(),
      paretoOptimal: z.boolean(),
    }),
  ),
  tests: z.array(PairedTestSchema),
  warnings: z.array(z.string()).describe('why this comparison may not be fair, for example different dataset versions'),
  examples: z.array(ComparisonExampleSchema),
  totalExamples: z.number().int(),
})
export type Comparison = z.infer<typeof ComparisonSchema>
