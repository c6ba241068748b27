/** From the columns that travel to the buckets that charts read. */
import type { Float, MetricBucket, MetricSeries, SeriesColumns } from '../../../server/contracts/metric.js'

export interface ReadSeries extends MetricSeries {
  /** Unix milliseconds of the first point in the asked range. */
  startTime: number
}

export function readColumns({ key, points, startTime, lastSteps, lasts, times, spread }: SeriesColumns): ReadSeries {
  let lastTime = startTime
  const buckets = lastSteps.map((lastStep, index): MetricBucket => {
    const last = lasts[index] ?? 'NaN'
    lastTime += times[index] ?? 0
    if (spread === null) return { firstStep: lastStep, lastStep, last, lastTime, n: 1, ...edges(last) }
    return {
      firstStep: (lastSteps[index - 1] ?? 0) + (spread.gaps[index] ?? 0),
      lastStep,
      min: spread.mins[index] ?? null,
      max: spread.maxs[index] ?? null,
      last,
      lastTime,
      n: spread.ns[index] ?? 0,
      nonFinite: spread.nonFinites[index] ?? 0,
    }
  })
  return { key, points, startTime, buckets }
}

function edges(value: Float): Pick<MetricBucket, 'min' | 'max' | 'nonFinite'> {
  return typeof value === 'number' ? { min: value, max: value, nonFinite: 0 } : { min: null, max: null, nonFinite: 1 }
}
