import { type MetricBucket, toWire } from '../contracts/index.js'

/** Parallel arrays of one series, ascending in steps. */
export interface PointArrays {
  steps: number[]
  values: number[]
  times: number[]
}

/** A series as it was read: single points, or groups of points in which each stands for several. Ascending in steps. */
export type Groups = readonly MetricBucket[]

/**
 * Cuts a series for a chart. Few points stay one bucket each; more than `maxPoints` are cut into
 * half as many buckets of equal width in steps, because a bucket draws its minimum and its
 * maximum. A single spike and a single NaN survive any zoom.
 */
export function bucketPoints(points: PointArrays, maxPoints: number): MetricBucket[] {
  const { steps } = points
  if (steps.length <= maxPoints) return pointGroups(points)
  return cut(steps.length, (index) => steps[index] ?? 0, { maxPoints, first: steps[0] ?? 0 }).map(([start, end]) => bucketOf(points, start, end))
}

/** The same of groups; a group is never cut, it belongs to the bucket of its last step. */
export function bucketGroups(groups: Groups, maxPoints: number): MetricBucket[] {
  if (groups.length <= Math.max(1, Math.floor(maxPoints / 2))) return [...groups]
  return cut(groups.length, (index) => groups[index]?.lastStep ?? 0, { maxPoints, first: groups[0]?.firstStep ?? 0 }).map(([start, end]) => merge(groups, start, end))
}

/** Stretches [start, end) of entries that lie in one bucket. */
function cut(count: number, stepOf: (index: number) => number, { maxPoints, first }: { maxPoints: number; first: number }): [number, number][] {
  const width = (stepOf(count - 1) - first + 1) / Math.max(1, Math.floor(maxPoints / 2))
  const stretches: [number, number][] = []
  let start = 0
  while (start < count) {
    const bucket = Math.floor((stepOf(start) - first) / width)
    let end = start + 1
    while (end < count && Math.floor((stepOf(end) - first) / width) === bucket) end += 1
    stretches.push([start, end])
    start = end
  }
  return stretches
}

/** Groups [start, end) as one. */
function merge(groups: Groups, start: number, end: number): MetricBucket {
  let [min, max, n, nonFinite] = [Infinity, -Infinity, 0, 0]
  for (let index = start; index < end; index += 1) {
    const group = groups[index]
    if (group === undefined) continue
    n += group.n
    nonFinite += group.nonFinite
    if (group.min !== null) min = Math.min(min, Number(group.min))
    if (group.max !== null) max = Math.max(max, Number(group.max))
  }
  const last = groups[end - 1]
  const hasFinite = nonFinite < n
  return { firstStep: groups[start]?.firstStep ?? 0, lastStep: last?.lastStep ?? 0, min: hasFinite ? min : null, max: hasFinite ? max : null, last: last?.last ?? 'NaN', lastTime: last?.lastTime ?? 0, n, nonFinite }
}

/** Every point by itself. */
const pointGroups = (points: PointArrays): MetricBucket[] => points.steps.map((_step, index) => bucketOf(points, index, index + 1))

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
