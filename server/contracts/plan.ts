import { z } from 'zod'

/** How many items a paired comparison needs, told before anything is spent. */
export const PlanSchema = z.object({
  difference: z.number().describe('δ, in the unit of the metric (0.03 is 3 points)'),
  items: z.number().int().describe('items needed to find δ in `power` of comparisons at `alpha`'),
  byRepeats: z.array(z.object({ repeats: z.number().int(), items: z.number().int(), answersPerRun: z.number().int() })).describe('items needed when each is answered several times'),
  byItems: z.array(z.object({ items: z.number().int(), detectable: z.number() })).describe('smallest difference that so many items find'),
  unpairedItems: z.number().int().nullable().describe('items per run without pairing, for comparison; null where the accuracy is not known'),
  itemVariance: z.number().describe('ω²: variance over items of the difference of expected scores'),
  answerVariance: z.number().describe('σ²: variance of one score when an item is answered again'),
  alpha: z.number(),
  power: z.number(),
  comparisons: z.number().int().describe('comparisons that share alpha'),
  basis: z.string().describe('where the variances come from'),
  sentence: z.string(),
})
export type Plan = z.infer<typeof PlanSchema>
