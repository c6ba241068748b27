/** Numbers as people read them: always with a unit, never 0 for what is not known. */
import { METRICS, PORTUGUESE_LABELS } from '../../experiments/metrics.js'
import type { Float } from '../../server/contracts/metric.js'
import { locale, say } from './i18n.js'

export const NOTHING = '–'
const MINUS = '\u2212'
const THIN = '\u202f'

const formats = new Map<string, Intl.NumberFormat>()

/** Making a format takes longer than using it a thousand times, so each is made once. */
const numberFormat = (digits: number): Intl.NumberFormat => formatOf(`${digits} decimals`, { minimumFractionDigits: digits, maximumFractionDigits: digits })

/** Making a format takes longer than a hundred uses of it: each is kept under its name. */
function formatOf(name: string, options: Intl.NumberFormatOptions): Intl.NumberFormat {
  const key = `${locale()} ${name}`
  const format = formats.get(key) ?? new Intl.NumberFormat(locale(), options)
  formats.set(key, format)
  return format
}

function exponential(value: number, digits: number): string {
  const [mantissa = '', exponent = ''] = Math.abs(value).toExponential(digits).split('e')
  return `${value < 0 ? MINUS : ''}${fixed(Number(mantissa), digits)}e${exponent.replace('-', MINUS).replace('+', '')}`
}

/** With so many decimals, in the reader's way. */
export function formatFixed(value: number, digits: number): string {
  return special(value) ?? fixed(value, digits)
}

function fixed(value: number, digits: number): string {
  const text = numberFormat(digits).format(Math.abs(value))
  return value < 0 && /[1-9]/.test(text) ? MINUS + text : text
}

function special(value: number): string | null {
  if (Number.isNaN(value)) return 'NaN'
  if (value === Infinity) return '∞'
  if (value === -Infinity) return `${MINUS}∞`
  return null
}

export function formatCount(value: number | null | undefined): string {
  return value == null ? NOTHING : numberFormat(0).format(value)
}

/** A plain figure: about four significant digits, exponents only where plain digits would mislead. */
export function formatFloat(value: Float | null | undefined): string {
  if (value == null) return NOTHING
  const number = Number(value)
  const odd = special(number)
  if (odd !== null) return odd
  const size = Math.abs(number)
  if (size !== 0 && (size < 1e-3 || size >= 1e7)) return exponential(number, 2)
  if (Number.isInteger(number)) return fixed(number, 0)
  return fixed(number, size >= 1000 ? 0 : size >= 100 ? 1 : size >= 10 ? 2 : size >= 0.1 ? 3 : 4)
}

/** A change, a rise with its plus sign: as a plain figure, or with so many decimals. */
export function formatSigned(value: number, digits?: number): string {
  const text = special(value) ?? (digits === undefined ? formatFloat(value) : fixed(value, digits))
  return value > 0 && /[1-9∞]/.test(text) ? `+${text}` : text
}

/** A value beside an axis or in a tooltip: no zeros that say nothing. */
export function formatTick(value: number): string {
  const size = Math.abs(value)
  const odd = special(value)
  if (odd !== null || size === 0) return odd ?? '0'
  if (size >= 1e-4 && size < 1e6) return formatOf('tick', { maximumSignificantDigits: 4 }).format(value).replace('-', MINUS)
  if (size >= 1e6 && size < 1e12) return formatOf('compact tick', { notation: 'compact', maximumSignificantDigits: 4 }).format(value).replace('-', MINUS)
  const [mantissa = '', exponent = ''] = value.toExponential(2).split('e')
  return `${formatOf('mantissa', {}).format(Number(mantissa)).replace('-', MINUS)}e${exponent.replace('-', MINUS).replace('+', '')}`
}

/** How a metric is named and written: shares of items as per cent, everything else as it is. */
export interface MetricStyle {
  label: string
  isShare: boolean
  unit: string
  higherIsBetter: boolean
  /** No mean can be higher than this; null where there is no such bound. */
  most: number | null
}

/** @param told what a run's summary, or a comparison, says of the metric: all that is known of one that is none of the product's */
export function metricStyle(id: string, told?: { higherIsBetter: boolean; unit?: string | undefined }): MetricStyle {
  const metric = METRICS[id]
  const isShare = metric?.estimator === 'proportion'
  const { unit = '', higherIsBetter } = metric ?? told ?? { higherIsBetter: true }
  return { label: metric === undefined ? id : say(metric.label, PORTUGUESE_LABELS[id] ?? metric.label), isShare, unit: isShare ? '%' : unit === 'characters' ? say('characters', 'caracteres') : unit, higherIsBetter, most: metric?.bounded === true ? 1 : null }
}

