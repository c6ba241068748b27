/** The spread about a line, filled straight onto the canvas: as datasets of the chart its two edges would cost as much as two more lines. */
import type { Chart, Plugin } from 'chart.js'
import type { Point } from './lines.js'

/** Lowest and highest at the same places; NaN interrupts both. */
export interface Band {
  low: readonly Point[]
  high: readonly Point[]
  color: string
}

/** Drawn under the lines, cut off at the frame of the chart. */
export function bandPlugin(bands: () => readonly Band[]): Plugin {
  return {
    id: 'bands',
    beforeDatasetsDraw(chart) {
      const { ctx, chartArea: { left, top, width, height } } = chart
      ctx.save()
      ctx.beginPath()
      ctx.rect(left, top, width, height)
      ctx.clip()
      for (const band of bands()) {
        ctx.fillStyle = band.color
        ctx.beginPath()
        for (const outline of outlinesOf(band, placerOf(chart))) {
          for (const [index, { x, y }] of outline.entries()) {
            if (index === 0) ctx.moveTo(x, y)
            else ctx.lineTo(x, y)
          }
          ctx.closePath()
        }
        ctx.fill()
      }
      ctx.restore()
    },
  }
}

/** From the units of the axes to pixels; what has no place on a logarithmic axis is NaN. */
export function placerOf({ scales }: Pick<Chart, 'scales'>): (point: Point) => Point {
  const [horizontal, vertical] = [scales['x'], scales['y']]
  const isLog = vertical?.type === 'logarithmic'
  return ({ x, y }) => ({ x: horizontal?.getPixelForValue(x) ?? Number.NaN, y: isLog && !(y > 0) ? Number.NaN : (vertical?.getPixelForValue(y) ?? Number.NaN) })
}

/** One closed outline for each stretch without a gap: along the highest values and back along the lowest. */
export function outlinesOf({ low, high }: Pick<Band, 'low' | 'high'>, place: (point: Point) => Point): Point[][] {
  const outlines: Point[][] = []
  let [above, below]: [Point[], Point[]] = [[], []]
  const close = (): void => {
    if (above.length > 0) outlines.push([...above, ...below.reverse()])
    ;[above, below] = [[], []]
  }
  for (const [index, top] of high.entries()) {
    const [upper, lower] = [place(top), place(low[index] ?? { x: Number.NaN, y: Number.NaN })]
    if (!Number.isFinite(upper.y) || !Number.isFinite(upper.x)) {
      close()
      continue
    }
    above.push(upper)
    // Below the foot of a logarithmic axis the band ends at the line it is known to reach.
    below.push(Number.isFinite(lower.y) ? lower : upper)
  }
  close()
  return outlines
}
