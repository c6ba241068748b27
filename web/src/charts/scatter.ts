import type { Chart, Plugin } from 'chart.js'
import { chartTheme } from './chart-setup.js'
import { canvasRunColor } from './palette.js'

export interface ScatterPoint {
  id: string
  label: string
  slot: number
  href: string
  x: number
  y: number
  low: number | null
  high: number | null
  isFront: boolean
}

type Shown = () => readonly ScatterPoint[]

const MOST_LABELS = 14
const LABEL_LENGTH = 22

/** The front as stairs: between two of its runs the better value has not been reached yet. */
export function frontLine(shown: Shown): Plugin {
  return {
    id: 'frontLine',
    beforeDatasetsDraw(chart) {
      const front = shown().filter((point) => point.isFront).sort((a, b) => a.x - b.x)
      if (front.length < 2) return
      draw(chart, chartTheme().line, (place, { ctx }) => {
        ctx.setLineDash([4, 4])
        ctx.lineWidth = 1.5
        front.forEach((point, index) => {
          const { x, y } = place(point.x, point.y)
          const before = front[index - 1]
          if (before === undefined) ctx.moveTo(x, y)
          else {
            ctx.lineTo(x, place(before.x, before.y).y)
            ctx.lineTo(x, y)
          }
        })
        ctx.stroke()
      })
    },
  }
}

/** More intervals than these hide the points: then the front alone has its own drawn, and the others tell theirs on hover. */
export const MOST_WHISKERS = 60

export function whiskers(shown: Shown): Plugin {
  return {
    id: 'whiskers',
    beforeDatasetsDraw(chart) {
      const points = shown()
      for (const point of points.length <= MOST_WHISKERS ? points : points.filter(({ isFront }) => isFront)) {
        const { low, high } = point
        if (low === null || high === null) continue
        draw(chart, canvasRunColor(point.slot), (place, { ctx }) => {
          const bottom = place(point.x, low)
          const top = place(point.x, high)
          ctx.globalAlpha = 0.75
          ctx.lineWidth = 1.25
          ctx.moveTo(bottom.x, bottom.y)
          ctx.lineTo(top.x, top.y)
          for (const end of [bottom, top]) {
            ctx.moveTo(end.x - 4, end.y)
            ctx.lineTo(end.x + 4, end.y)
          }
          ctx.stroke()
        })
      }
    },
  }
}

/** Names beside the points of the front, as far as they find room; the others tell theirs on hover. */
export function pointLabels(shown: Shown): Plugin {
  return {
    id: 'pointLabels',
    afterDatasetsDraw(chart) {
      const points = shown()
      const named = points.length <= MOST_LABELS ? points : points.filter((point) => point.isFront).slice(0, MOST_LABELS)
      const taken: { x: number; y: number; width: number }[] = []
      const theme = chartTheme()
      draw(chart, theme.text, (place, { ctx, chartArea }) => {
        ctx.font = '11px system-ui, sans-serif'
        ctx.textBaseline = 'middle'
        for (const point of [...named].sort((a, b) => Number(b.isFront) - Number(a.isFront))) {
          const text = point.label.length > LABEL_LENGTH ? `${point.label.slice(0, LABEL_LENGTH - 1)}…` : point.label
          const width = ctx.measureText(text).width
          const at = place(point.x, point.y)
          const x = at.x + 10 + width > chartArea.right + 20 ? at.x - 10 - width : at.x + 10
          if (taken.some((other) => Math.abs(other.y - at.y) < 12 && x < other.x + other.width && other.x < x + width)) continue
          taken.push({ x, y: at.y, width })
          ctx.fillStyle = theme.surface
          ctx.fillRect(x - 2, at.y - 7, width + 4, 14)
          ctx.fillStyle = theme.text
          ctx.fillText(text, x, at.y)
        }
      })
    },
  }
}

type Place = (x: number, y: number) => { x: number; y: number }

function draw(chart: Chart, color: string, paint: (place: Place, chart: Chart) => void): void {
  const { ctx, scales } = chart
  const place: Place = (x, y) => ({ x: scales['x']?.getPixelForValue(x) ?? 0, y: scales['y']?.getPixelForValue(y) ?? 0 })
  ctx.save()
  ctx.beginPath()
  ctx.strokeStyle = color
  paint(place, chart)
  ctx.restore()
}
