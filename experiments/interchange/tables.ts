/* Runs as tables: CSV with a row per answer (RFC 4180), Markdown with a row per run and metric. */
import { type Comparison, fromWire, type MetricSummary } from '../../server/contracts/index.js'
import { costBasisOf, expectedCost } from '../expected-cost.js'
import { csvRow } from './csv.js'
import { labelOf, metricsIn, type ReportedRun, type ReportFile } from './report.js'

const BEFORE = ['experiment', 'run_id', 'run', 'item_id', 'cluster', 'status']
const AFTER = ['input', 'output', 'target', 'error', 'latency_ms', 'ttft_ms', 'tokens_in', 'tokens_out', 'cost_usd', 'judge_cost_usd', 'cached']

/** What is not known is an empty cell, never 0. NaN and infinite scores stand by name. */
export function csvReport(reported: readonly ReportedRun[]): ReportFile[] {
  return [{ path: '', pieces: csvLines(reported) }]
}

function* csvLines(reported: readonly ReportedRun[]): Generator<string> {
  const metrics = metricsIn(reported)
  yield csvLine([...BEFORE, ...metrics, ...AFTER])
  for (const { run, examples } of reported) {
    for (const one of examples) {
      yield csvLine([
        run.experimentName, run.id, run.name, one.itemId, one.cluster, one.status,
        ...metrics.map((metric) => one.scores[metric]),
        one.input, one.output, one.target, one.error, one.latencyMs, one.ttftMs, one.tokensIn, one.tokensOut, one.costUsd, one.judgeCostUsd, one.cached ?? false,
      ])
    }
  }
}

function csvLine(cells: readonly (string | number | boolean | null | undefined)[]): string {
  return `${csvRow(cells.map((cell) => String(cell ?? '')))}\r\n`
}

/**
 * Each metric of each run with n and its 95 % interval, then what the paired comparison found.
 * @param options.comparison null where there is nothing to compare
 * @param options.errorCostUsd left out: what the comparison says, if anything
 */
export function markdownReport(reported: readonly ReportedRun[], { comparison, errorCostUsd }: { comparison: Comparison | null; errorCostUsd?: number | undefined }): ReportFile[] {
  const price = errorCostUsd ?? comparison?.errorCostUsd ?? null
  const withErrors = (run: ReportedRun['run'], metric: string): string[] => (price === null ? [] : [expectedText(run, metric, price)])
  const rows = reported.flatMap(({ run }) =>
    Object.entries(run.summary?.metrics ?? {}).map(([metric, summary]) => [
      labelOf(run), run.id, metric, figure(fromWire(summary.mean)), intervalText(summary), String(summary.n), String(summary.unscored ?? ''), String(summary.errors ?? ''),
      run.summary?.latency == null ? '' : figure(run.summary.latency.p50Ms), run.summary?.costUsd == null ? '' : run.summary.costUsd.toPrecision(4),
      ...withErrors(run, metric),
    ]),
  )
  const lines = [
    markdownRow(['Run', 'Id', 'Metric', 'Mean', '95 % interval', 'n', 'Unscored', 'Errors', 'p50 in ms', 'Cost in $', ...(price === null ? [] : [`1,000 requests at $${figure(price)} an error, in $`])]),
    `| --- | --- | --- | ---: | ---: | ---: | ---: | ---: | ---: | ---: |${price === null ? '' : ' ---: |'}`,
    ...rows.map(markdownRow),
    ...(comparison === null ? [] : ['', comparison.sentence, '', ...comparison.tests.map(({ sentence }) => `- ${sentence}`), ...comparison.warnings.map((warning) => `- Note: ${warning}`)]),
    '',
  ]
  return [{ path: '', pieces: [lines.join('\n')] }]
}

function expectedText({ summary }: ReportedRun['run'], metric: string, errorCostUsd: number): string {
  const basis = summary === null ? null : costBasisOf(summary, metric)
  const cost = basis === null ? null : expectedCost(basis, errorCostUsd)
  if (cost === null) return ''
  return `${figure(cost.per1000Usd)}${cost.low === null || cost.high === null ? '' : ` (${figure(cost.low)} to ${figure(cost.high)})`}`
}

function markdownRow(cells: readonly string[]): string {
  return `| ${cells.map((cell) => cell.replaceAll('|', '\\|').replaceAll(/\s*\n\s*/g, ' ')).join(' | ')} |`
}

function intervalText({ low, high }: MetricSummary): string {
  return low === null || high === null ? '' : `${figure(fromWire(low))} to ${figure(fromWire(high))}`
}

function figure(value: number): string {
  return Number.isFinite(value) ? String(Number(value.toPrecision(4))) : String(value)
}
