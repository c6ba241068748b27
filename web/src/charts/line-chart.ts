/** A line chart on a canvas: made once with everything it shows, so that it lays itself out once. */
import { bandPlugin, type Band } from './bands.js'
import { axesOf, boundsOf, Chart, chartTheme, dressTooltip, TOOLTIP_LOOK } from './chart-setup.js'
import { lineDatasets, type LineDataset, type LineLook, reachOf } from './line-datasets.js'
import { endsOf, type ChartSeries, type Mark, type Point } from './lines.js'
import { stepMarks } from './step-marks.js'

export interface LineView extends LineLook {
  series: readonly ChartSeries[]
  marks: readonly Mark[]
  xLabel: string
  yLabel: string
  isLog: boolean
  isLogX: boolean
  /** The values cannot be higher than this. */
  most: number | null
  formatX: (value: number) => string
  formatY: (value: number) => string
}

/** What is drawn of a view, and in which theme's colours. */
export interface Drawing {
  bands: readonly Band[]
  datasets: LineDataset[]
}

type LinesOnCanvas = Chart<'line', Point[]>

export class LineCanvas {
  readonly chart: LinesOnCanvas
  drawing: Drawing
  #view: LineView

  /** @param size in pixels of the page; whoever makes the chart tells it when that changes, because to measure it here would lay out the page once for each chart */
  constructor(canvas: HTMLCanvasElement, view: LineView, { width, height, isPicture = false }: { width: number; height: number; isPicture?: boolean }) {
    this.#view = view
    this.drawing = lineDatasets(view.series, view)
    Object.assign(canvas, { width, height })
    this.chart = new Chart<'line', Point[]>(canvas, {
      type: 'line',
      data: { datasets: this.drawing.datasets },
      options: {
        parsing: false,
        animation: false,
        responsive: false,
        maintainAspectRatio: false,
        ...(isPicture ? { devicePixelRatio: 1, events: [] } : {}),
        interaction: { mode: 'nearestOfEach', axis: 'x', intersect: false },
        scales: this.#scales(),
        plugins: {
          tooltip: dressTooltip({
            ...TOOLTIP_LOOK,
            itemSort: (a, b) => (b.parsed.y ?? 0) - (a.parsed.y ?? 0),
            callbacks: {
              title: (items) => `${this.#view.xLabel} ${this.#view.formatX(items[0]?.parsed.x ?? 0)}`,
              label: (item) => {
                const same = item.parsed.x === item.chart.tooltip?.dataPoints[0]?.parsed.x
                return ` ${item.dataset.label}: ${this.#view.formatY(item.parsed.y ?? Number.NaN)}${same ? '' : ` (${this.#view.formatX(item.parsed.x ?? 0)})`}`
              },
            },
          }, chartTheme()),
        },
      },
      plugins: [bandPlugin(() => this.drawing.bands), stepMarks(() => this.#view.marks)],
    })
  }

  show(view: LineView): void {
    this.#view = view
    this.drawing = lineDatasets(view.series, view)
    const { data, options } = this.chart
    data.datasets = this.drawing.datasets
    options.scales = this.#scales()
    if (options.plugins?.tooltip) dressTooltip(options.plugins.tooltip, chartTheme())
    this.chart.update('none')
  }

  #scales(): ReturnType<typeof axesOf> {
    const { series, isLog, isLogX, most, xLabel, yLabel, formatX, formatY } = this.#view
    const reach = reachOf(this.drawing, isLog)
    const bounds = reach === null ? {} : boundsOf([reach.least, reach.most], most)
    return axesOf(chartTheme(), { x: xLabel, y: yLabel, isLog, isLogX, bounds, reach, ends: endsOf(series, isLogX), formatX, formatY })
  }
}
