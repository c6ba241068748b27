import { z } from 'zod'
import { PairedTestSchema } from './compare.js'
import { ReferenceSchema } from './fields.js'
import { TradeoffSchema } from './tradeoff.js'

/** A view that others may read by a link. It is a copy with its date, so it stays true when runs change. */

/** What the reader of a trade-off asked for. */
export const TradeoffAskedSchema = z.strictObject({
  errorCostUsd: z.number().nonnegative().max(1e9).describe('US dollars that one error costs'),
  requestsPerMonth: z.number().nonnegative().max(1e15),
  latencyLimitMs: z.number().nonnegative().max(1e9).nullable().describe('of the 95th percentile; null: no limit'),
  minimumScore: z.number().min(0).max(1).nullable(),
  perHourUsd: z.number().nonnegative().max(1e6).nullable().describe('price of a machine hour, for runs without a price of their own; null: not known'),
})
export type TradeoffAsked = z.infer<typeof TradeoffAskedSchema>

export const ShareRequestSchema = z.strictObject({
  title: z.string().trim().min(1).max(120),
  dataset: ReferenceSchema,
  metric: ReferenceSchema,
  version: ReferenceSchema.optional(),
  axis: z.enum(['cost', 'p50', 'p95']).default('cost'),
  asked: TradeoffAskedSchema,
})
export type ShareRequest = z.infer<typeof ShareRequestSchema>

export const ShareSchema = z.object({
  token: z.string().describe('the right to read it: the page is /s/TOKEN'),
  title: z.string(),
  createdAt: z.string(),
})
export type Share = z.infer<typeof ShareSchema>

export const ShareListSchema = z.object({ shares: z.array(ShareSchema).describe('newest first') })
export type ShareList = z.infer<typeof ShareListSchema>

export const SharedViewSchema = ShareSchema.extend({
  axis: ShareRequestSchema.shape.axis.unwrap(),
  asked: TradeoffAskedSchema,
  tradeoff: TradeoffSchema,
  tests: z.array(PairedTestSchema).describe('against the choice'),
})
export type SharedView = z.infer<typeof SharedViewSchema>
