/** How curves are looked at, as the address says it. */
export interface CurveView {
  group: string | null
  isLog: boolean
  smoothing: number
  from: number | null
  to: number | null
}

const MOST_SMOOTHING = 0.99

export function readCurveView(query: URLSearchParams): CurveView {
  const number = (key: string): number | null => {
    const value = Number.parseFloat(query.get(key) ?? '')
    return Number.isFinite(value) && value >= 0 ? value : null
  }
  return {
    group: query.get('curve'),
    isLog: query.get('log') === '1',
    smoothing: Math.min(MOST_SMOOTHING, number('smooth') ?? 0),
    from: number('from'),
    to: number('to'),
  }
}
