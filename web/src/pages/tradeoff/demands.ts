/** What the manager asks for, as it stands in the address and on the sliders. Pure. */
import type { TradeoffAsked } from '../../../../server/contracts/share.js'

export type PriceAxis = 'cost' | 'p50' | 'p95'

export type Asked = TradeoffAsked

export const DEFAULTS: Asked = { errorCostUsd: 0.1, requestsPerMonth: 100_000, latencyLimitMs: null, minimumScore: null, perHourUsd: null }

export type Field = keyof Asked

/** The key of the address, the ends of the slider, and whether the field may be empty. */
export const FIELDS: Readonly<Record<Field, { key: string; low: number; high: number; isLog: boolean; mayBeEmpty: boolean; most: number }>> = {
  errorCostUsd: { key: 'error', low: 0.001, high: 1000, isLog: true, mayBeEmpty: false, most: 1e9 },
  requestsPerMonth: { key: 'requests', low: 100, high: 1e9, isLog: true, mayBeEmpty: false, most: 1e15 },
  latencyLimitMs: { key: 'latency', low: 1, high: 100_000, isLog: true, mayBeEmpty: true, most: 1e9 },
  minimumScore: { key: 'min', low: 0, high: 1, isLog: false, mayBeEmpty: true, most: 1 },
  perHourUsd: { key: 'hour', low: 0.01, high: 100, isLog: true, mayBeEmpty: true, most: 1e6 },
}

export const SLIDER_STEPS = 200

/** What was typed or came by a link; what is no number of the field is its default. */
export function readAsked(query: URLSearchParams): Asked {
  const read = (field: Field): number | null => {
    const text = query.get(FIELDS[field].key)
    const value = text === null || text.trim() === '' ? NaN : Number(text)
    return value >= 0 && value <= FIELDS[field].most ? value : null
  }
  return {
    errorCostUsd: read('errorCostUsd') ?? DEFAULTS.errorCostUsd,
    requestsPerMonth: read('requestsPerMonth') ?? DEFAULTS.requestsPerMonth,
    latencyLimitMs: read('latencyLimitMs'),
    minimumScore: read('minimumScore'),
    perHourUsd: read('perHourUsd'),
  }
}

/** The query that says what differs from the defaults. */
export function writeAsked(asked: Asked): Record<string, string | null> {
  return Object.fromEntries((Object.keys(FIELDS) as Field[]).map((field) => [FIELDS[field].key, asked[field] === DEFAULTS[field] || asked[field] === null ? null : String(asked[field])]))
}

/** From the place of a slider, 0 to SLIDER_STEPS, to a value with two significant digits. At the end of a field that may be empty there is no limit. */
export function valueAt(field: Field, place: number): number | null {
  const { low, high, isLog, mayBeEmpty } = FIELDS[field]
  if (mayBeEmpty && place === emptyPlace(field)) return null
  const share = place / SLIDER_STEPS
  const value = isLog ? low * (high / low) ** share : low + (high - low) * share
  return Number(value.toPrecision(isLog ? 2 : 3))
}

export function placeOf(field: Field, value: number | null): number {
  const { low, high, isLog } = FIELDS[field]
  if (value === null) return emptyPlace(field)
  const share = isLog ? Math.log(Math.max(value, low) / low) / Math.log(high / low) : (value - low) / (high - low)
  return Math.round(SLIDER_STEPS * Math.min(1, Math.max(0, share)))
}

/** No latency limit is as high a limit as can be; no minimum and no price are as low. */
const emptyPlace = (field: Field): number => (field === 'latencyLimitMs' ? SLIDER_STEPS : 0)
