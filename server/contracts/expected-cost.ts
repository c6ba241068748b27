import { z } from 'zod'

/** A mean with its 95 % interval; an end is null where the data carry none. */
export const SpreadSchema = z.object({ mean: z.number(), low: z.number().nullable(), high: z.number().nullable() })
export type Spread = z.infer<typeof SpreadSchema>

/**
 * What an expected cost is made of: enough to work it out for any cost of an error. Of a run, or of
 * the difference of two runs, whose means may be negative.
 */
export const CostBasisSchema = z.object({
  n: z.number().int().nonnegative().describe('items that have a score'),
  errorRate: SpreadSchema.describe('1 − the metric: the share of wrong answers where scores are 0 or 1'),
  costPer1000Usd: SpreadSchema.nullable().describe('US dollars of 1,000 answers; null: not known'),
  correlation: z.number().nullable().describe('of error and cost over the items; null where it is not known or one of them never varies'),
})
export type CostBasis = z.infer<typeof CostBasisSchema>

/** 1,000 requests with their errors, in US dollars. */
export const ExpectedCostSchema = z.object({
  errorCostUsd: z.number().nonnegative().describe('what one error costs'),
  per1000Usd: z.number(),
  low: z.number().nullable().describe('95 % interval'),
  high: z.number().nullable(),
  answersUsd: z.number().describe('the answers in it'),
  errorsUsd: z.number().describe('the errors in it'),
  covers: z.enum(['errors and answers', 'errors']).describe('errors: the spread of the answers’ cost is not known and not in the interval'),
})
export type ExpectedCost = z.infer<typeof ExpectedCostSchema>
