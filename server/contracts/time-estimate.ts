import { z } from 'zod'
import type { Kind, ParameterValue } from './experiment.js'

/** On what an estimate of time rests, the surest first. */
export const TIME_BASES = ['same', 'model', 'device', 'throughput', 'elsewhere', 'budget'] as const
export const TimeBasisSchema = z
  .enum(TIME_BASES)
  .describe('past runs: same: of this kind of work on this machine; model: of this model, another shape or dataset; device: of other models; elsewhere: on other machines. throughput: the measured speed of the device. budget: the limit the file sets')
export type TimeBasis = z.infer<typeof TimeBasisSchema>

/** Why there is no estimate. */
export const TimeUnknownSchema = z.enum(['no_past_runs', 'unknown_model', 'unknown_items'])
export type TimeUnknown = z.infer<typeof TimeUnknownSchema>

const seconds = z.number().nonnegative()
const range = { seconds: seconds.describe('most likely'), low: seconds, high: seconds }

/** A range, not an interval with a coverage: what else the machine does is not known beforehand. */
export const TimeRangeSchema = z.object(range)
export type TimeRange = z.infer<typeof TimeRangeSchema>

export const RunTimeSchema = z.object({
  ...range,
  step: TimeRangeSchema.nullable().describe('of one optimizer step; null for kinds that do not train'),
  basis: TimeBasisSchema,
  pastRuns: z.number().int().nonnegative().describe('how many runs it rests on'),
})
export type RunTime = z.infer<typeof RunTimeSchema>

export const ExperimentTimeSchema = z.object({
  ...range,
  basis: TimeBasisSchema.describe('of the run that is known least'),
  pastRuns: z.number().int().nonnegative(),
  workers: z.number().int().nonnegative().describe('workers at work that have the device; 0: none is, and one is taken to be'),
})
export type ExperimentTime = z.infer<typeof ExperimentTimeSchema>

/** How long a finished run took: evidence for the time of those to come. */
export interface PastRun {
  kind: Kind
  params: Readonly<Record<string, ParameterValue>>
  dataset: string
  host: string
  /** Given by the worker; the run may have asked for fewer. */
  threads: number
  /** From claim to end, all attempts together. */
  seconds: number
  /** Items that were asked anew: neither found stored nor failed. */
  answered: number
  /** Mean time of a call; null where nothing was asked. */
  latencySeconds: number | null
  training: { steps: number; /** Median. */ secondsPerStep: number; /** Did not stop early. */ isWhole: boolean } | null
}
