/** From what the server bucketed to what a line chart draws. Pure, and it never invents a point. */
import type { Float } from '../../../server/contracts/float.js'
import type { MetricBucket } from '../../../server/contracts/metric.js'
import { formatCount } from '../format.js'
import { say } from '../i18n.js'
import { smooth } from './smoothing.js'
import type { PlaceBucket } from './x-axis.js'

export interface ChartSeries {
  id: string
  label: string
  slot: number
  /** Solid lines are training, dashed ones validation. */
  role: 'train' | 'eval'
  buckets: readonly MetricBucket[]
  /** Where a bucket lies along x; left out: at its last step. */
  place?: PlaceBucket
  /** Drawn grey: its colour is taken by another line of the chart. */
  isGrey?: boolean
  /** Lowest and highest are a band about a mean, and stay however the line is smoothed. */
  isMean?: boolean
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

/** A place on a vertical line with a word, for example the best checkpoint; a tick is a small triangle on the axis, without a word. */
export interface Mark {
  x: number
  label: string
  kind: 'good' | 'bad' | 'plain' | 'tick'
}

export const placeOf = ({ place }: Pick<ChartSeries, 'place'>): PlaceBucket => place ?? (({ lastStep }) => lastStep)

export function linesOf(series: Pick<ChartSeries, 'buckets' | 'place' | 'isMean'>, smoothing: number): Lines {
  const { buckets, isMean = false } = series
  const place = placeOf(series)
  const values = buckets.map((bucket) => Number(bucket.last))
  const at = (ys: readonly number[]): Point[] =>
    buckets.flatMap((bucket, index) => {
      const [x, y] = [place(bucket), ys[index] ?? Number.NaN]
      return Number.isFinite(x) ? [{ x, y: Number.isFinite(y) ? y : Number.NaN }] : []
    })
  const hasBand = (smoothing === 0 || isMean) && buckets.some((bucket) => bucket.n - bucket.nonFinite > 1)
  const edge = (which: 'min' | 'max'): Point[] => at(buckets.map((bucket) => (bucket[which] === null ? Number.NaN : Number(bucket[which]))))
  return {
    line: at(smooth(values, smoothing)),
    raw: smoothing > 0 ? at(values) : null,
    low: hasBand ? edge('min') : null,
    high: hasBand ? edge('max') : null,
    broken: brokenPoints(buckets, place),
  }
}

function brokenPoints(buckets: readonly MetricBucket[], place: PlaceBucket): Point[] {
  const points: Point[] = []
  let height = firstFinite(buckets)
  for (const [index, bucket] of buckets.entries()) {
    const isInside = isBroken(buckets[index - 1]) && isBroken(buckets[index + 1])
    const x = place(bucket)
    if (isBroken(bucket) && !isInside && height !== null && Number.isFinite(x)) points.push({ x, y: height })
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
    const [from, to] = [formatCount(first.firstStep), formatCount(first.lastStep)]
    const n = formatCount(count)
    return [
      say(
        `${label}: ${n} ${count === 1 ? 'value is' : 'values are'} NaN or infinite, first at ${from === to ? `step ${to}` : `steps ${from} to ${to}`}`,
        `${label}: ${n} ${count === 1 ? 'valor é' : 'valores são'} NaN ou infinito${count === 1 ? '' : 's'}, a partir ${from === to ? `do passo ${to}` : `dos passos ${from} a ${to}`}`,
      ),
    ]
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

/** First and last place of all series along x; a single place gets room on both sides. On a logarithmic axis only what is above 0 has a place. */
export function endsOf(series: readonly ChartSeries[], isLogX = false): { min?: number; max?: number } {
  let [min, max] = [Infinity, -Infinity]
  for (const one of series) {
    const place = placeOf(one)
    const xs = one.buckets.map(place).filter((x) => Number.isFinite(x) && (!isLogX || x > 0))
    min = Math.min(min, xs[0] ?? Infinity)
    max = Math.max(max, xs.at(-1) ?? -Infinity)
  }
  if (max > min) return { min, max }
  if (max < min) return {}
  return isLogX ? { min: min / 2, max: max * 2 } : { min: Math.max(0, min - 1), max: max + 1 }
}

/** Numbers as programs read them: this is also the file. */
export function linesCsv(series: readonly ChartSeries[], xLabel: string): string[][] {
  const isByStep = series.every(({ place }) => place === undefined)
  const rows = series.flatMap((one) =>
    one.buckets.map((bucket) =>
      [one.label, bucket.firstStep, bucket.lastStep, ...(isByStep ? [] : [placeOf(one)(bucket)]), inDigits(bucket.last), inDigits(bucket.min), inDigits(bucket.max), bucket.n, bucket.nonFinite].map(String),
    ),
  )
  const head = [say('series', 'série'), say('first step', 'primeiro passo'), say('step', 'passo'), ...(isByStep ? [] : [xLabel]), say('value', 'valor'), say('lowest', 'menor'), say('highest', 'maior'), say('points', 'pontos'), say('not finite', 'não finitos')]
  return [head, ...rows]
}

/** A value that came in single precision is written in the digits that name it there: 0.1, not 0.10000000149011612. */
function inDigits(value: Float | null): string {
  if (typeof value !== 'number' || Math.fround(value) !== value) return String(value ?? '')
  for (let digits = 6; digits < 9; digits++) {
    const short = Number(value.toPrecision(digits))
    if (Math.fround(short) === value) return String(short)
  }
  return String(Number(value.toPrecision(9)))
}
