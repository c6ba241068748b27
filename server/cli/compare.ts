/* `compare` and `plan`: the evidence, and how much of it is needed. */
import type { Comparison, PairedTest, Plan } from '../contracts/index.js'
import type { Client } from './client.js'
import type { Output } from './commands.js'
import { dollars, expected, milliseconds, number, score, table } from './format.js'

export interface CompareOptions {
  runs: string[]
  metric: string | undefined
  /** δ of the non-inferiority question, in the unit of the metric. */
  margin: number | undefined
  /** US dollars of an error. */
  errorCostUsd: number | undefined
  isPooled: boolean
  isMarkdown: boolean
}

export async function compare(client: Client, output: Output, { runs, metric, margin, errorCostUsd, isPooled, isMarkdown }: CompareOptions): Promise<void> {
  const query = new URLSearchParams({
    runs: runs.join(','),
    limit: '0',
    ...(metric === undefined ? {} : { metric }),
    ...(margin === undefined ? {} : { margin: String(margin) }),
    ...(errorCostUsd === undefined ? {} : { errorCostUsd: String(errorCostUsd) }),
    ...(isPooled ? { repeats: 'pooled' } : {}),
  })
  const comparison = await client.get<Comparison>(`/api/compare?${query}`)
  output.print(output.json ? JSON.stringify(comparison) : report(comparison, isMarkdown ? markdown : table))
}

type Draw = (header: string[], rows: string[][], right?: Set<number>) => string

/** A table as GitHub and most wikis draw it. */
export function markdown(header: string[], rows: string[][], right: Set<number> = new Set()): string {
  const line = (cells: string[]): string => `| ${cells.map((cell) => cell.replaceAll('|', '\\|').replaceAll('\n', ' ')).join(' | ')} |`
  return [line(header), line(header.map((_, column) => (right.has(column) ? '---:' : '---'))), ...rows.map(line)].join('\n')
}

function testRow(test: PairedTest, name: string, hasErrorCost: boolean): string[] {
  return [
    name,
    String(test.n),
    `${number(test.difference)}${test.low === null || test.high === null ? '' : ` [${number(test.low)}, ${number(test.high)}]`}`,
    `${test.wins}/${test.losses}/${test.ties}`,
    test.pAdjusted === null ? '–' : number(test.pAdjusted),
    test.minimumDetectable === null ? '–' : number(test.minimumDetectable),
    test.verdict,
    ...(test.nonInferiority === null ? [] : [test.nonInferiority.verdict]),
    ...(hasErrorCost ? [expected(test.expectedCost)] : []),
  ]
}

/** The finding first, then the figures behind it, then what may make it unfair. */
export function report(comparison: Comparison, draw: Draw): string {
  const names = new Map(comparison.runs.map((run) => [run.id, run.name]))
  const hasErrorCost = comparison.errorCostUsd !== null
  const inBest = new Set(comparison.best.runIds)
  const runs = comparison.runs.map((run) => [run.id, `${run.experimentName} · ${run.name}`, score(run.summary ?? undefined), inBest.has(run.id) ? 'yes' : 'no', milliseconds(run.latencyP50Ms), dollars(run.costUsd), run.pareto ?? '–', ...(hasErrorCost ? [expected(run.expectedCost)] : [])])
  const tests = comparison.tests.map((test) => testRow(test, names.get(test.runId) ?? test.runId, hasErrorCost))
  const correction = comparison.correction === 'holm' ? 'Holm' : 'Benjamini–Hochberg'
  const notWorse = comparison.margin === null ? [] : [`worse by ${number(comparison.margin)}?`]
  const at = comparison.errorCostUsd === null ? [] : [`per 1,000 at ${dollars(comparison.errorCostUsd)} an error [95 %]`]
  const sentences = [comparison.sentence, comparison.best.sentence, ...comparison.tests.flatMap((test) => test.nonInferiority?.sentence ?? [])].filter((sentence) => sentence !== '')
  return [
    sentences.join('\n\n'),
    draw(['id', 'run', comparison.metric, 'may be best', 'p50', 'cost', 'Pareto front', ...at], runs, new Set([4, 5])),
    ...(tests.length === 0 ? [] : [draw(['against the baseline', 'n', 'difference [95 %]', 'wins/losses/ties', `p (${correction})`, 'detectable at 80 %', 'verdict', ...notWorse, ...at], tests, new Set([1, 4, 5]))]),
    ...comparison.warnings.map((warning) => `Note: ${warning}`),
  ].join('\n\n')
}

export interface PlanOptions {
  runs: string[]
  /** Sent as they are; the server says which of them it does not take. */
  asked: Record<string, string>
}

/** How many items a comparison needs; from two runs that were made, or from what is supposed. */
export async function plan(client: Client, output: Output, { runs, asked }: PlanOptions): Promise<void> {
  const query = new URLSearchParams({ ...asked, ...(runs.length === 0 ? {} : { runs: runs.join(',') }) })
  const made = await client.get<Plan>(`/api/plan?${query}`)
  if (output.json) return output.print(JSON.stringify(made))
  const unpaired = made.unpairedItems === null ? [] : [`Without pairing: ${made.unpairedItems.toLocaleString('en-US')} items for each run.`]
  output.print(
    [
      made.sentence,
      ...unpaired,
      table(['answers per item', 'items', 'answers per run'], made.byRepeats.map(({ repeats, items, answersPerRun }) => [repeats, items, answersPerRun].map(String)), new Set([0, 1, 2])),
      table(['items', 'smallest difference found'], made.byItems.map(({ items, detectable }) => [String(items), number(detectable)]), new Set([0, 1])),
    ].join('\n\n'),
  )
}
