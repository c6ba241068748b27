/** From what the server bucketed to what a line chart draws. Pure, and it never invents a point. */
import type { MetricBucket } from '../../../server/contracts/metric.js'
import { smooth } from './smoothing.js'

export interface ChartSeries {
  id: string
  label: string
  slot: number
  /** Solid lines are training, dashed ones validation. */
  role: 'train' | 'eval'
  buckets: readonly MetricBucket[]
}

export interface Point {
  x: number
  y: number
}

export interface Lines {
  /** Last value of each bucket, smoothed where asked. */
  line: Point[]
  /** The same unsmoothed, drawn faint; null when nothing is smoothed. */
  raw: Point[] | null
  /** Lowest and highest of each bucket; null when every bucket is a single point. */
  low: Point[] | null
  high: Point[] | null
  /** First and last of each stretch of NaN or infinite values, at the height of the last finite value before. */
  broken: Point[]
}

/** A step on a vertical line with a word, for example the best checkpoint. */
export interface Mark {
  x: number
  label: string
  kind: 'good' | 'bad' | 'plain'
}

export function linesOf(buckets: readonly MetricBucket[], smoothing: number): Lines {
  const values = buckets.map((bucket) => Number(bucket.last))
  const at = (ys: readonly number[]): Point[] =>
    buckets.map((bucket, index) => {
      const y = ys[index] ?? Number.NaN
      return { x: bucket.lastStep, y: Number.isFinite(y) ? y : Number.NaN }
    })
  const hasBand = smoothing === 0 && buckets.some((bucket) => bucket.n - bucket.nonFinite > 1)
  const edge = (which: 'min' | 'max'): Point[] => at(buckets.map((bucket) => (bucket[which] === null ? Number.NaN : Number(bucket[which]))))
  return {
    line: at(smooth(values, smoothing)),
    raw: smoothing > 0 ? at(values) : null,
    low: hasBand ? edge('min') : null,
    high: hasBand ? edge('max') : null,
    broken: brokenPoints(buckets),
  }
}

function brokenPoints(buckets: readonly MetricBucket[]): Point[] {
  const points: Point[] = []
  let height = firstFinite(buckets)
  for (const [index, bucket] of buckets.entries()) {
    const isInside = isBroken(buckets[index - 1]) && isBroken(buckets[index + 1])
    if (isBroken(bucket) && !isInside && height !== null) points.push({ x: bucket.lastStep, y: height })
    if (bucket.max !== null && Number.isFinite(Number(bucket.last))) height = Number(bucket.last)
  }
  return points
}

const isBroken = (bucket: MetricBucket | undefined): boolean => bucket !== undefined && bucket.nonFinite > 0

function firstFinite(buckets: readonly MetricBucket[]): number | null {
  const bucket = buckets.find(({ min }) => min !== null)
  return bucket?.min == null ? null : Number(bucket.min)
}

/** In words, for readers of the page and of the screen: which series hold values that are no numbers, and where first. */
export function brokenInWords(series: readonly ChartSeries[]): string[] {
  return series.flatMap(({ label, buckets }) => {
    const count = buckets.reduce((sum, bucket) => sum + bucket.nonFinite, 0)
    const first = buckets.find((bucket) => bucket.nonFinite > 0)
    if (first === undefined) return []
    const where = first.firstStep === first.lastStep ? `step ${first.lastStep}` : `steps ${first.firstStep} to ${first.lastStep}`
    return [`${label}: ${count} ${count === 1 ? 'value is' : 'values are'} NaN or infinite, first at ${where}`]
  })
}

/** Index of the point whose x is nearest; the points are in the order of x. -1 for none. */
export function nearestIndex(points: readonly Point[], x: number): number {
  if (points.length === 0) return -1
  let low = 0
  let high = points.length - 1
  while (low < high) {
    const middle = (low + high) >> 1
    if ((points[middle]?.x ?? 0) < x) low = middle + 1
    else high = middle
  }
  const before = points[low - 1]
  const after = points[low]
  return before !== undefined && after !== undefined && x - before.x <= after.x - x ? low - 1 : low
}

/** First and last step of all series; nothing where there are not two steps. */
export function endsOf(series: readonly ChartSeries[]): { min?: number; max?: number } {
  const steps = series.flatMap(({ buckets }) => [buckets[0], buckets.at(-1)].flatMap((bucket) => (bucket === undefined ? [] : [bucket.lastStep])))
  const [min, max] = [Math.min(...steps), Math.max(...steps)]
  return max > min ? { min, max } : {}
}

export function linesCsv(series: readonly ChartSeries[]): string[][] {
  const rows = series.flatMap(({ label, buckets }) =>
    buckets.map((bucket) => [label, bucket.firstStep, bucket.lastStep, bucket.last, bucket.min ?? '', bucket.max ?? '', bucket.n, bucket.nonFinite].map(String)),
  )
  return [['series', 'first step', 'step', 'value', 'lowest', 'highest', 'points', 'not finite'], ...rows]
}
