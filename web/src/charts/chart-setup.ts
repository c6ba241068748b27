/** The one place that imports Chart.js, part by part, so that only what is drawn is sent. */
import {
  Chart,
  Interaction,
  LinearScale,
  LineController,
  LineElement,
  LogarithmicScale,
  PointElement,
  ScatterController,
  Tooltip,
  type ChartType,
  type InteractionItem,
  type InteractionModeFunction,
} from 'chart.js'
import { formatCount } from '../format.js'
import { nearestIndex, type Point } from './lines.js'
import { themeColor } from './palette.js'

declare module 'chart.js' {
  interface InteractionModeMap {
    nearestOfEach: InteractionModeFunction
  }
}

const MOST_TOOLTIP_ROWS = 12

Chart.register(LinearScale, LineController, LineElement, LogarithmicScale, PointElement, ScatterController, Tooltip)

/** One item per series, the one nearest to the pointer along x: series are logged at different steps. */
Interaction.modes.nearestOfEach = (chart, event) => {
  const scale = chart.scales['x']
  if (scale === undefined || event.x === null) return []
  const x = scale.getValueForPixel(event.x) ?? 0
  const items: InteractionItem[] = []
  for (const meta of chart.getSortedVisibleDatasetMetas()) {
    const data = chart.data.datasets[meta.index]?.data as Point[] | undefined
    if (data === undefined || meta.hidden || isAside(chart, meta.index)) continue
    const index = nearestIndex(data, x)
    const element = meta.data[index]
    if (element !== undefined) items.push({ element, datasetIndex: meta.index, index })
  }
  const distance = (item: InteractionItem): number => Math.abs(item.element.y - (event.y ?? 0))
  return items.sort((a, b) => distance(a) - distance(b)).slice(0, MOST_TOOLTIP_ROWS)
}

/** Bands, faint raw lines and marks belong to a line and have no row of their own in the tooltip. */
const isAside = (chart: Chart, index: number): boolean => chart.data.datasets[index]?.label === ASIDE
export const ASIDE = ''

export interface ChartTheme {
  text: string
  grid: string
  surface: string
  strong: string
  line: string
  good: string
  bad: string
}

export function chartTheme(): ChartTheme {
  return {
    text: themeColor('--chart-text'),
    grid: themeColor('--chart-grid'),
    surface: themeColor('--surface'),
    strong: themeColor('--text'),
    line: themeColor('--line-strong'),
    good: themeColor('--good'),
    bad: themeColor('--bad'),
  }
}

export interface Axes {
  x: string
  y: string
  isLog: boolean
  isLogX?: boolean
  bounds: { min?: number; max?: number }
  /** What is drawn beside the datasets must find room too. */
  reach?: { least: number; most: number } | null
  /** First and last x, where the axis is to end exactly there. */
  ends?: { min?: number; max?: number }
  formatX: (value: number) => string
  formatY: (value: number) => string
}

/** Ends of an axis that reach no further than the values can: below zero only where a value is, above 1 only where it may. */
export function boundsOf(values: readonly number[], most: number | null): { min?: number; max?: number } {
  const finite = values.filter(Number.isFinite)
  if (finite.length === 0) return {}
  const [low, high] = finite.reduce(([least, largest], value) => [Math.min(least, value), Math.max(largest, value)], [Infinity, -Infinity])
  const reach = (high - low) * 0.15
  return { ...(low >= 0 && low - reach < 0 ? { min: 0 } : {}), ...(most !== null && high <= most && high + reach > most ? { max: most } : {}) }
}

/** Colours, titles, bounds and the kind of y axis; everything else of the options is set once. */
export function dressAxes(chart: Chart<ChartType, Point[]>, theme: ChartTheme, axes: Axes): void {
  chart.options.scales = axesOf(theme, axes)
  if (chart.options.plugins?.tooltip) dressTooltip(chart.options.plugins.tooltip, theme)
}

export function axesOf(theme: ChartTheme, axes: Axes): { x: object; y: object } {
  const scale = (title: string, isLog: boolean, format: (value: number) => string, isWhole = false): object => ({
    type: isLog ? 'logarithmic' : 'linear',
    title: { display: title !== '', text: title, color: theme.text, font: { size: 11 } },
    ticks: { color: theme.text, font: { size: 11 }, maxRotation: 0, minRotation: 0, sampleSize: 8, maxTicksLimit: isLog ? 12 : 8, callback: (value: number) => format(value), ...(isWhole ? { precision: 0 } : {}) },
    grid: { color: theme.grid, drawTicks: false },
    border: { color: theme.grid },
  })
  // Side by side there is room for the labels of 1, 2 and 5 of each power of ten.
  const formatX = (value: number): string => (axes.isLogX && !/^[125]e/.test(value.toExponential()) ? '' : axes.formatX(value))
  const isWhole = axes.formatX === formatCount
  const reach = axes.reach == null ? {} : { suggestedMin: axes.reach.least, suggestedMax: axes.reach.most }
  return { x: { ...scale(axes.x, axes.isLogX ?? false, formatX, isWhole), grace: 0, ...axes.ends }, y: { ...scale(axes.y, axes.isLog, axes.formatY), grace: '4%', ...reach, ...(axes.isLog ? {} : axes.bounds) } }
}

export function dressTooltip<T extends object>(tooltip: T, theme: ChartTheme): T {
  return Object.assign(tooltip, { backgroundColor: theme.surface, titleColor: theme.strong, bodyColor: theme.strong, borderColor: theme.line })
}

export const TOOLTIP_LOOK = {
  borderWidth: 1,
  padding: 10,
  boxWidth: 8,
  boxHeight: 8,
  boxPadding: 4,
  titleFont: { size: 12 },
  bodyFont: { size: 12 },
  cornerRadius: 6,
  animation: false,
} as const

export { Chart }
