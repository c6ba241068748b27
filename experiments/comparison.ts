import { AppError, type Comparison, type ComparisonExample, type Example, fromWire, type PairedTest, type Run } from '../server/contracts/index.js'
import { findingSentence } from './finding.js'
import { type Metric, METRICS } from './metrics.js'
import { paretoFront } from './pareto.js'
import { holm } from './statistics/multiplicity.js'
import { comparePaired } from './statistics/paired.js'
import { scoreOf, summarizeCost, summarizeLatency, summarizeMetric } from './summary.js'

/** What a comparison reads of an example. */
export type ComparedExample = Pick<
  Example,
  'itemId' | 'cluster' | 'input' | 'output' | 'target' | 'status' | 'scores' | 'latencyMs' | 'ttftMs' | 'tokensIn' | 'tokensOut' | 'costUsd'
>

export interface ComparedRun {
  run: Run
  examples: readonly ComparedExample[]
}

export interface ComparisonRequest {
  metric: string
  baselineId: string
  runs: readonly ComparedRun[]
  /** Which rows of examples come back; all are counted in the statistics. */
  rows?: { offset: number; limit: number; onlyDifferent?: boolean }
}

const SIGNIFICANT = 0.05
const DEFAULT_ROWS = { offset: 0, limit: 100 }

/**
 * Compares runs on one metric, each against the baseline, paired by item: differences with 95 %
 * intervals, Holm-corrected p-values, verdicts, the Pareto front and the finding in a sentence.
 * A verdict needs both a corrected p below 0.05 and an interval without 0. Pure; linear in the
 * number of examples. Throws AppError `invalid_request` for a metric or baseline that is not there.
 */
export function compareRuns(request: ComparisonRequest): Comparison {
  const metric = METRICS[request.metric]
  if (!metric) throw new AppError('invalid_request', `there is no metric ${request.metric}; there are ${Object.keys(METRICS).join(', ')}`)
  const baseline = request.runs.find(({ run }) => run.id === request.baselineId)
  if (!baseline) throw new AppError('invalid_request', `the baseline ${request.baselineId} is not among the compared runs`)
  const others = request.runs.filter((other) => other !== baseline)
  const tests = correct(others.flatMap((other) => pairedTest(other, baseline, { id: request.metric, ...metric }) ?? []), metric)
  const names = distinctNames(request.runs.map(({ run }) => run))
  const { examples, totalExamples } = exampleRows(request, baseline)
  return {
    metric: request.metric,
    metrics: sharedMetrics(request.runs),
    higherIsBetter: metric.higherIsBetter,
    baselineId: request.baselineId,
    sentence: findingSentence(tests, names, metric),
    runs: describeRuns(request.runs, { id: request.metric, ...metric }),
    tests,
    warnings: warningsOf({ ...request, baseline, others, names }),
    examples,
    totalExamples,
  }
}

type NamedMetric = Metric & { id: string }

function pairedTest(other: ComparedRun, baseline: ComparedRun, metric: NamedMetric): PairedTest | null {
  const scores = new Map(other.examples.map((example) => [example.itemId, scoreOf(example, metric.id)]))
  const pairs = { run: [] as number[], baseline: [] as number[], clusters: [] as (string | null)[] }
  for (const example of baseline.examples) {
    const [run, reference] = [scores.get(example.itemId) ?? null, scoreOf(example, metric.id)]
    if (run === null || reference === null || !Number.isFinite(run) || !Number.isFinite(reference)) continue
    pairs.run.push(run)
    pairs.baseline.push(reference)
    pairs.clusters.push(example.cluster)
  }
  if (pairs.run.length === 0) return null
  const isBit = (value: number): boolean => value === 0 || value === 1
  const binary = metric.estimator === 'proportion' && pairs.run.every(isBit) && pairs.baseline.every(isBit)
  const { pNonInferior: _pNonInferior, ...result } = comparePaired({ ...pairs, binary })
  // Wins and losses are told in terms of better and worse, not of larger and smaller.
  const [wins, losses] = metric.higherIsBetter ? [result.wins, result.losses] : [result.losses, result.wins]
  return { runId: other.run.id, baselineId: baseline.run.id, ...result, wins, losses, pAdjusted: null, verdict: 'not distinguishable' }
}

function correct(tests: readonly PairedTest[], metric: Metric): PairedTest[] {
  const adjusted = holm(tests.map(({ p }) => p))
  return tests.map((test, index) => {
    const pAdjusted = adjusted[index] ?? null
    const isClear = pAdjusted !== null && pAdjusted < SIGNIFICANT && test.low !== null && test.high !== null && (test.low > 0 || test.high < 0)
    const isBetter = test.difference > 0 === metric.higherIsBetter
    return { ...test, pAdjusted, verdict: isClear ? (isBetter ? 'better' : 'worse') : 'not distinguishable' }
  })
}

/** Run names are unique within an experiment only. */
function distinctNames(runs: readonly Run[]): Map<string, string> {
  const count = (name: string): number => runs.filter((run) => run.name === name).length
  return new Map(runs.map((run) => [run.id, count(run.name) > 1 ? `${run.experimentName}: ${run.name}` : run.name]))
}

