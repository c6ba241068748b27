import { z } from 'zod'
import { CountSchema } from './fields.js'
import type { Float } from './float.js'

export { type Float, fromWire, toWire } from './float.js'

export const FloatSchema = z.union([z.number(), z.enum(['NaN', 'Infinity', '-Infinity'])]) satisfies z.ZodType<Float>

/** Many floats in few bytes: float32, little-endian. NaN and infinity are among them. */
export function packFloats(values: Float32Array): string {
  const bytes = Buffer.alloc(values.length * Float32Array.BYTES_PER_ELEMENT)
  for (const [index, value] of values.entries()) bytes.writeFloatLE(value, index * Float32Array.BYTES_PER_ELEMENT)
  return bytes.toString('base64')
}

export function unpackFloats(bytes: Uint8Array): number[] {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  return Array.from({ length: bytes.byteLength / Float32Array.BYTES_PER_ELEMENT }, (_, index) => view.getFloat32(index * Float32Array.BYTES_PER_ELEMENT, true))
}

/** Figures of a whole corpus that are no means of its items; what each is made of is in experiments/statistics/corpus.ts. */
export const CORPUS_FIGURES = ['bleu', 'chrf', 'chrf++', 'ter', 'perplexity', 'bits', 'f1', 'mcc'] as const
export const CorpusFigureSchema = z.enum(CORPUS_FIGURES)
export type CorpusFigure = z.infer<typeof CorpusFigureSchema>

/** What one answer adds to such a figure; in an example's details under `corpus`, by metric. */
export const CorpusPartSchema = z.strictObject({ of: CorpusFigureSchema, sums: z.array(z.number()) })
export type CorpusPart = z.infer<typeof CorpusPartSchema>

/** One point of a metric series. `time` is Unix milliseconds; `step` counts optimizer steps, or items scored. */
export const MetricPointSchema = z.strictObject({
  key: z.string().min(1).max(200).describe('for example train/loss, eval/loss, train/learning_rate'),
  step: CountSchema,
  value: FloatSchema,
  time: z.number().nonnegative(),
})
export type MetricPoint = z.infer<typeof MetricPointSchema>

/** A bucket of neighbouring points as a chart draws them: no spike and no non-finite value is lost. */
export const MetricBucketSchema = z.object({
  firstStep: z.number(),
  lastStep: z.number(),
  min: FloatSchema.nullable().describe('lowest finite value, null when none is finite'),
  max: FloatSchema.nullable(),
  last: FloatSchema,
  lastTime: z.number(),
  n: z.number().int(),
  nonFinite: z.number().int().describe('how many of the n values are NaN or infinite'),
})
export type MetricBucket = z.infer<typeof MetricBucketSchema>

export const MetricSeriesSchema = z.object({
  key: z.string(),
  points: z.number().int().describe('points stored in the asked range'),
  buckets: z.array(MetricBucketSchema),
})
export type MetricSeries = z.infer<typeof MetricSeriesSchema>

/**
 * The buckets of one series column by column, as a page with many charts reads them: the same numbers in a fraction of the
 * bytes. Where every bucket is a single point, what follows from that is left out (null).
 */
export const SeriesColumnsSchema = z.object({
  key: z.string(),
  points: z.number().int().describe('points stored in the asked range'),
  lastSteps: z.array(z.number()),
  lasts: z.array(FloatSchema),
  startTime: z.number().describe('Unix milliseconds of the first point in the asked range'),
  times: z.array(z.number()).describe('milliseconds from the last point of the bucket before, or from startTime, to the last point of this one'),
  spread: z
    .object({
      gaps: z.array(z.number()).describe('steps from the last one of the bucket before, or from 0, to the first one of this one'),
      mins: z.array(FloatSchema.nullable()),
      maxs: z.array(FloatSchema.nullable()),
      ns: z.array(z.number().int()),
      nonFinites: z.array(z.number().int()),
    })
    .nullable(),
})
export type SeriesColumns = z.infer<typeof SeriesColumnsSchema>

export const RunSeriesSchema = z.object({ runId: z.string(), series: z.array(SeriesColumnsSchema) })
export type RunSeries = z.infer<typeof RunSeriesSchema>

/** What is reported of one metric over the n items it was scored on; `low` and `high` are a 95 % interval. */
export const MetricSummarySchema = z.object({
  mean: FloatSchema,
  n: z.number().int().nonnegative(),
  low: FloatSchema.nullable(),
  high: FloatSchema.nullable(),
  method: z.string().describe('how the interval was made: wilson, student-t, clustered-t, bootstrap-bca, bootstrap-percentile or none'),
  higherIsBetter: z.boolean(),
  corpus: CorpusFigureSchema.optional().describe('a figure of the whole corpus, not the mean of its items'),
  unit: z.string().optional(),
  /** Items without a score, counted apart: they are never scored as wrong. */
  unscored: z.number().int().nonnegative().optional(),
  errors: z.number().int().nonnegative().optional(),
  caution: z.string().optional().describe('why this figure should not be believed as it stands'),
  costCorrelation: z.number().nullable().optional().describe('of score and cost of the answers over the items; null where one never varies'),
})
export type MetricSummary = z.infer<typeof MetricSummarySchema>
