/** How curves are looked at, as the address says it. */
import { X_KINDS, type XKind } from './x-axis.js'

export const BANDS = ['range', 't'] as const
/** About the mean of a group: from the lowest to the highest run, or the 95 % t interval of the mean. */
export type Band = (typeof BANDS)[number]

export interface CurveView {
  group: string | null
  x: XKind
  isLogX: boolean
  isLog: boolean
  smoothing: number
  from: number | null
  to: number | null
  /** Axis of the sweep whose values are the lines; `cell` for the repeats of each cell; null draws every run. */
  by: string | null
  band: Band
}

const MOST_SMOOTHING = 0.99

export function readCurveView(query: URLSearchParams): CurveView {
  const number = (key: string): number | null => {
    const value = Number.parseFloat(query.get(key) ?? '')
    return Number.isFinite(value) && value >= 0 ? value : null
  }
  const one = <T extends string>(key: string, known: readonly T[], otherwise: T): T => known.find((value) => value === query.get(key)) ?? otherwise
  return {
    group: query.get('curve'),
    x: one('across', X_KINDS, 'step'),
    isLogX: query.get('logx') === '1',
    isLog: query.get('log') === '1',
    smoothing: Math.min(MOST_SMOOTHING, number('smooth') ?? 0),
    from: number('from'),
    to: number('to'),
    by: query.get('by'),
    band: one('band', BANDS, 'range'),
  }
}
