/** Where things stand in the plane of a score and a price. Pure; the component only draws. */
import type { ParetoStanding } from '../../../experiments/pareto.js'
import type { Kind } from '../../../server/contracts/experiment.js'

export interface PlotPoint {
  id: string
  label: string
  href: string | null
  kind: Kind
  /** Null: not known; the point stands apart. */
  x: number | null
  xLow: number | null
  xHigh: number | null
  y: number
  yLow: number | null
  yHigh: number | null
  standing: ParetoStanding | null
  isChosen: boolean
}

export interface Scale {
  isLog: boolean
  low: number
  high: number
  ticks: number[]
}

export interface Box {
  left: number
  right: number
  top: number
  bottom: number
}

/** Prices that span more than this are laid out by their logarithm. */
const LOG_RATIO = 30

/** At 1, 2 or 5 times a power of ten. */
export function linearTicks(low: number, high: number, count: number): number[] {
  const rough = (high - low) / Math.max(1, count)
  const power = 10 ** Math.floor(Math.log10(rough))
  const step = ([1, 2, 5, 10].find((factor) => factor * power >= rough) ?? 10) * power
  const ticks: number[] = []
  for (let place = Math.ceil(low / step - 1e-9); place * step <= high + step * 1e-9; place++) ticks.push(Number((place * step).toPrecision(12)))
  return ticks
}

function logTicks(low: number, high: number): number[] {
  const decades = Math.log10(high / low)
  const factors = decades > 4 ? [1] : decades > 2 ? [1, 3] : [1, 2, 5]
  const ticks: number[] = []
  for (let power = Math.floor(Math.log10(low)); power <= Math.ceil(Math.log10(high)); power++) {
    for (const factor of factors) ticks.push(Number((factor * 10 ** power).toPrecision(6)))
  }
  return ticks.filter((tick) => tick >= low * 0.999 && tick <= high * 1.001)
}

/** Around prices and their intervals: from 0 on, or by logarithm where they differ a lot. */
export function priceScale(values: readonly number[], count: number): Scale {
  const known = values.filter(Number.isFinite)
  const [low, high] = [Math.min(...known), Math.max(...known)]
  if (known.length === 0) return { isLog: false, low: 0, high: 1, ticks: [] }
  if (low > 0 && high / low > LOG_RATIO) return { isLog: true, low: low / 1.25, high: high * 1.25, ticks: logTicks(low / 1.25, high * 1.25) }
  const end = high <= 0 ? 1 : high * 1.06
  return { isLog: false, low: 0, high: end, ticks: linearTicks(0, end, count) }
}

/** Around scores and their intervals, no further than they can reach. */
export function scoreScale(values: readonly number[], most: number | null, count: number): Scale {
  const known = values.filter(Number.isFinite)
  if (known.length === 0) return { isLog: false, low: 0, high: 1, ticks: linearTicks(0, 1, count) }
  const [least, largest] = [Math.min(...known), Math.max(...known)]
  const reach = Math.max((largest - least) * 0.08, Math.abs(largest) * 1e-3, 1e-9)
  const low = least >= 0 ? Math.max(0, least - reach) : least - reach
  const high = most !== null && largest <= most ? Math.min(most, largest + reach) : largest + reach
  return { isLog: false, low, high, ticks: linearTicks(low, high, count) }
}

/** Share of the way along a scale, 0 to 1. */
export function along(value: number, { isLog, low, high }: Scale): number {
  if (isLog) return Math.log(value / low) / Math.log(high / low)
  return (value - low) / (high - low)
}

/** The front as stairs: between two of its runs the better score has not been reached yet. */
export function stairs(front: readonly { x: number; y: number }[]): string {
  const sorted = [...front].sort((a, b) => a.x - b.x)
  return sorted.map(({ x, y }, index) => (index === 0 ? `M${x},${y}` : `H${x}V${y}`)).join('')
}

export interface Label {
  id: string
  text: string
  x: number
  y: number
}

const CHARACTER = 6.4
const LINE = 13

/** Names beside points as far as they find room, in the order given: the most important first. */
export function placeLabels(points: readonly { id: string; text: string; x: number; y: number }[], box: Box): Label[] {
  const taken: { left: number; right: number; y: number }[] = points.map(({ x, y }) => ({ left: x - 6, right: x + 6, y }))
  const placed: Label[] = []
  for (const { id, text, x, y } of points) {
    const width = text.length * CHARACTER
    const spots = [[x + 10, y], [x - 10 - width, y], [x + 10, y - LINE], [x + 10, y + LINE], [x - width / 2, y - LINE - 4], [x - width / 2, y + LINE + 4]] as const
    const spot = spots.find(([left, middle]) => left >= box.left && left + width <= box.right && middle >= box.top + 4 && middle <= box.bottom - 4 && !taken.some((other) => Math.abs(other.y - middle) < LINE && left < other.right && other.left < left + width))
    if (spot === undefined) continue
    taken.push({ left: spot[0], right: spot[0] + width, y: spot[1] })
    placed.push({ id, text, x: spot[0], y: spot[1] })
  }
  return placed
}

/** A mark of its own for each kind, so that colour is not all that tells them apart. */
export function markPath(kind: Kind, x: number, y: number, radius = 5.5): string {
  const r = radius
  if (kind === 'lora') return `M${x - r},${y - r}H${x + r}V${y + r}H${x - r}Z`
  if (kind === 'rag') return `M${x},${y - r * 1.25}L${x + r * 1.2},${y + r * 0.9}H${x - r * 1.2}Z`
  if (kind === 'pretrain') return `M${x},${y - r * 1.3}L${x + r * 1.3},${y}L${x},${y + r * 1.3}L${x - r * 1.3},${y}Z`
  return `M${x - r},${y}a${r},${r} 0 1,0 ${2 * r},0a${r},${r} 0 1,0 ${-2 * r},0Z`
}

export const kindColor = (kind: Kind): string => `var(--run-${{ prompt: 0, lora: 1, rag: 2, pretrain: 3 }[kind]})`
