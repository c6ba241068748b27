/** What the tables, the matrix and the charts of an experiment read off its runs. Pure. */
import { formatDuration } from '../../format.js'
import { say } from '../../i18n.js'
import type { Experiment, Run } from '../../../../server/contracts/run.js'
import type { MetricSummary } from '../../../../server/contracts/metric.js'
import { paretoFront } from '../../../../experiments/pareto.js'

export const meanOf = (run: Run, metric: string): number | null => {
  const mean = run.summary?.metrics[metric]?.mean
  return mean === undefined ? null : Number(mean)
}

/** The finished run with the best mean; null while none has one. */
export function bestRun(runs: readonly Run[], metric: string, higherIsBetter: boolean): Run | null {
  let best: Run | null = null
  for (const run of runs) {
    const [mean, record] = [meanOf(run, metric), best && meanOf(best, metric)]
    if (run.status !== 'succeeded' || mean === null || Number.isNaN(mean)) continue
    if (best === null || record === null || (higherIsBetter ? mean > record : mean < record)) best = run
  }
  return best
}

/** Milliseconds a running run still needs if it goes on as it did; null before anything is done. */
export function timeLeftMs(run: Pick<Run, 'status' | 'progress' | 'startedAt'>, now: number): number | null {
  const { progress, startedAt } = run
  if (run.status !== 'running' || progress === null || startedAt === null || progress.done <= 0) return null
  const elapsedMs = now - new Date(startedAt).getTime()
  return elapsedMs <= 0 ? null : (elapsedMs * (progress.total - progress.done)) / progress.done
}

export function progressText(run: Pick<Run, 'status' | 'progress' | 'startedAt'>, now: number): string {
  const { progress } = run
  if (progress === null) return ''
  const percent = `${Math.floor((100 * progress.done) / progress.total)} %`
  const left = timeLeftMs(run, now)
  return left === null || left <= 0 ? percent : say(`${percent}, ${formatDuration(left)} left`, `${percent}, faltam ${formatDuration(left)}`)
}

/** Metrics that any run reports, the primary one first. */
/** What the runs' summaries say of a metric; undefined before one has it. */
export function toldOf(runs: readonly Pick<Run, 'summary'>[], metric: string): MetricSummary | undefined {
  return runs.map(({ summary }) => summary?.metrics[metric]).find((told) => told !== undefined)
}

export function metricsOfRuns(experiment: Pick<Experiment, 'primaryMetric' | 'runs'>): string[] {
  const names = new Set([experiment.primaryMetric])
  for (const run of experiment.runs) for (const name of Object.keys(run.summary?.metrics ?? {})) names.add(name)
  return [...names]
}

export const valueKey = (value: unknown): string => JSON.stringify(value)

/** The runs of each crossing of two axes; several where the sweep has more axes or repeats. */
export function crossings(runs: readonly Run[], rowAxis: string | null, columnAxis: string): Map<string, Run[]> {
  const cells = new Map<string, Run[]>()
  for (const run of runs) {
    const key = cellKey(rowAxis === null ? null : run.varied[rowAxis], run.varied[columnAxis])
    const cell = cells.get(key)
    if (cell === undefined) cells.set(key, [run])
    else cell.push(run)
  }
  return cells
}

export const cellKey = (row: unknown, column: unknown): string => `${valueKey(row)}×${valueKey(column)}`

export interface CellScore {
  /** Mean over the finished repeats of the cell. */
  mean: number
  runs: Run[]
}

/** The best cell of a crossing. Repeats of one cell are averaged, never chosen between: the best of several seeds is luck. */
export function bestCell(runs: readonly Run[], metric: string, higherIsBetter: boolean): CellScore | null {
  const cells = new Map<number, { sum: number; runs: Run[] }>()
  for (const run of runs) {
    const mean = meanOf(run, metric)
    if (run.status !== 'succeeded' || mean === null || Number.isNaN(mean)) continue
    const cell = cells.get(run.cell) ?? { sum: 0, runs: [] }
    cells.set(run.cell, { sum: cell.sum + mean, runs: [...cell.runs, run] })
  }
  let best: CellScore | null = null
  for (const cell of cells.values()) {
    const mean = cell.sum / cell.runs.length
    if (best === null || (higherIsBetter ? mean > best.mean : mean < best.mean)) best = { mean, runs: cell.runs }
  }
  return best
}

export type TradeoffAxis = 'latency' | 'cost'

const tradeoffX = (run: Run, axis: TradeoffAxis): number | null =>
  axis === 'latency' ? (run.summary?.latency?.p50Ms ?? null) : (run.summary?.costUsd ?? null)

/** Runs that can be drawn on the plane of a metric and a price, with those on the front of both. */
export function tradeoff(runs: readonly Run[], metric: string, options: { axis: TradeoffAxis; higherIsBetter: boolean }): { run: Run; x: number; y: number; isFront: boolean }[] {
  const points = runs.flatMap((run) => {
    const [x, y] = [tradeoffX(run, options.axis), meanOf(run, metric)]
    return x === null || y === null || !Number.isFinite(y) ? [] : [{ run, x, y }]
  })
  const front = paretoFront(points.map(({ x, y }) => ({ quality: options.higherIsBetter ? y : -y, latencyMs: x, costUsd: null })))
  return points.map((point, index) => ({ ...point, isFront: front[index] === true }))
}
