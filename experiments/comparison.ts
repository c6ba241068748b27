import { AppError, type Comparison, type CostBasis, type ExpectedCost, fromWire, type Run } from '../server/contracts/index.js'
import { costBasisOfColumns } from './answer-costs.js'
import { bestSet } from './best-set.js'
import { expectedCost } from './expected-cost.js'
import { fairnessWarnings } from './fairness.js'
import { bestSentence, findingSentence, nonInferioritySentence, testSentence } from './finding.js'
import { describeMetric, METRICS, type NamedMetric } from './metrics.js'
import { Pairwise, type PairwiseOptions } from './pairwise.js'
import { paretoStandings } from './pareto.js'
import { type Arm, apart, haveRepeats, pooled } from './repeats.js'
import { scoredOf, type ScoreColumns } from './score-columns.js'
import { normalQuantile } from './statistics/distributions.js'
import { summarizeLatencies, summarizeScores } from './summary.js'
import { type Language, type Telling, Wording } from './wording.js'

export interface ComparedRun {
  run: Run
  columns: ScoreColumns
}

/**
 * `test` left out: exact McNemar for 0/1 scores of independent items, else the permutation test.
 * `correction` holm (default): no false finding in 95 % of comparisons; bh: few among the findings.
 * `margin`: δ of the question whether a run is not worse than the baseline by δ or more.
 */
export interface ComparisonRequest extends PairwiseOptions {
  metric: string
  baselineId: string
  runs: readonly ComparedRun[]
  /** pooled: repeats of one cell are one side of the comparison, with an item's mean as its score. */
  repeats?: 'apart' | 'pooled' | undefined
  /** US dollars that an error costs: also asks what 1,000 requests cost with their errors. */
  errorCostUsd?: number | undefined
  /** Of the sentences; left out: English. */
  language?: Language | undefined
}

/** The statistics of a comparison; which items stand side by side is for `sides.ts`. */
export type ComparisonStatistics = Omit<Comparison, 'examples' | 'totalExamples'>

/**
 * Compares runs on one metric, each against the baseline, paired by item: differences with 95 %
 * intervals, corrected p-values, verdicts, non-inferiority, the set of runs that may be the best,
 * the Pareto front, and the findings in sentences. Pure; linear in the number of items.
 * @throws AppError `invalid_request` for a metric, baseline or test that is not there or does not fit
 */
export function compareRuns(request: ComparisonRequest): ComparisonStatistics {
  const metric = metricOf(request)
  const arms = request.repeats === 'pooled' ? pooled(request.runs) : apart(request.runs)
  const baseline = arms.find(({ runIds }) => runIds.includes(request.baselineId))
  if (!baseline) throw new AppError('invalid_request', `the baseline ${request.baselineId} is not among the compared runs`)
  const names = distinctNames(arms)
  const telling: Telling = { metric, wording: new Wording(request.language ?? 'en') }
  const nameOf = (id: string): string => names.get(id) ?? id
  const pairwise = new Pairwise(metric)
  const costOf = (basis: CostBasis | null): ExpectedCost | null => (basis === null || request.errorCostUsd === undefined ? null : expectedCost(basis, request.errorCostUsd))
  const runs = describeArms(arms, metric, pairwise).map((described) => Object.assign(described, { expectedCost: costOf(described.costBasis) }))
  const told = (id: string) => ({ name: nameOf(id), ...pricesOf(id, runs, arms) })
  const tests = pairwise.against(baseline, arms, request).map(({ nonInferiority, ...test }) => ({
    ...test,
    expectedCost: costOf(test.costBasis),
    sentence: testSentence(test, { run: nameOf(test.runId), baseline: nameOf(test.baselineId) }, telling),
    nonInferiority: nonInferiority && { ...nonInferiority, sentence: nonInferioritySentence({ ...test, nonInferiority }, { run: told(test.runId), baseline: told(test.baselineId) }, telling) },
  }))
  const best = bestArms(arms, runs, { metric, pairwise })
  return {
    metric: request.metric,
    metrics: sharedMetrics(arms),
    higherIsBetter: metric.higherIsBetter,
    baselineId: baseline.run.id,
    correction: request.correction ?? 'holm',
    margin: request.margin ?? null,
    errorCostUsd: request.errorCostUsd ?? null,
    repeats: request.repeats ?? 'apart',
    hasRepeats: haveRepeats(request.runs.map(({ run }) => run)),
    sentence: findingSentence(tests, names, telling),
    best: { runIds: best.map(({ run }) => run.id), sentence: bestSentence(best.map(({ run }) => nameOf(run.id)), runs.filter(({ summary }) => qualityOf(summary, metric) !== null).length, telling) },
    runs,
    tests,
    warnings: fairnessWarnings({ arms, baseline, ...telling, pairwise, nameOf }),
  }
}

