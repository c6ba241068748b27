import { z } from 'zod'
import { KindSchema } from './experiment.js'
import { CostBasisSchema, SpreadSchema } from './expected-cost.js'
import { MetricSummarySchema } from './metric.js'
import { LatencySummarySchema, RunSchema } from './run.js'

/** What everything tried on one dataset gives and takes, on items that all of it answered. */

const ParetoSchema = z.enum(['front', 'not distinguishable', 'dominated']).nullable()

/** US dollars for 1,000 requests, with the 95 % interval of the mean where there is one. */
export const RunningCostSchema = SpreadSchema.extend({
  n: z.number().int().describe('answers whose cost is known'),
  basis: z.enum(['priced', 'assumed']).describe('assumed: latency times the price per hour that was asked with'),
})
export type RunningCost = z.infer<typeof RunningCostSchema>

export const TradeoffRunSchema = z.object({
  id: z.string().describe('the run, or the first repeat of its cell'),
  runIds: z.array(z.string()).describe('repeats of a cell are one point'),
  name: z.string(),
  experimentId: z.string(),
  experimentName: z.string(),
  kind: KindSchema,
  summary: MetricSummarySchema.describe('over the shared items alone'),
  latency: LatencySummarySchema.nullable(),
  costPer1000Usd: RunningCostSchema.nullable().describe('null: not known, which is not free'),
  costBasis: CostBasisSchema.nullable().describe('errors and running cost, from which the expected cost follows; null where the metric tells no errors'),
  pareto: z.object({ cost: ParetoSchema, p50: ParetoSchema, p95: ParetoSchema }).describe('the front of the metric and one price; null where that price is not known'),
})
export type TradeoffRun = z.infer<typeof TradeoffRunSchema>

export const LeftOutRunSchema = z.object({
  id: z.string(),
  name: z.string(),
  experimentName: z.string(),
  kind: KindSchema,
  reason: z.enum(['other version', 'other items']),
  shared: z.number().int().nullable().describe('of the shared items, how many it answered; null on another version'),
})
export type LeftOutRun = z.infer<typeof LeftOutRunSchema>

export const TradeoffChoiceSchema = z.object({
  dataset: z.string(),
  runs: z.number().int().describe('finished runs'),
  kinds: z.array(KindSchema),
  metrics: z.array(z.object({ id: z.string(), runs: z.number().int() })).describe('first the one by which most runs are compared, then by the number of runs'),
})
export type TradeoffChoice = z.infer<typeof TradeoffChoiceSchema>

export const TradeoffSchema = z.object({
  dataset: z.string().nullable().describe('null: no run has finished yet'),
  metric: z.string().nullable(),
  higherIsBetter: z.boolean(),
  isShare: z.boolean().describe('1 minus the metric is a rate of errors, which can be priced'),
  version: z.string().nullable().describe('hash of the dataset that the shown runs used'),
  items: z.number().int().describe('items that every shown run answered'),
  perHourUsd: z.number().nullable().describe('price of an hour that runs without a price of their own were counted with'),
  runs: z.array(TradeoffRunSchema),
  leftOut: z.array(LeftOutRunSchema).describe('finished runs that cannot be shown beside the others'),
  total: z.number().int().describe('finished runs on this dataset that have the metric; the newest are read'),
  choices: z.array(TradeoffChoiceSchema),
})
export type Tradeoff = z.infer<typeof TradeoffSchema>

export const FinishedRunPageSchema = z.object({
  runs: z.array(RunSchema).describe('newest first'),
  next: z.string().nullable().describe('pass as `before` for the next page; null on the last one'),
})
export type FinishedRunPage = z.infer<typeof FinishedRunPageSchema>
