import { type MetricBucket, toWire } from '../contracts/index.js'

/** Parallel arrays of one series, ascending in steps. */
export interface PointArrays {
  steps: number[]
  values: number[]
  times: number[]
}

/**
 * Cuts a series for a chart. Few points stay one bucket each; more than `maxPoints` are cut into
 * half as many buckets of equal width in steps, because a bucket draws its minimum and its
 * maximum. A single spike and a single NaN survive any zoom.
 */
export function bucketPoints(points: PointArrays, maxPoints: number): MetricBucket[] {
  const count = points.steps.length
  if (count <= maxPoints) return points.steps.map((_step, index) => bucketOf(points, index, index + 1))
  const bucketCount = Math.max(1, Math.floor(maxPoints / 2))
  const first = points.steps[0] ?? 0
  const width = ((points.steps[count - 1] ?? 0) - first + 1) / bucketCount
  const buckets: MetricBucket[] = []
  let start = 0
  while (start < count) {
    const bucket = Math.floor(((points.steps[start] ?? 0) - first) / width)
    let end = start + 1
    while (end < count && Math.floor(((points.steps[end] ?? 0) - first) / width) === bucket) end += 1
    buckets.push(bucketOf(points, start, end))
    start = end
  }
  return buckets
}

function bucketOf(points: PointArrays, start: number, end: number): MetricBucket {
  let min = Infinity
  let max = -Infinity
  let nonFinite = 0
  for (let index = start; index < end; index += 1) {
    const value = points.values[index] ?? Number.NaN
    if (!Number.isFinite(value)) {
      nonFinite += 1
      continue
    }
    if (value < min) min = value
    if (value > max) max = value
  }
  const n = end - start
  const hasFinite = nonFinite < n
  return {
    firstStep: points.steps[start] ?? 0,
    lastStep: points.steps[end - 1] ?? 0,
    min: hasFinite ? min : null,
    max: hasFinite ? max : null,
    last: toWire(points.values[end - 1] ?? Number.NaN),
    lastTime: points.times[end - 1] ?? 0,
    n,
    nonFinite,
  }
}
