/** A line chart as a drawing of its own (SVG) with title, axes, legend and the ground of the theme: vectors, for reports and slides. Pure. */
import { outlinesOf, placerOf } from './bands.js'
import type { Chart, ChartTheme } from './chart-setup.js'
import type { Drawing } from './line-chart.js'
import type { LineDataset } from './line-datasets.js'
import type { Mark, Point } from './lines.js'
import { wrapWords } from './picture.js'

export interface LinePicture {
  /** Laid out at its size; its canvas is not read. */
  chart: Pick<Chart, 'width' | 'height' | 'chartArea' | 'scales'>
  drawing: Drawing
  marks: readonly Mark[]
  title: string
  theme: ChartTheme
  /** Width in pixels of a text at 12 pixels. */
  measure: (text: string) => number
}

export interface Svg {
  text: string
  width: number
  height: number
}

const [MARGIN, LINE, KEY_WIDTH, GAP, MOST_KEYS] = [24, 18, 30, 20, 60]
const FONT = 'system-ui, sans-serif'

export function lineSvg({ chart, drawing, marks, title, theme, measure }: LinePicture): Svg {
  const width = chart.width + 2 * MARGIN
  // Letters of the title are half as wide again as those of the texts.
  const head = wrapWords(title, chart.width / 1.5, measure)
  const keys = placeKeys(drawing.datasets.filter(({ label }) => label !== undefined && label !== ''), { width: chart.width, measure })
  const top = MARGIN + head.length * 24
  const below = top + chart.height + 12
  const height = below + keys.rows * LINE + MARGIN
  const body = [
    `<rect width="${width}" height="${height}" fill="${theme.surface}"/>`,
    ...head.map((line, index) => text({ x: MARGIN, y: MARGIN + 16 + index * 24 }, line, { fill: theme.strong, 'font-size': 18, 'font-weight': 650 })),
    `<g transform="translate(${MARGIN} ${top})">${axes(chart, theme)}${clip(chart)}<g clip-path="url(#frame)">${bandPaths(chart, drawing)}${drawing.datasets.map((dataset) => linePath(chart, dataset)).join('')}</g>${marks.map((mark, row) => markLine(chart, mark, { row, theme })).join('')}</g>`,
    `<g transform="translate(${MARGIN} ${below})">${keys.entries.map((key) => legendKey(key, theme)).join('')}</g>`,
  ]
  return { text: `<svg xmlns="http://www.w3.org/2000/svg" width="${width}" height="${height}" viewBox="0 0 ${width} ${height}" font-family="${FONT}" font-size="12">${body.join('\n')}</svg>`, width, height }
}

type Attributes = Record<string, string | number>

const escape = (value: string): string => value.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;').replaceAll('"', '&quot;')
const attributes = (values: Attributes): string => Object.entries(values).map(([name, value]) => ` ${name}="${escape(String(value))}"`).join('')
const text = ({ x, y }: Point, words: string, values: Attributes = {}): string => `<text x="${px(x)}" y="${px(y)}"${attributes(values)}>${escape(words)}</text>`
const line = (from: Point, to: Point, values: Attributes): string => `<path d="M${px(from.x)} ${px(from.y)}L${px(to.x)} ${px(to.y)}" fill="none"${attributes(values)}/>`
const px = (value: number): string => String(Math.round(value * 10) / 10)
const path = (points: readonly Point[]): string => points.map(({ x, y }, index) => `${index === 0 ? 'M' : 'L'}${px(x)} ${px(y)}`).join('')

function clip({ chartArea: { left, top, width, height } }: LinePicture['chart']): string {
  return `<clipPath id="frame"><rect x="${px(left)}" y="${px(top)}" width="${px(width)}" height="${px(height)}"/></clipPath>`
}

function axes({ chartArea, scales, height }: LinePicture['chart'], theme: ChartTheme): string {
  const { left, right, top, bottom } = chartArea
  const parts: string[] = []
  const label = (tick: { label?: string | readonly string[] | undefined }): string => (typeof tick.label === 'string' ? tick.label : (tick.label ?? []).join(' '))
  const [horizontal, vertical] = [scales['x'], scales['y']]
  for (const [index, tick] of (horizontal?.ticks ?? []).entries()) {
    const x = horizontal?.getPixelForTick(index) ?? Number.NaN
    parts.push(line({ x, y: top }, { x, y: bottom }, { stroke: theme.grid }), text({ x, y: bottom + 16 }, label(tick), { fill: theme.text, 'font-size': 11, 'text-anchor': 'middle' }))
  }
  for (const [index, tick] of (vertical?.ticks ?? []).entries()) {
    const y = vertical?.getPixelForTick(index) ?? Number.NaN
    parts.push(line({ x: left, y }, { x: right, y }, { stroke: theme.grid }), text({ x: left - 6, y: y + 4 }, label(tick), { fill: theme.text, 'font-size': 11, 'text-anchor': 'end' }))
  }
  const [xTitle, yTitle] = [horizontal, vertical].map((scale) => String((scale?.options as { title?: { text?: string } } | undefined)?.title?.text ?? ''))
  const middle = (top + bottom) / 2
  parts.push(text({ x: (left + right) / 2, y: height - 4 }, xTitle ?? '', { fill: theme.text, 'text-anchor': 'middle' }))
  parts.push(text({ x: 10, y: middle }, yTitle ?? '', { fill: theme.text, 'text-anchor': 'middle', transform: `rotate(-90 10 ${px(middle)})` }))
  return parts.join('')
}

