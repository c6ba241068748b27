import type { PairedTest } from '../server/contracts/index.js'
import type { Metric } from './metrics.js'

/** A figure with as many decimals as it deserves: three significant digits, no exponent. */
function compact(value: number): string {
  const size = Math.abs(value)
  if (size === 0) return '0'
  const decimals = Math.min(6, Math.max(0, 2 - Math.floor(Math.log10(size))))
  return value.toFixed(decimals).replace(/\.?0+$/, (tail) => (tail.startsWith('.') ? '' : tail))
}

/** A difference in the unit of its metric: points for proportions (0.062 is 6.2 points). */
function amount(value: number, metric: Metric): string {
  return metric.estimator === 'proportion' ? (100 * value).toFixed(1) : compact(value)
}

/** A difference with its unit. */
export function quantity(value: number, metric: Metric): string {
  return `${amount(value, metric)}${unitOf(metric)}`
}

function unitOf(metric: Metric): string {
  if (metric.estimator === 'proportion') return ' points'
  return metric.unit === undefined ? '' : ` ${metric.unit}`
}

const TESTS_IN_WORDS: Readonly<Record<string, string>> = {
  'mcnemar-exact': 'McNemar',
  'mcnemar-mid-p': 'McNemar, mid-p',
  permutation: 'permutation test',
  wilcoxon: 'Wilcoxon',
  'paired-t': 'paired t-test',
}

type Tested = Omit<PairedTest, 'sentence' | 'nonInferiority' | 'costBasis' | 'expectedCost'>

export function formatP(p: number): string {
  return p < 0.001 ? 'p < 0.001' : `p = ${p.toFixed(3)}`
}

/** The interval, n and p of a test, as they stand in brackets; `sign` −1 where the difference is told the other way round. */
function evidence(test: Tested, metric: Metric, sign: 1 | -1): string {
  const ends = test.low === null || test.high === null ? [] : [sign * test.low, sign * test.high].sort((a, b) => a - b)
  const [low, high] = ends
  const interval = low === undefined || high === undefined ? 'no interval' : `95 % interval ${amount(low, metric)} to ${amount(high, metric)}`
  const isCorrected = test.p !== null && test.pAdjusted !== null && test.pAdjusted !== test.p
  const p = test.pAdjusted === null ? 'too few items for a test' : `${formatP(test.pAdjusted)}${isCorrected ? ' corrected for the number of runs' : ''}, ${TESTS_IN_WORDS[test.method] ?? test.method}`
  return `(${interval}; n = ${test.n} paired items; ${p})`
}

function detectable(test: Tested, metric: Metric): string {
  if (test.minimumDetectable === null) return ''
  return `; a true difference of ${quantity(test.minimumDetectable, metric)} would be found in 80 % of such comparisons`
}

/** One test in plain English. */
export function testSentence(test: Tested, names: { run: string; baseline: string }, metric: Metric): string {
  const label = metric.label
  if (test.verdict === 'not distinguishable') {
    const sign = test.difference > 0 ? '+' : ''
    return `${names.run} and ${names.baseline} are not distinguishable on ${label}: difference ${sign}${amount(test.difference, metric)}${unitOf(metric)} ${evidence(test, metric, 1)}${detectable(test, metric)}.`
  }
  const direction = test.difference > 0 ? 1 : -1
  const more = test.difference > 0 ? 'higher' : 'lower'
  const how = metric.higherIsBetter ? '' : `, ${more}`
  return `${names.run} is ${test.verdict} than ${names.baseline} on ${label} by ${amount(Math.abs(test.difference), metric)}${unitOf(metric)}${how} ${evidence(test, metric, direction)}.`
}

/** The finding of a whole comparison: how many runs differ from the baseline, and the best of them. */
export function findingSentence(tests: readonly PairedTest[], names: ReadonlyMap<string, string>, metric: Metric): string {
  const nameOf = (id: string): string => names.get(id) ?? id
  const [only] = tests
  if (!only) return `Nothing to compare on ${metric.label}: no other run has scored the same items as the baseline.`
  const sentence = (test: PairedTest): string => testSentence(test, { run: nameOf(test.runId), baseline: nameOf(test.baselineId) }, metric)
  if (tests.length === 1) return sentence(only)
  const sign = metric.higherIsBetter ? 1 : -1
  const best = tests.reduce((a, b) => (sign * b.difference > sign * a.difference ? b : a))
  const count = (verdict: PairedTest['verdict']): number => tests.filter((test) => test.verdict === verdict).length
  return `Of ${tests.length} runs against ${nameOf(only.baselineId)}, ${count('better')} better, ${count('worse')} worse and ${count('not distinguishable')} not distinguishable. Best: ${sentence(best)}`
}

function listed(names: readonly string[]): string {
  return names.length < 2 ? (names[0] ?? '') : `${names.slice(0, -1).join(', ')} and ${names.at(-1) ?? ''}`
}

/** Which runs may be the best, instead of a ranking that the data do not carry. */
export function bestSentence(names: readonly string[], compared: number, metric: Metric): string {
  const [first] = names
  if (first === undefined || compared < 2) return ''
  if (names.length === 1) return `${first} is the best of ${compared} runs on ${metric.label}: in paired tests it beats each of the others.`
  const all = names.length === compared ? `All ${compared} runs` : names.length <= 6 ? listed(names) : `${listed(names.slice(0, 5))} and ${names.length - 5} more`
  return `${all} are statistically tied for the best on ${metric.label}: none of them is beaten by the one with the highest score, ${first}.`
}

export interface PricedName {
  name: string
  costPerItemUsd: number | null
  latencyP50Ms: number | null
}

function saving(mine: number | null, theirs: number | null, what: string): string | null {
  if (mine === null || theirs === null || theirs <= 0 || mine === theirs) return null
  const share = Math.abs(1 - mine / theirs)
  const percent = share < 0.1 ? (100 * share).toFixed(1) : (100 * share).toFixed(0)
  return mine < theirs ? `${percent} % less ${what}` : mine / theirs >= 2 ? `${(mine / theirs).toFixed(1)} times the ${what}` : `${percent} % more ${what}`
}

/** Whether a run is not worse than the baseline by the margin or more, with what it costs beside it. */
export function nonInferioritySentence(test: Tested & { nonInferiority: { margin: number; pAdjusted: number | null; verdict: string } }, names: { run: PricedName; baseline: PricedName }, metric: Metric): string {
  const { margin, pAdjusted, verdict } = test.nonInferiority
  const { run, baseline } = names
  const takes = [saving(run.costPerItemUsd, baseline.costPerItemUsd, 'cost'), saving(run.latencyP50Ms, baseline.latencyP50Ms, 'latency (p50)')].filter((part) => part !== null)
  const price = takes.length === 0 ? '' : ` It takes ${takes.join(' and ')}.`
  const by = quantity(margin, metric)
  const p = pAdjusted === null ? 'too few items for a test' : `one-sided ${formatP(pAdjusted)}`
  if (verdict === 'not worse') return `${run.name} is not worse than ${baseline.name} on ${metric.label} by ${by} or more (${p}, n = ${test.n}).${price}`
  if (verdict === 'worse') return `${run.name} is worse than ${baseline.name} on ${metric.label} by more than ${by}: its whole 95 % interval says so (n = ${test.n}).${price}`
  return `Whether ${run.name} is worse than ${baseline.name} on ${metric.label} by ${by} or more is not settled (${p}, n = ${test.n}).${price}`
}
