import { z } from 'zod'
import { KindSchema } from './experiment.js'

/** What was paid, beside what may be paid. Unknown cost is counted in runs, never in dollars. */
const SpendFiguresSchema = z.object({
  runs: z.number().int(),
  spentUsd: z.number().describe('paid for replies of known price, over all attempts; stored replies are not paid again'),
  answersUsd: z.number().describe('what all answers of known price cost, stored and imported ones included'),
  judgeUsd: z.number().describe('what scoring cost, as far as it is known'),
  calls: z.number().int().describe('calls of models, repeated tries included'),
  unknownRuns: z.number().int().describe('runs with answers whose cost is not known'),
  budgetUsd: z.number().nullable().describe('of all runs that have a limit in US dollars; null: none has'),
  budgetSpentUsd: z.number().describe('what those runs paid'),
  budgetedRuns: z.number().int(),
})
export type SpendFigures = z.infer<typeof SpendFiguresSchema>

export const SpendSchema = z.object({
  total: SpendFiguresSchema.describe('of all experiments that match, on all pages'),
  experiments: z.array(SpendFiguresSchema.extend({ id: z.string(), name: z.string(), kind: KindSchema, dataset: z.string() })).describe('newest first'),
  next: z.string().nullable().describe('pass as `before` for the next page; null on the last one'),
})
export type Spend = z.infer<typeof SpendSchema>
