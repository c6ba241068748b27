import { z } from 'zod'
import { KindSchema } from './experiment.js'
import { CostBasisSchema, ExpectedCostSchema } from './expected-cost.js'
import { FloatSchema, MetricSummarySchema } from './metric.js'
import { LatencySummarySchema, RunStatusSchema } from './run.js'

/** Whether a run is worse than the baseline by a margin δ or more. */
export const NonInferioritySchema = z.object({
  margin: z.number().describe('δ, in the unit of the metric'),
  p: z.number().nullable().describe('one-sided p-value; below 0.025 exactly when the 95 % interval lies within the margin'),
  pAdjusted: z.number().nullable().describe('after Holm correction over all runs'),
  verdict: z.enum(['not worse', 'worse', 'not shown']).describe('not worse: pAdjusted below 0.025; worse: the whole interval is beyond the margin'),
  sentence: z.string(),
})

/** A paired test of one run against the baseline, over the items that both scored. */
export const PairedTestSchema = z.object({
  runId: z.string(),
  baselineId: z.string(),
  n: z.number().int().describe('items scored by both'),
  difference: z.number().describe('mean of run minus baseline, in the unit of the metric'),
  low: z.number().nullable().describe('95 % interval of the difference'),
  high: z.number().nullable(),
  p: z.number().nullable().describe('two-sided p-value before correction; null when n is too small to test'),
  pAdjusted: z.number().nullable().describe('corrected over all runs against the baseline, see `correction`'),
  method: z.string().describe('mcnemar-exact, mcnemar-mid-p, permutation, wilcoxon or paired-t; of a figure of the whole corpus approximate-randomization or paired-bootstrap'),
  wins: z.number().int(),
  losses: z.number().int(),
  ties: z.number().int(),
  correlation: z.number().nullable().describe('of both runs’ scores over the items; null where one never varies'),
  minimumDetectable: z.number().nullable().describe('smallest true difference found in 80 % of such comparisons at 5 %, shared by all tests'),
  verdict: z.enum(['better', 'worse', 'not distinguishable']),
  sentence: z.string(),
  nonInferiority: NonInferioritySchema.nullable().describe('null when no margin was asked for'),
  costBasis: CostBasisSchema.nullable().describe('of the difference, run minus baseline, over the paired items; null where one’s cost is not known or the metric tells no errors'),
  expectedCost: ExpectedCostSchema.nullable().describe('difference of 1,000 requests, run minus baseline; null when no cost of an error was asked for'),
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
  correction: z.enum(['holm', 'bh']).describe('holm: no false finding in 95 % of comparisons; bh: at most 5 % of the findings are expected to be false'),
  margin: z.number().nullable().describe('δ of the non-inferiority question'),
  errorCostUsd: z.number().nonnegative().nullable().describe('what an error costs: as asked, else as the baseline’s experiment says'),
  repeats: z.enum(['apart', 'pooled']).describe('pooled: repeats of a cell are one side, with an item’s mean as its score'),
  hasRepeats: z.boolean().describe('some of the runs are repeats of one cell, which can be pooled'),
  sentence: z.string().describe('the finding, with n and interval'),
  best: z.object({ runIds: z.array(z.string()), sentence: z.string() }).describe('runs that may be the best: statistically tied; the true best is among them in 95 % of comparisons'),
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
      latency: LatencySummarySchema.nullable(),
      costUsd: z.number().nullable(),
      costBasis: CostBasisSchema.nullable().describe('from which the expected cost follows for any cost of an error; null where the metric tells no errors'),
      expectedCost: ExpectedCostSchema.nullable().describe('1,000 requests with their errors; null when no cost of an error was asked for, or answers’ cost is not known'),
      paretoOptimal: z.boolean(),
      pareto: z.enum(['front', 'not distinguishable', 'dominated']).nullable().describe('not distinguishable: dominated by means alone, the difference in quality may be chance'),
      runIds: z.array(z.string()).describe('the runs pooled here; one where repeats are apart'),
      answerVariance: z.number().nullable().describe('mean variance of one item’s score over its repeats; null with one repeat'),
    }),
  ),
  tests: z.array(PairedTestSchema),
  warnings: z.array(z.string()).describe('why this comparison may not be fair, for example different dataset versions'),
  examples: z.array(ComparisonExampleSchema),
  totalExamples: z.number().int(),
})
export type Comparison = z.infer<typeof ComparisonSchema>
