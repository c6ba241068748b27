import type { Chart, Plugin } from 'chart.js'
import { chartTheme } from './chart-setup.js'
import type { Mark } from './lines.js'

/** Vertical lines with a word at their head, drawn over the curves; and the pointer's own line under them. */
export function stepMarks(marks: () => readonly Mark[]): Plugin {
  return {
    id: 'stepMarks',
    afterDatasetsDraw(chart) {
      const theme = chartTheme()
      const active = chart.getActiveElements()[0]
      if (active !== undefined) stroke(chart, active.element.x, theme.line, [])
      let row = 0
      for (const mark of marks()) {
        const x = chart.scales['x']?.getPixelForValue(mark.x) ?? Number.NaN
        if (!(x >= chart.chartArea.left - 1 && x <= chart.chartArea.right + 1)) continue
        if (mark.kind === 'tick') {
          tick(chart, x, theme.text)
          continue
        }
        const color = { good: theme.good, bad: theme.bad, plain: theme.text }[mark.kind]
        stroke(chart, x, color, [3, 3])
        label(chart, { x, text: mark.label, color, ground: theme.surface, row: row++ })
      }
    },
  }
}

function tick({ ctx, chartArea }: Chart, x: number, color: string): void {
  ctx.save()
  ctx.fillStyle = color
  ctx.beginPath()
  ctx.moveTo(x, chartArea.bottom - 7)
  ctx.lineTo(x - 4, chartArea.bottom)
  ctx.lineTo(x + 4, chartArea.bottom)
  ctx.fill()
  ctx.restore()
}

function stroke({ ctx, chartArea }: Chart, x: number, color: string, dash: number[]): void {
  ctx.save()
  ctx.strokeStyle = color
  ctx.lineWidth = 1
  ctx.setLineDash(dash)
  ctx.beginPath()
  ctx.moveTo(x, chartArea.top)
  ctx.lineTo(x, chartArea.bottom)
  ctx.stroke()
  ctx.restore()
}

function label({ ctx, chartArea }: Chart, { x, text, color, ground, row }: { x: number; text: string; color: string; ground: string; row: number }): void {
  ctx.save()
  ctx.font = '600 11px system-ui, sans-serif'
  const width = ctx.measureText(text).width + 8
  const left = Math.min(Math.max(x + 4, chartArea.left), chartArea.right - width)
  const top = chartArea.top + 2 + row * 18
  ctx.globalAlpha = 0.88
  ctx.fillStyle = ground
  ctx.fillRect(left, top, width, 16)
  ctx.globalAlpha = 1
  ctx.fillStyle = color
  ctx.textBaseline = 'middle'
  ctx.fillText(text, left + 4, top + 8.5)
  ctx.restore()
}