function bandPaths(chart: LinePicture['chart'], { bands }: Drawing): string {
  return bands.map((band) => `<path d="${outlinesOf(band, placerOf(chart)).map((outline) => `${path(outline)}Z`).join('')}"${paint('fill', band.color)}/>`).join('')
}

/** Six digits and an opacity: not every program that reads SVG knows colours of eight. */
function paint(name: 'fill' | 'stroke', color: string): string {
  const alpha = /^#[0-9a-f]{8}$/i.test(color) ? Number.parseInt(color.slice(7), 16) / 255 : 1
  return ` ${name}="${alpha === 1 ? color : color.slice(0, 7)}"${alpha === 1 ? '' : ` ${name}-opacity="${px(alpha * 100)}%"`}`
}

function linePath(chart: LinePicture['chart'], dataset: LineDataset): string {
  const place = placerOf(chart)
  const points = dataset.data.map(place)
  const color = String(dataset.borderColor ?? '')
  if (dataset.showLine === false) return points.map(({ x, y }) => cross({ x, y }, color)).join('')
  const strokes = `<path d="${stretches(points).map(path).join('')}" fill="none"${paint('stroke', color)}${look(dataset)} stroke-linejoin="round"/>`
  const radius = Number(dataset.pointRadius ?? 0)
  // A point between two gaps has no line through it.
  const dots = stretches(points).flatMap((stretch) => (radius > 0 || stretch.length === 1 ? stretch : []))
  return strokes + dots.map(({ x, y }) => `<circle cx="${px(x)}" cy="${px(y)}" r="${radius || 1}"${paint('fill', color)}/>`).join('')
}

const look = ({ borderWidth, borderDash }: LineDataset): string => attributes({ 'stroke-width': Number(borderWidth ?? 1), ...(Array.isArray(borderDash) && borderDash.length > 0 ? { 'stroke-dasharray': borderDash.join(' ') } : {}) })
const cross = ({ x, y }: Point, color: string): string => `<path d="M${px(x - 4)} ${px(y - 4)}l8 8m0 -8l-8 8"${paint('stroke', color)} stroke-width="2"/>`

function stretches(points: readonly Point[]): Point[][] {
  const found: Point[][] = [[]]
  for (const point of points) {
    if (Number.isFinite(point.x) && Number.isFinite(point.y)) found.at(-1)?.push(point)
    else found.push([])
  }
  return found.filter(({ length }) => length > 0)
}

function markLine({ chartArea, scales }: LinePicture['chart'], { x: at, label, kind }: Mark, { row, theme }: { row: number; theme: ChartTheme }): string {
  const x = scales['x']?.getPixelForValue(at) ?? Number.NaN
  const { left, right, top, bottom } = chartArea
  if (!(x >= left - 1 && x <= right + 1)) return ''
  if (kind === 'tick') return `<path d="M${px(x)} ${px(bottom - 7)}l-4 7h8Z" fill="${theme.text}"/>`
  const color = { good: theme.good, bad: theme.bad, plain: theme.text }[kind]
  const isLate = x > (left + right) / 2
  return line({ x, y: top }, { x, y: bottom }, { stroke: color, 'stroke-dasharray': '3 3' }) + text({ x: x + (isLate ? -4 : 4), y: top + 13 + (row % 6) * 16 }, label, { fill: color, 'font-size': 11, 'font-weight': 600, 'text-anchor': isLate ? 'end' : 'start' })
}

interface Key {
  at: Point
  label: string
  dataset: LineDataset | null
}

/** In rows as wide as the chart. Of very many lines the first are named and the rest counted. */
function placeKeys(datasets: readonly LineDataset[], { width, measure }: { width: number; measure: (text: string) => number }): { entries: Key[]; rows: number } {
  const named = datasets.slice(0, MOST_KEYS).map((dataset): Pick<Key, 'label' | 'dataset'> => ({ label: dataset.label ?? '', dataset }))
  if (datasets.length > MOST_KEYS) named.push({ label: `+ ${datasets.length - MOST_KEYS}`, dataset: null })
  let [x, row] = [0, 0]
  const entries = named.map((key): Key => {
    const room = KEY_WIDTH + measure(key.label) + GAP
    if (x > 0 && x + room > width) [x, row] = [0, row + 1]
    const at = { x, y: row * LINE + LINE / 2 }
    x += room
    return { ...key, at }
  })
  return { entries, rows: entries.length === 0 ? 0 : row + 1 }
}

function legendKey({ at, label, dataset }: Key, theme: ChartTheme): string {
  const swatch = dataset === null ? '' : `<path d="M${px(at.x)} ${px(at.y)}h${KEY_WIDTH - 6}"${paint('stroke', String(dataset.borderColor ?? ''))}${look(dataset)}/>`
  return swatch + text({ x: at.x + (dataset === null ? 0 : KEY_WIDTH), y: at.y + 4 }, label, { fill: theme.strong })
}
