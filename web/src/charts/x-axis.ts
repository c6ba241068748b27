/** What runs across a chart: the step, or what the run had done by that step. Pure. */
import type { MetricBucket } from '../../../server/contracts/metric.js'
import { formatCount, formatTick } from '../format.js'
import { say } from '../i18n.js'
import type { ReadSeries } from './series.js'

export const X_KINDS = ['step', 'epoch', 'tokens', 'time'] as const
export type XKind = (typeof X_KINDS)[number]

/** The series that says how far a run was at each step. */
const PROGRESS_KEYS: Partial<Record<XKind, string>> = { epoch: 'train/epoch', tokens: 'train/num_tokens' }

/** Series that must be read whole to place the points of `keys` along x. */
export function placingKeys(kind: XKind, keys: readonly string[]): readonly string[] {
  if (kind === 'step') return []
  const key = PROGRESS_KEYS[kind]
  return key === undefined ? keys : [key]
}

/** The kinds of x that these series allow. */
export function xKindsOf(keys: ReadonlySet<string>): XKind[] {
  return X_KINDS.filter((kind) => PROGRESS_KEYS[kind] === undefined || keys.has(PROGRESS_KEYS[kind]))
}

export type PlaceBucket = (bucket: Pick<MetricBucket, 'lastStep' | 'lastTime'>) => number

/**
 * Where a bucket lies along x: optimizer steps, passes over the data, tokens read, or milliseconds since the run's first point.
 * Between two known steps the progress is taken as even; where nothing is known the place is NaN and nothing is drawn.
 * @param placing the run's series of `placingKeys`, over all steps
 */
export function placeBuckets(kind: XKind, placing: readonly ReadSeries[]): PlaceBucket {
  if (kind === 'step') return ({ lastStep }) => lastStep
  if (kind === 'time') {
    const start = Math.min(...placing.map(({ startTime }) => startTime))
    return ({ lastTime }) => lastTime - start
  }
  const known = placing.find(({ key }) => key === PROGRESS_KEYS[kind])?.buckets.map(({ lastStep, last }) => ({ step: lastStep, at: Number(last) })) ?? []
  // Before its first step a run has read nothing.
  if (known[0] !== undefined && known[0].step > 0) known.unshift({ step: 0, at: 0 })
  return ({ lastStep }) => between(known, lastStep)
}

function between(known: readonly { step: number; at: number }[], step: number): number {
  let low = 0
  let high = known.length - 1
  while (low < high) {
    const middle = (low + high) >> 1
    if ((known[middle]?.step ?? 0) < step) low = middle + 1
    else high = middle
  }
  const after = known[low]
  if (after === undefined || after.step < step) return Number.NaN
  const before = known[low - 1]
  if (after.step === step || before === undefined) return after.step === step ? after.at : Number.NaN
  return before.at + ((after.at - before.at) * (step - before.step)) / (after.step - before.step)
}

export interface XLook {
  label: string
  format: (x: number) => string
  /** By which the placed values are divided, so that the axis has round numbers. */
  divisor: number
}

/** @param stepWord what a step is for these runs: "step" or "items" */
export function xLook(kind: XKind, { stepWord, largest }: { stepWord: string; largest: number }): XLook {
  if (kind === 'step') return { label: stepWord, format: formatCount, divisor: 1 }
  if (kind === 'epoch') return { label: say('epoch', 'época'), format: formatTick, divisor: 1 }
  if (kind === 'tokens') return { label: say('tokens read', 'tokens lidos'), format: formatCount, divisor: 1 }
  const since = say('time since the first point', 'tempo desde o primeiro ponto')
  const unit = largest > 5 * 3_600_000 ? { word: 'h', divisor: 3_600_000 } : largest > 300_000 ? { word: 'min', divisor: 60_000 } : { word: 's', divisor: 1000 }
  return { label: `${since}, ${unit.word}`, format: formatTick, divisor: unit.divisor }
}

export const xKindInWords = (kind: XKind, stepWord: string): string =>
  ({ step: stepWord, epoch: say('epoch', 'época'), tokens: 'tokens', time: say('time', 'tempo') })[kind]

/** The steps that a range of x spans over all series, for the server to read it in full. Null where it holds no point. */
export function stepsWithin(series: readonly { buckets: readonly MetricBucket[]; place: PlaceBucket }[], range: { from: number; to: number }): { from: number; to: number } | null {
  let [from, to] = [Infinity, -Infinity]
  for (const { buckets, place } of series) {
    for (const bucket of buckets) {
      const x = place(bucket)
      if (!(x >= range.from && x <= range.to)) continue
      from = Math.min(from, bucket.firstStep)
      to = Math.max(to, bucket.lastStep)
    }
  }
  return to >= from ? { from, to } : null
}

/** The largest place that these runs reach, to choose a unit by. */
export function largestPlace(kind: XKind, placing: ReadonlyMap<string, readonly ReadSeries[]>): number {
  let largest = 0
  for (const series of placing.values()) {
    const place = placeBuckets(kind, series)
    for (const { buckets } of series) {
      const last = buckets.at(-1)
      if (last !== undefined) largest = Math.max(largest, place(last))
    }
  }
  return largest
}
