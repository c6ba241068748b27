import type { Float, MetricBucket, SeriesColumns } from '../contracts/index.js'

export interface BucketedSeries {
  key: string
  points: number
  /** Unix milliseconds of the first point. */
  startTime: number
  buckets: readonly MetricBucket[]
}

/** @param digits significant digits of the values; undefined keeps them all */
export function columnsOf({ key, points, startTime, buckets }: BucketedSeries, digits?: number): SeriesColumns {
  const rounded = (value: Float): Float => (digits === undefined || typeof value !== 'number' ? value : Number(value.toPrecision(digits)))
  const edge = (value: Float | null): Float | null => (value === null ? null : rounded(value))
  const hasSpread = buckets.some(({ n }) => n > 1)
  return {
    key,
    points,
    lastSteps: buckets.map(({ lastStep }) => lastStep),
    lasts: buckets.map(({ last }) => rounded(last)),
    startTime,
    times: buckets.map(({ lastTime }, index) => Math.round(lastTime - startTime) - Math.round((buckets[index - 1]?.lastTime ?? startTime) - startTime)),
    spread: hasSpread
      ? {
          gaps: buckets.map(({ firstStep }, index) => firstStep - (buckets[index - 1]?.lastStep ?? 0)),
          mins: buckets.map(({ min }) => edge(min)),
          maxs: buckets.map(({ max }) => edge(max)),
          ns: buckets.map(({ n }) => n),
          nonFinites: buckets.map(({ nonFinite }) => nonFinite),
        }
      : null,
  }
}
