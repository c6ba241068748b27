/** Parallel coordinates: one vertical axis for each parameter and metric, one line for each run. Pure. */
export interface ParallelAxis {
  id: string
  label: string
  isMetric: boolean
  isLog: boolean
  ticks: { at: number; text: string }[]
  /** Where a value lies, 0 at the foot and 1 at the head; null for what is missing or not finite. */
  place: (value: unknown) => number | null
}

/** Ends as parts of an axis, from its foot. */
export type Brushes = ReadonlyMap<string, readonly [number, number]>

const LOG_FROM = 50
const MOST_TICKS = 9

export function parallelAxis(named: { id: string; label: string; isMetric: boolean; format: (value: unknown) => string }, values: readonly unknown[]): ParallelAxis {
  const known = values.filter((value) => value !== null && value !== undefined)
  const { format, ...axis } = named
  if (!known.every((value) => typeof value === 'number')) return categories(axis, format, known)
  const finite = known.filter(Number.isFinite)
  const [low, high] = finite.reduce(([least, most], value) => [Math.min(least, value), Math.max(most, value)], [Infinity, -Infinity])
  const isLog = low > 0 && high / low >= LOG_FROM
  const scale = (value: number): number => (isLog ? Math.log(value) : value)
  const span = scale(high) - scale(low)
  const place = (value: unknown): number | null => (typeof value !== 'number' || !Number.isFinite(value) ? null : span === 0 ? 0.5 : (scale(value) - scale(low)) / span)
  const distinct = [...new Set(finite)].sort((a, b) => a - b)
  const shown = distinct.length <= MOST_TICKS && !axis.isMetric ? distinct : [low, isLog ? Math.sqrt(low * high) : (low + high) / 2, high]
  return { ...axis, isLog, place, ticks: finite.length === 0 ? [] : [...new Set(shown)].map((value) => ({ at: place(value) ?? 0, text: format(value) })) }
}

function categories(axis: Omit<ParallelAxis, 'isLog' | 'ticks' | 'place'>, format: (value: unknown) => string, values: readonly unknown[]): ParallelAxis {
  const keys = [...new Set(values.map((value) => JSON.stringify(value)))]
  const at = new Map(keys.map((key, index) => [key, keys.length === 1 ? 0.5 : index / (keys.length - 1)]))
  const place = (value: unknown): number | null => (value === null || value === undefined ? null : (at.get(JSON.stringify(value)) ?? null))
  return { ...axis, isLog: false, place, ticks: keys.slice(0, 30).map((key) => ({ at: at.get(key) ?? 0, text: format(JSON.parse(key)) })) }
}

/** Whether a line passes every brush; a missing value passes none. */
export function passes(places: readonly (number | null)[], axes: readonly ParallelAxis[], brushes: Brushes): boolean {
  return axes.every(({ id }, index) => {
    const brush = brushes.get(id)
    const place = places[index] ?? null
    return brush === undefined || (place !== null && place >= brush[0] - 1e-9 && place <= brush[1] + 1e-9)
  })
}

/**
 * The line nearest to a point, of those near enough.
 * @param x in axes: 1.5 lies half-way between the second and the third
 * @param y from the foot, as places are
 * @returns its index, or -1
 */
export function nearestLine(lines: readonly (readonly (number | null)[])[], { x, y, within }: { x: number; y: number; within: number }): number {
  const left = Math.max(0, Math.floor(x))
  const share = x - left
  let [nearest, distance] = [-1, within]
  for (const [index, places] of lines.entries()) {
    const [from, to] = [places[left] ?? null, places[left + 1] ?? null]
    const height = from === null || to === null ? (share < 0.5 ? from : to) : from + (to - from) * share
    if (height === null || Math.abs(height - y) >= distance) continue
    ;[nearest, distance] = [index, Math.abs(height - y)]
  }
  return nearest
}

/** `rank:0.2:0.7,dropout:0:1` as it stands in the address. */
export function readBrushes(text: string | null): Brushes {
  const brushes = new Map<string, readonly [number, number]>()
  for (const part of (text ?? '').split(',')) {
    const [, id = '', low = '', high = ''] = /^(.+):([\d.]+):([\d.]+)$/.exec(part) ?? []
    if (id !== '' && Number(low) <= Number(high)) brushes.set(id, [Number(low), Number(high)])
  }
  return brushes
}

export function writeBrushes(brushes: Brushes): string | null {
  return brushes.size === 0 ? null : [...brushes].map(([id, [low, high]]) => `${id}:${Number(low.toFixed(3))}:${Number(high.toFixed(3))}`).join(',')
}
