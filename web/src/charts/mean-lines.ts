/** Lines of several runs drawn as one: their mean along x, with a band. Pure. */
import { criticalT95 } from '../../../experiments/statistics/distributions.js'
import { COLOR_SLOTS } from '../../../server/contracts/color-slots.js'
import { type Float, toWire } from '../../../server/contracts/float.js'
import type { MetricBucket } from '../../../server/contracts/metric.js'
import type { Run } from '../../../server/contracts/run.js'
import { formatParameter } from '../format.js'
import { say } from '../i18n.js'
import type { Band } from './curve-view.js'
import { type ChartSeries, placeOf } from './lines.js'

export interface RunGroup {
  id: string
  label: string
  slot: number
  isGrey: boolean
  runs: readonly string[]
}

/** By the value of an axis of the sweep, or with `cell` by the whole combination, which gathers the repeats. */
export function groupRuns(runs: readonly Pick<Run, 'id' | 'name' | 'cell' | 'varied'>[], by: string): RunGroup[] {
  const groups = Map.groupBy(runs, (run) => (by === 'cell' ? String(run.cell) : JSON.stringify(run.varied[by])))
  return [...groups].map(([id, members], index) => {
    const [first] = members
    return {
      id,
      label: by === 'cell' ? (first?.name ?? '') : `${by}=${formatParameter(first?.varied[by])}`,
      slot: index % COLOR_SLOTS,
      isGrey: index >= COLOR_SLOTS,
      runs: members.map((run) => run.id),
    }
  })
}

/**
 * One line for each group and role. Drawn at the places of the member with most points; the others are interpolated between
 * two of their own points and never beyond. Where a member is NaN the mean is NaN: the mean of the survivors would look better than the group is.
 */
export function meanLines(series: readonly ChartSeries[], groups: readonly RunGroup[], band: Band): ChartSeries[] {
  return groups.flatMap((group) => {
    const members = series.filter(({ id }) => group.runs.includes(id))
    return [...Map.groupBy(members, ({ role }) => role)].flatMap(([role, lines]) => {
      const count = new Set(lines.map(({ id }) => id)).size
      const word = role === 'eval' ? say(' validation', ' validação') : lines.some((line) => line.label.endsWith(say('training', 'treino'))) ? say(' training', ' treino') : ''
      const label = `${group.label}${word} (${say(`mean of ${count}`, `média de ${count}`)})`
      return [{ id: group.id, label, slot: group.slot, isGrey: group.isGrey, isMean: true, role, ...meanOf(lines, band) }]
    })
  })
}

function meanOf(lines: readonly ChartSeries[], band: Band): Pick<ChartSeries, 'buckets' | 'place'> {
  const longest = lines.reduce((a, b) => (b.buckets.length > a.buckets.length ? b : a))
  const place = placeOf(longest)
  const readers = lines.filter((line) => line !== longest).map(readerOf)
  const buckets = longest.buckets.map((bucket): MetricBucket => {
    const x = place(bucket)
    const values = [Number(bucket.last), ...readers.flatMap((read) => read(x) ?? [])]
    return { ...bucket, ...about(values, band), n: values.length, nonFinite: values.filter((value) => !Number.isFinite(value)).length }
  })
  return { buckets, ...(longest.place === undefined ? {} : { place }) }
}

function about(values: readonly number[], band: Band): { last: Float; min: Float | null; max: Float | null } {
  const mean = values.reduce((sum, value) => sum + value, 0) / values.length
  if (!Number.isFinite(mean)) return { last: toWire(mean), min: null, max: null }
  if (band === 'range') return { last: mean, min: Math.min(...values), max: Math.max(...values) }
  if (values.length < 2) return { last: mean, min: null, max: null }
  const variance = values.reduce((sum, value) => sum + (value - mean) ** 2, 0) / (values.length - 1)
  const reach = criticalT95(values.length - 1) * Math.sqrt(variance / values.length)
  return { last: mean, min: mean - reach, max: mean + reach }
}

/** The line's height at x, for x that only rises; undefined outside of the line. */
function readerOf(line: ChartSeries): (x: number) => number | undefined {
  const place = placeOf(line)
  const points = line.buckets.map((bucket) => ({ x: place(bucket), y: Number(bucket.last) })).filter(({ x }) => Number.isFinite(x))
  let index = 0
  return (x) => {
    while (index < points.length && (points[index]?.x ?? Infinity) < x) index++
    const [before, after] = [points[index - 1], points[index]]
    if (after === undefined) return undefined
    if (after.x === x) return after.y
    if (before === undefined) return undefined
    return before.y + ((after.y - before.y) * (x - before.x)) / (after.x - before.x)
  }
}