export function formatMetric(value: Float | null | undefined, style: Pick<MetricStyle, 'isShare'>): string {
  if (value == null) return NOTHING
  const number = Number(value)
  const odd = special(number)
  if (odd !== null) return odd
  return style.isShare ? `${fixed(number * 100, 1)}${THIN}%` : fixed(number, Math.abs(number) >= 100 ? 1 : 3)
}

/** `81.0–89.9 %`, or nothing where there is no interval. */
export function formatInterval(low: Float | null | undefined, high: Float | null | undefined, style: Pick<MetricStyle, 'isShare'>): string {
  if (low == null || high == null) return ''
  const bare = (value: Float): string => formatMetric(value, style).replace(`${THIN}%`, '')
  const between = Number(low) < 0 ? say(' to ', ' a ') : '–'
  return `${bare(low)}${between}${bare(high)}${style.isShare ? `${THIN}%` : ''}`
}

export interface Delta {
  text: string
  arrow: string
  direction: 'up' | 'down' | 'same'
}

/** A difference with sign and arrow; shares differ by percentage points. */
export function formatDelta(difference: number | null, style: Pick<MetricStyle, 'isShare'>): Delta | null {
  if (difference === null || Number.isNaN(difference)) return null
  const digits = style.isShare ? fixed(Math.abs(difference) * 100, 1) : fixed(Math.abs(difference), 3)
  const isZero = !/[1-9]/.test(digits)
  const direction = isZero ? 'same' : difference > 0 ? 'up' : 'down'
  const sign = isZero ? '±' : difference > 0 ? '+' : MINUS
  return { text: `${sign}${digits}${style.isShare ? `${THIN}${say('pp', 'p.p.')}` : ''}`, arrow: direction === 'up' ? '▲' : direction === 'down' ? '▼' : '=', direction }
}

export function formatMs(ms: number | null | undefined): string {
  if (ms == null) return NOTHING
  return `${fixed(ms, ms >= 100 ? 0 : ms >= 10 ? 1 : 2)}${THIN}ms`
}

export function formatDuration(ms: number | null | undefined): string {
  if (ms == null || !Number.isFinite(ms)) return NOTHING
  if (ms < 1000) return `${Math.round(ms)}${THIN}ms`
  const seconds = ms / 1000
  if (seconds < 59.95) return `${fixed(seconds, 1)}${THIN}s`
  const total = Math.round(seconds)
  const two = (value: number): string => String(value).padStart(2, '0')
  if (total < 3600) return `${Math.floor(total / 60)}${THIN}min ${two(total % 60)}${THIN}s`
  return `${formatCount(Math.floor(total / 3600))}${THIN}h ${two(Math.floor((total % 3600) / 60))}${THIN}min`
}

export function formatBytes(bytes: number | null | undefined): string {
  if (bytes == null) return NOTHING
  const units = ['B', 'KiB', 'MiB', 'GiB', 'TiB']
  let value = bytes
  let unit = 0
  while (value >= 1024 && unit < units.length - 1) {
    value /= 1024
    unit += 1
  }
  return `${fixed(value, unit === 0 ? 0 : 1)}${THIN}${units[unit]}`
}

export function formatCost(usd: number | null | undefined): string {
  if (usd == null) return say('unknown', 'desconhecido')
  if (usd === 0) return '$0'
  if (usd < 0.0001) return `$${exponential(usd, 1)}`
  return `$${fixed(usd, usd >= 1 ? 2 : 4)}`
}

/** A parameter as the experiment file writes it. */
export function formatParameter(value: unknown): string {
  if (value === null || value === undefined) return NOTHING
  if (typeof value === 'string') return value
  if (typeof value === 'object' && !Array.isArray(value) && 'model' in value && typeof value.model === 'string') return value.model
  return JSON.stringify(value)
}

export function shorten(text: string, length: number): string {
  const line = text.replaceAll(/\s+/g, ' ').trim()
  return line.length <= length ? line : `${line.slice(0, length - 1)}…`
}

export function formatAgo(time: string | number | null, now: number): string {
  if (time === null) return NOTHING
  const seconds = Math.max(0, (now - new Date(time).getTime()) / 1000)
  if (seconds < 45) return say('just now', 'agora há pouco')
  if (seconds < 3600) return ago(`${Math.max(1, Math.round(seconds / 60))} min`)
  if (seconds < 86_400) return ago(`${Math.round(seconds / 3600)} h`)
  return ago(`${formatCount(Math.round(seconds / 86_400))} d`)
}

const ago = (span: string): string => say(`${span} ago`, `há ${span}`)

export function formatTime(time: string | number | null): string {
  if (time === null) return NOTHING
  return new Date(time).toLocaleString(locale(), { dateStyle: 'medium', timeStyle: 'medium' })
}
