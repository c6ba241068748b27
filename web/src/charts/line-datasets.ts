import type { ChartDataset } from 'chart.js'
import { ASIDE } from './chart-setup.js'
import { linesOf, type ChartSeries, type Point } from './lines.js'
import { canvasRunColor, runDash } from './palette.js'

type Dataset = ChartDataset<'line', Point[]>

export interface LineLook {
  smoothing: number
  /** The series to stand out; all others are drawn faint. Empty: none. */
  highlighted: ReadonlySet<string>
}

const EVALUATION_DOT = 2.5
/** Marks on the frame are drawn whole. */
const EDGE_PX = 6
const faint = (color: string, alpha: number): string => `${color}${Math.round(alpha * 255).toString(16).padStart(2, '0')}`

/** Datasets in painting order: bands and raw lines first, the lines themselves on top. */
export function lineDatasets(series: readonly ChartSeries[], look: LineLook): Dataset[] {
  const behind: Dataset[] = []
  const front: Dataset[] = []
  for (const one of series) {
    const isFaint = look.highlighted.size > 0 && !look.highlighted.has(one.id)
    const color = isFaint ? faint(canvasRunColor(one.slot), 0.18) : canvasRunColor(one.slot)
    const lines = linesOf(one.buckets, look.smoothing)
    if (lines.low && lines.high && !isFaint) {
      const band = faint(canvasRunColor(one.slot), 0.12)
      behind.push({ ...aside(lines.high), borderWidth: 0, fill: '+1', backgroundColor: band }, { ...aside(lines.low), borderWidth: 0 })
    }
    if (lines.raw && !isFaint) behind.push({ ...aside(lines.raw), borderColor: faint(canvasRunColor(one.slot), 0.25), borderWidth: 1 })
    if (lines.broken.length > 0) {
      front.push({ ...aside(lines.broken), showLine: false, pointStyle: 'crossRot', pointRadius: 5, borderColor: color, borderWidth: 2 })
    }
    const isSparse = one.role === 'eval' || one.buckets.length === 1
    front.push({
      ...aside(lines.line),
      label: one.label,
      borderColor: color,
      backgroundColor: color,
      borderWidth: one.role === 'eval' ? 1.75 : 1.5,
      borderDash: runDash(one.slot, one.role),
      pointRadius: isSparse && one.buckets.length <= 80 ? EVALUATION_DOT : 0,
    })
  }
  return [...behind, ...front]
}

function aside(data: Point[]): Dataset {
  return { label: ASIDE, data, pointRadius: 0, pointHoverRadius: 3, tension: 0, spanGaps: false, clip: EDGE_PX, fill: false, animation: false, normalized: false }
}
