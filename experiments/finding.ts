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

function unitOf(metric: Metric): string {
  if (metric.estimator === 'proportion') return ' points'
  return metric.unit === undefined ? '' : ` ${metric.unit}`
}

export function formatP(p: number): string {
  return p < 0.001 ? 'p < 0.001' : `p = ${p.toFixed(3)}`
}

/** The interval, n and p of a test, as they stand in brackets; `sign` −1 where the difference is told the other way round. */
function evidence(test: PairedTest, metric: Metric, sign: 1 | -1): string {
  const ends = test.low === null || test.high === null ? [] : [sign * test.low, sign * test.high].sort((a, b) => a - b)
  const [low, high] = ends
  const interval = low === undefined || high === undefined ? 'no interval' : `95 % interval ${amount(low, metric)} to ${amount(high, metric)}`
  const isCorrected = test.p !== null && test.pAdjusted !== null && test.pAdjusted !== test.p
  const p = test.pAdjusted === null ? 'too few items for a test' : `${formatP(test.pAdjusted)}${isCorrected ? ' after Holm’s correction' : ''}, ${test.method === 'mcnemar-exact' ? 'McNemar' : 'permutation test'}`
  return `(${interval}; n = ${test.n} paired items; ${p})`
}

function detectable(test: PairedTest, metric: Metric): string {
  if (test.minimumDetectable === null) return ''
  return `; a true difference of ${amount(test.minimumDetectable, metric)}${unitOf(metric)} would be found in 80 % of such comparisons`
}

/** One test in plain English. */
export function testSentence(test: PairedTest, names: { run: string; baseline: string }, metric: Metric): string {
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