function sharedMetrics(runs: readonly ComparedRun[]): string[] {
  return Object.keys(METRICS).filter((id) => runs.every(({ examples }) => examples.some((example) => example.scores[id] !== undefined)))
}

function describeRuns(runs: readonly ComparedRun[], metric: NamedMetric): Comparison['runs'] {
  const rows = runs.map(({ run, examples }) => {
    const summary = examples.length === 0 ? null : summarizeMetric(metric.id, examples)
    const latencyP50Ms = summarizeLatency(examples)?.p50Ms ?? null
    const costUsd = run.summary?.costUsd ?? summarizeCost(examples).costUsd
    return { run, summary, latencyP50Ms, costUsd }
  })
  const front = paretoFront(
    rows.map(({ summary, latencyP50Ms, costUsd }) => {
      const mean = summary === null ? NaN : fromWire(summary.mean)
      return { quality: Number.isNaN(mean) ? null : metric.higherIsBetter ? mean : -mean, latencyMs: latencyP50Ms, costUsd }
    }),
  )
  return rows.map(({ run, summary, latencyP50Ms, costUsd }, index) => ({
    id: run.id,
    name: run.name,
    experimentName: run.experimentName,
    kind: run.kind,
    status: run.status,
    colorSlot: run.colorSlot,
    summary,
    latencyP50Ms,
    costUsd,
    paretoOptimal: front[index] ?? false,
  }))
}

function warningsOf({ runs, metric, baseline, others, names }: ComparisonRequest & { baseline: ComparedRun; others: readonly ComparedRun[]; names: Map<string, string> }): string[] {
  const nameOf = ({ run }: ComparedRun): string => names.get(run.id) ?? run.name
  const warnings: string[] = []
  const items = new Set(baseline.examples.map(({ itemId }) => itemId))
  for (const other of others) {
    warnings.push(...datasetWarnings(other, baseline, nameOf))
    const shared = other.examples.filter(({ itemId }) => items.has(itemId)).length
    const differ = items.size + other.examples.length - 2 * shared
    if (shared === 0) warnings.push(`${nameOf(other)} and ${nameOf(baseline)} have no item in common, so they cannot be compared in pairs.`)
    else if (differ > 0) warnings.push(`${nameOf(other)} and ${nameOf(baseline)} were not run on the same items: ${shared} are shared and compared, ${differ} are not.`)
  }
  for (const each of runs) {
    const missing = each.examples.filter((example) => scoreOf(example, metric) === null)
    const errors = missing.filter(({ status }) => status === 'error').length
    if (missing.length === 0) continue
    warnings.push(`${nameOf(each)} has no score for ${missing.length} of ${each.examples.length} items (${errors} failed, ${missing.length - errors} unscored); they are left out, not counted as wrong.`)
  }
  for (const each of runs) {
    if (each.run.status !== 'succeeded') warnings.push(`${nameOf(each)} is ${each.run.status}: its figures cover the ${each.examples.length} items done so far.`)
  }
  if (runs.length > 2) warnings.push(`The best of ${runs.length} runs was picked on the same items that measure it, so its score is probably too good (winner’s curse); confirm it on items held out.`)
  return warnings
}

function datasetWarnings(other: ComparedRun, baseline: ComparedRun, nameOf: (run: ComparedRun) => string): string[] {
  if (other.run.dataset !== baseline.run.dataset) return [`${nameOf(other)} ran on the dataset ${other.run.dataset}, ${nameOf(baseline)} on ${baseline.run.dataset}.`]
  const [hash, reference] = [other.run.environment?.datasetHash, baseline.run.environment?.datasetHash]
  if (hash === undefined || reference === undefined || hash === reference) return []
  return [`${nameOf(other)} and ${nameOf(baseline)} ran on different versions of the dataset ${baseline.run.dataset} (${hash.slice(0, 8)} and ${reference.slice(0, 8)}).`]
}

/** Rows of examples by item, in the order of the baseline, then items that only other runs have. */
function exampleRows({ runs, metric, rows = DEFAULT_ROWS }: ComparisonRequest, baseline: ComparedRun): Pick<Comparison, 'examples' | 'totalExamples'> {
  const byRun = [baseline, ...runs.filter((run) => run !== baseline)].map(({ run, examples }) => ({ id: run.id, examples: new Map(examples.map((example) => [example.itemId, example])) }))
  const ids = new Set<string>()
  for (const { examples } of byRun) for (const id of examples.keys()) ids.add(id)
  const isDifferent = (id: string): boolean => {
    const scores = byRun.map(({ examples }) => examples.get(id)).map((example) => (example ? scoreOf(example, metric) : null))
    return scores.some((score) => score !== scores[0])
  }
  const wanted = rows.onlyDifferent ? [...ids].filter(isDifferent) : [...ids]
  const examples = wanted.slice(rows.offset, rows.offset + rows.limit).map((itemId): ComparisonExample => {
    const found = byRun.flatMap(({ id, examples: all }) => {
      const example = all.get(itemId)
      return example ? [{ id, example }] : []
    })
    const cells = found.map(({ id, example }) => [id, { output: example.output, score: example.scores[metric] ?? null, status: example.status }])
    return { itemId, input: found[0]?.example.input ?? '', target: found[0]?.example.target ?? null, cells: Object.fromEntries(cells) }
  })
  return { examples, totalExamples: wanted.length }
}
