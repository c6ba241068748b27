import type { ChartDataset } from 'chart.js'
import type { Band } from './bands.js'
import { ASIDE } from './chart-setup.js'
import { linesOf, type ChartSeries, type Point } from './lines.js'
import { canvasRunColor, runDash, themeColor } from './palette.js'

export type LineDataset = ChartDataset<'line', Point[]>

export interface LineLook {
  smoothing: number
  /** The series to stand out; all others are drawn faint. Empty: none. */
  highlighted: ReadonlySet<string>
}

const EVALUATION_DOT = 2.5
/** Marks on the frame are drawn whole. */
const EDGE_PX = 6
const faint = (color: string, alpha: number): string => `${color}${Math.round(alpha * 255).toString(16).padStart(2, '0')}`

/** In painting order: bands, then raw lines, then the lines themselves. */
export function lineDatasets(series: readonly ChartSeries[], look: LineLook): { bands: Band[]; datasets: LineDataset[] } {
  const bands: Band[] = []
  const behind: LineDataset[] = []
  const front: LineDataset[] = []
  const grey = themeColor('--line-strong')
  for (const one of inOrder(series, look)) {
    const isHighlighted = look.highlighted.has(one.id)
    const isFaint = look.highlighted.size > 0 && !isHighlighted
    const own = one.isGrey === true && !isHighlighted ? grey : canvasRunColor(one.slot)
    const color = isFaint ? faint(own, 0.18) : own
    const lines = linesOf(one, look.smoothing)
    if (lines.low && lines.high && !isFaint && one.isGrey !== true) bands.push({ low: lines.low, high: lines.high, color: faint(own, 0.14) })
    if (lines.raw && !isFaint) behind.push({ ...aside(lines.raw), borderColor: faint(own, 0.25), borderWidth: 1 })
    if (lines.broken.length > 0) {
      front.push({ ...aside(lines.broken), showLine: false, pointStyle: 'crossRot', pointRadius: 5, borderColor: color, borderWidth: 2 })
    }
    const isSparse = one.role === 'eval' || one.buckets.length === 1
    front.push({
      ...aside(lines.line),
      label: one.label,
      borderColor: color,
      backgroundColor: color,
      borderWidth: isHighlighted ? 2.5 : one.isGrey === true ? 1 : one.role === 'eval' ? 1.75 : 1.5,
      borderDash: runDash(one.slot, one.role),
      pointRadius: isSparse && one.buckets.length <= 80 ? EVALUATION_DOT : 0,
    })
  }
  return { bands, datasets: [...behind, ...front] }
}

/** Lowest and highest value that is drawn and finite; on a logarithmic axis, above 0. Null without one. */
export function reachOf({ bands, datasets }: { bands: readonly Band[]; datasets: readonly LineDataset[] }, isLog: boolean): { least: number; most: number } | null {
  let [least, most] = [Infinity, -Infinity]
  for (const points of [...bands.flatMap(({ low, high }) => [low, high]), ...datasets.map(({ data }) => data)]) {
    for (const { y } of points) {
      if (!Number.isFinite(y) || (isLog && y <= 0)) continue
      if (y < least) least = y
      if (y > most) most = y
    }
  }
  return most < least ? null : { least, most }
}

/** Grey lines lie below the coloured ones, and what stands out lies on top. */
function inOrder(series: readonly ChartSeries[], { highlighted }: LineLook): ChartSeries[] {
  const rank = (one: ChartSeries): number => (highlighted.has(one.id) ? 2 : one.isGrey === true ? 0 : 1)
  return [...series].sort((a, b) => rank(a) - rank(b))
}

function aside(data: Point[]): LineDataset {
  return { label: ASIDE, data, pointRadius: 0, pointHoverRadius: 3, tension: 0, spanGaps: false, clip: EDGE_PX, animation: false, normalized: false }
}
