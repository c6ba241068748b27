import { type ExpectedCost, fromWire, type MetricSummary, type Run } from '../contracts/index.js'

/** Aligns columns for a terminal; columns named in `right` are set flush right, as numbers are. */
export function table(header: string[], rows: string[][], right: Set<number> = new Set()): string {
  const widths = header.map((title, column) => Math.max(title.length, ...rows.map((row) => (row[column] ?? '').length)))
  const line = (cells: string[]) => cells.map((cell, column) => (right.has(column) ? cell.padStart(widths[column] ?? 0) : cell.padEnd(widths[column] ?? 0))).join('  ').trimEnd()
  return [line(header), widths.map((width) => '─'.repeat(width)).join('  '), ...rows.map(line)].join('\n')
}

/** For example `0.842 [0.796, 0.879] n=300`; proportions in the unit of the metric, never without n. */
export function score(summary: MetricSummary | undefined): string {
  if (!summary) return '–'
  const mean = number(fromWire(summary.mean))
  const interval = summary.low === null || summary.high === null ? '' : ` [${number(fromWire(summary.low))}, ${number(fromWire(summary.high))}]`
  return `${mean}${interval} n=${summary.n}`
}

export function number(value: number, digits = 3): string {
  if (!Number.isFinite(value)) return String(value)
  if (value !== 0 && (Math.abs(value) >= 100_000 || Math.abs(value) < 0.001)) return value.toExponential(2)
  return value.toFixed(Math.abs(value) >= 100 ? 1 : digits)
}

export function milliseconds(value: number | null | undefined): string {
  if (value === null || value === undefined) return '–'
  return value >= 10_000 ? `${(value / 1000).toFixed(1)} s` : `${value.toFixed(value < 10 ? 1 : 0)} ms`
}

export function duration(ms: number): string {
  const seconds = Math.max(0, Math.round(ms / 1000))
  if (seconds < 60) return `${seconds} s`
  const minutes = Math.floor(seconds / 60)
  return minutes < 60 ? `${minutes} min ${seconds % 60} s` : `${Math.floor(minutes / 60)} h ${minutes % 60} min`
}

/** US dollars; a cost that is not known says so and is never shown as 0. */
export function dollars(value: number | null | undefined): string {
  if (value === null || value === undefined) return 'unknown'
  return `$${value < 0.01 ? value.toPrecision(2) : value.toFixed(2)}`
}

/** For example `$52.00 [$27.10, $99.40]`; null where the cost of answers is not known. */
export function expected(cost: ExpectedCost | null | undefined): string {
  if (cost == null) return 'unknown'
  const signed = (value: number): string => (value < 0 ? `−${dollars(-value)}` : dollars(value))
  return `${signed(cost.per1000Usd)}${cost.low === null || cost.high === null ? '' : ` [${signed(cost.low)}, ${signed(cost.high)}]`}`
}

export function bytes(value: number): string {
  const units = ['B', 'KB', 'MB', 'GB', 'TB']
  let index = 0
  while (value >= 1000 && index < units.length - 1) {
    value /= 1000
    index++
  }
  return `${index === 0 ? value : value.toFixed(1)} ${units[index]}`
}

/** Floating-point operations. */
export function operations(value: number): string {
  const units = ['FLOP', 'kFLOP', 'MFLOP', 'GFLOP', 'TFLOP', 'PFLOP', 'EFLOP']
  const index = Math.min(units.length - 1, Math.max(0, Math.floor(Math.log10(Math.max(1, value)) / 3)))
  return `${(value / 1000 ** index).toFixed(index === 0 ? 0 : 1)} ${units[index]}`
}

/** One line that tells how far a run is: bar, share, loss and time left. */
export function progressLine(run: Run, nowMs: number, nameWidth: number): string {
  const name = run.name.padEnd(nameWidth)
  if (run.status !== 'running') return `${name}  ${run.status}${run.error ? `: ${run.error.message}` : run.race?.reason ? `: ${run.race.reason}` : ''}`
  const progress = run.progress
  const share = progress ? Math.min(1, progress.done / progress.total) : 0
  const width = 24
  const bar = '█'.repeat(Math.round(share * width)).padEnd(width, '░')
  const parts = [`${name}  ${bar} ${(share * 100).toFixed(0).padStart(3)} %`]
  if (progress) parts.push(`${progress.done}/${progress.total} ${progress.unit}`)
  const loss = run.latest['eval/loss'] ?? run.latest['train/loss']
  if (loss !== undefined) parts.push(`loss ${number(fromWire(loss))}`)
  const elapsedMs = run.startedAt ? nowMs - Date.parse(run.startedAt) : 0
  if (share > 0.02) parts.push(`${duration((elapsedMs * (1 - share)) / share)} left`)
  if (progress?.message) parts.push(progress.message)
  return parts.join('  ')
}
