import { z } from 'zod'

/** How a race is run, written down when it is queued. */
export const RacePlanSchema = z.object({
  arms: z.number().int().min(2).describe('runs at the start'),
  items: z.number().int().positive().describe('items that each run may answer at most'),
  looks: z.array(z.number().int().positive()).min(1).describe('numbers of items per run at which the runs are compared; the last is all of them'),
  error: z.number().gt(0).lt(1).describe('chance that the best run is stopped, or that a winner is named among equals'),
  calls: z.number().int().positive().nullable().describe('answers over all runs at most'),
})
export type RacePlan = z.infer<typeof RacePlanSchema>

/** How a run stands in its race; kept with the run. */
export const RaceStandingSchema = z.object({
  items: z.number().int().nonnegative().describe('items it has answered or may answer now'),
  of: z.number().int().positive().describe('items it may answer at most'),
  look: z.number().int().nonnegative().describe('looks taken so far'),
  looks: z.number().int().positive(),
  outcome: z.enum(['running', 'stopped', 'won', 'tied']).describe('tied: nothing more can be told of those that are left'),
  reason: z.string().nullable().describe('why it was stopped, has won or is tied, with n and p'),
  reasonPt: z.string().nullable().optional().describe('the same in Portuguese'),
})
export type RaceStanding = z.infer<typeof RaceStandingSchema>