function metricOf({ metric: id, runs }: ComparisonRequest): NamedMetric {
  const summaries = runs.flatMap(({ run }) => run.summary?.metrics[id] ?? [])
  const scored = [...new Set(runs.flatMap(({ columns }) => columns.metrics))]
  if (METRICS[id] === undefined && summaries.length === 0 && !scored.includes(id)) throw new AppError('invalid_request', `there is no metric ${id} in these runs; they have ${scored.join(', ') || 'none'}`)
  return describeMetric(id, summaries)
}

/** Run names are unique within an experiment only. */
function distinctNames(arms: readonly Arm[]): Map<string, string> {
  const named = Map.groupBy(arms, ({ name }) => name)
  return new Map(arms.map(({ run, name }) => [run.id, (named.get(name)?.length ?? 0) > 1 ? `${run.experimentName}: ${name}` : name]))
}

function sharedMetrics(arms: readonly Arm[]): string[] {
  const [first, ...others] = arms.map(({ columns }) => new Set(columns.metrics))
  const shared = [...(first ?? [])].filter((id) => others.every((metrics) => metrics.has(id)))
  const order = Object.keys(METRICS)
  const place = (id: string): number => (order.includes(id) ? order.indexOf(id) : order.length)
  return shared.sort((a, b) => place(a) - place(b))
}

function qualityOf(summary: Comparison['runs'][number]['summary'], { higherIsBetter }: NamedMetric): number | null {
  const mean = summary === null ? NaN : fromWire(summary.mean)
  return Number.isNaN(mean) ? null : higherIsBetter ? mean : -mean
}

function bestArms(arms: readonly Arm[], runs: Comparison['runs'], { metric, pairwise }: { metric: NamedMetric; pairwise: Pairwise }): Arm[] {
  const places = bestSet(runs.map(({ summary }) => qualityOf(summary, metric)), (place, leader) => {
    const [run, first] = [arms[place], arms[leader]]
    return run && first ? pairwise.pOf(run, first) : null
  })
  return places.flatMap((place) => arms[place] ?? [])
}

function pricesOf(id: string, runs: Comparison['runs'], arms: readonly Arm[]): { costPerItemUsd: number | null; latencyP50Ms: number | null } {
  const run = runs.find((one) => one.id === id)
  const items = arms.find((arm) => arm.run.id === id)?.columns.itemIds.length ?? 0
  return { costPerItemUsd: run?.costUsd == null || items === 0 ? null : run.costUsd / items / (run.runIds?.length ?? 1), latencyP50Ms: run?.latencyP50Ms ?? null }
}

function describeArms(arms: readonly Arm[], metric: NamedMetric, pairwise: Pairwise): Omit<Comparison['runs'][number], 'expectedCost'>[] {
  const rows = arms.map((arm) => {
    const { run, columns, runIds } = arm
    const summary = columns.itemIds.length === 0 ? null : summarizeScores(metric.id, scoredOf(columns), metric)
    const latency = summarizeLatencies(columns.latencies, columns.firstTokens, { hasMeanInterval: false })
    // Of pooled runs the answers are what is known; a single run may know more.
    const costUsd = runIds.length === 1 ? (run.summary?.costUsd ?? columns.costUsd) : columns.costUsd
    return { arm, summary, latency, costUsd, quality: qualityOf(summary, metric), latencyMs: latency?.p50Ms ?? null }
  })
  const critical = normalQuantile(1 - 0.05 / 2 / Math.max(1, rows.length - 1))
  const standings = paretoStandings(rows, (better, worse) => {
    const [run, other] = [arms[better], arms[worse]]
    return run !== undefined && other !== undefined && pairwise.zOf(run, other) > critical
  })
  return rows.map(({ arm: { run, name, runIds, answerVariance, columns }, summary, latency, costUsd }, index) => ({
    id: run.id,
    name,
    experimentName: run.experimentName,
    kind: run.kind,
    status: run.status,
    colorSlot: run.colorSlot,
    summary,
    latencyP50Ms: latency?.p50Ms ?? null,
    latency,
    costUsd,
    costBasis: summary === null ? null : costBasisOfColumns(metric.id, columns, summary),
    paretoOptimal: standings[index] === 'front',
    pareto: standings[index] ?? null,
    runIds,
    answerVariance,
  }))
}
