import type { Chart } from 'chart.js'
import type { Point } from './lines.js'

/** In the unit of the x axis. */
export interface XRange {
  from: number
  to: number
}

const LEAST_DRAG_PX = 8

/** Lets the pointer drag out a range along x. Returns what takes it away again. */
export function dragZoom(chart: Chart<'line', Point[]>, onrange: (range: XRange) => void): () => void {
  const { canvas } = chart
  const shade = document.createElement('div')
  shade.style.cssText = 'position:absolute;display:none;background:var(--accent);opacity:.15;pointer-events:none'
  canvas.parentElement?.append(shade)
  let startX: number | null = null

  const clamp = (x: number): number => Math.min(Math.max(x, chart.chartArea.left), chart.chartArea.right)
  const down = (event: PointerEvent): void => {
    if (event.button === 0 && event.pointerType === 'mouse') startX = clamp(event.offsetX)
  }
  const move = (event: PointerEvent): void => {
    if (startX === null) return
    const x = clamp(event.clientX - canvas.getBoundingClientRect().left)
    const { top, bottom } = chart.chartArea
    Object.assign(shade.style, { display: 'block', left: `${Math.min(startX, x)}px`, width: `${Math.abs(x - startX)}px`, top: `${top}px`, height: `${bottom - top}px` })
  }
  const up = (event: PointerEvent): void => {
    if (startX === null) return
    const x = clamp(event.clientX - canvas.getBoundingClientRect().left)
    const ends = [startX, x].map((pixel) => chart.scales['x']?.getValueForPixel(pixel) ?? 0)
    shade.style.display = 'none'
    const isDrag = Math.abs(x - startX) >= LEAST_DRAG_PX
    startX = null
    if (isDrag) onrange({ from: Math.min(...ends), to: Math.max(...ends) })
  }
  canvas.addEventListener('pointerdown', down)
  window.addEventListener('pointermove', move)
  window.addEventListener('pointerup', up)
  return () => {
    canvas.removeEventListener('pointerdown', down)
    window.removeEventListener('pointermove', move)
    window.removeEventListener('pointerup', up)
    shade.remove()
  }
}
