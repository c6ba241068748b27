/* Confusion and calibration of the answers of one run, with intervals. Pure. */
import type { CalibrationAnswer, ConfusionAnswer } from '../server/contracts/index.js'
import { bootstrapInterval } from './statistics/bootstrap.js'
import { binOf, brierScore, expectedCalibrationError, type Forecast, reliability } from './statistics/calibration.js'
import { confusionOf } from './statistics/confusion.js'
import { clipToUnit, meanInterval, proportionInterval } from './statistics/intervals.js'

/** One scored answer to an item that has a label. */
export interface LabelAnswer {
  truth: string
  /** Null: the answer gave none. */
  given: string | null
  cluster: string | null
  /** Log-likelihood of each label, nats; null where they are not known. */
  logLikelihoods: Readonly<Record<string, number>> | null
}

/** Labels shown; more than this is a matrix nobody reads. */
export const MOST_LABELS = 100
/** Resampled items in all, so that large runs answer as soon as small ones. */
const RESAMPLED = 4_000_000
const MOST_RESAMPLES = 2_000
const BINS = 10

/** Null without answers, and for more than 100 labels. */
export function confusionAnswer(answers: readonly LabelAnswer[]): ConfusionAnswer | null {
  const labels = labelsOf(answers)
  if (answers.length === 0 || labels.length > MOST_LABELS) return null
  const { matrix, quality, macroF1, n } = confusionOf(answers, labels)
  return {
    labels,
    matrix,
    quality: quality.map(({ label, n: items, f1 }) => ({ label, n: items, precision: share(answers.filter(({ given }) => given === label)), recall: share(answers.filter(({ truth }) => truth === label)), f1 })),
    macroF1: figure(macroF1, answers, macroF1Of(answers, labels)),
    accuracy: share(answers),
    n,
  }
}

/** The order in which the model was offered them, else that of the alphabet. */
function labelsOf(answers: readonly LabelAnswer[]): string[] {
  const offered = answers.find(({ logLikelihoods }) => logLikelihoods !== null)?.logLikelihoods
  const seen = new Set(answers.flatMap(({ truth, given }) => (given === null ? [truth] : [truth, given])))
  const first = Object.keys(offered ?? {})
  return [...first, ...[...seen].filter((label) => !first.includes(label)).sort()]
}

/** Null where no answer carries likelihoods. */
export function calibrationAnswer(answers: readonly LabelAnswer[]): CalibrationAnswer | null {
  const told = answers.flatMap((answer) => {
    const probability = probabilityOf(answer)
    return probability === null ? [] : [{ ...answer, probability, isRight: answer.given === answer.truth }]
  })
  if (told.length === 0) return null
  const squares = clipToUnit(meanInterval({ values: told.map((one) => brierScore([one])), clusters: told.map(({ cluster }) => cluster) }))
  return {
    n: told.length,
    ece: figure(expectedCalibrationError(told, BINS), told, calibrationErrorOf(told)),
    brier: { value: squares.mean, low: squares.low, high: squares.high },
    bins: reliability(told, BINS).map(({ from, to, n, confidence }, bin) => ({ from, to, n, confidence, accuracy: share(told.filter(({ probability }) => binOf(probability, BINS) === bin)) })),
  }
}

/** Of the label given among all labels: softmax over their log-likelihoods. */
function probabilityOf({ given, logLikelihoods }: LabelAnswer): number | null {
  const own = given === null ? undefined : logLikelihoods?.[given]
  if (own === undefined || logLikelihoods === null || !Number.isFinite(own)) return null
  const others = Object.values(logLikelihoods).filter((value) => !Number.isNaN(value))
  return 1 / others.reduce((sum, value) => sum + Math.exp(value - own), 0)
}

interface Share {
  value: number
  low: number | null
  high: number | null
  n: number
}

/** How many of these answers are right: Wilson's interval, or by cluster where items share one. Null for none. */
function share(answers: readonly LabelAnswer[]): Share | null {
  if (answers.length === 0) return null
  const { mean, low, high } = proportionInterval({ values: answers.map(({ given, truth }) => Number(given === truth)), clusters: answers.map(({ cluster }) => cluster) })
  return { value: mean, low, high, n: answers.length }
}

/** Percentiles of resamples, for figures that are no means of items. Items of one cluster are drawn together. */
function figure(value: number, items: readonly { cluster: string | null }[], statistic: (items: Int32Array) => number): { value: number; low: number | null; high: number | null } {
  const clusters = items.map(({ cluster }) => cluster)
  const units = new Set(clusters.map((cluster, item) => cluster ?? item)).size
  if (units < 2) return { value, low: null, high: null }
  const resamples = Math.min(MOST_RESAMPLES, Math.max(200, Math.floor(RESAMPLED / items.length)))
  const { low, high } = bootstrapInterval(items.length, statistic, { method: 'percentile', clusters, resamples })
  return { value, low, high }
}

/** Macro F1 of drawn items, by counting alone: it is taken thousands of times. */
export function macroF1Of(answers: readonly LabelAnswer[], labels: readonly string[]): (items: Int32Array) => number {
  const places = new Map(labels.map((label, place) => [label, place]))
  const truths = Int32Array.from(answers, ({ truth }) => places.get(truth) ?? -1)
  const givens = Int32Array.from(answers, ({ given }) => (given === null ? -1 : (places.get(given) ?? -1)))
  const [right, ofLabel, withLabel] = [new Float64Array(labels.length), new Float64Array(labels.length), new Float64Array(labels.length)]
  return (items) => {
    for (const counts of [right, ofLabel, withLabel]) counts.fill(0)
    for (const item of items) {
      const [truth, given] = [truths[item] ?? -1, givens[item] ?? -1]
      ofLabel[truth] = (ofLabel[truth] ?? 0) + 1
      if (given >= 0) withLabel[given] = (withLabel[given] ?? 0) + 1
      if (given === truth) right[truth] = (right[truth] ?? 0) + 1
    }
    let [sum, seen] = [0, 0]
    for (const [label, hits] of right.entries()) {
      const all = (ofLabel[label] ?? 0) + (withLabel[label] ?? 0)
      if (all === 0) continue
      sum += (2 * hits) / all
      seen++
    }
    return sum / seen
  }
}

/** Expected calibration error of drawn items, likewise: n · |confidence − accuracy| of a bin is the size of its summed gaps. */
export function calibrationErrorOf(forecasts: readonly Forecast[]): (items: Int32Array) => number {
  const bins = Int32Array.from(forecasts, ({ probability }) => binOf(probability, BINS))
  const gaps = Float64Array.from(forecasts, ({ probability, isRight }) => probability - Number(isRight))
  const sums = new Float64Array(BINS)
  return (items) => {
    sums.fill(0)
    for (const item of items) sums[bins[item] ?? 0] = (sums[bins[item] ?? 0] ?? 0) + (gaps[item] ?? 0)
    return sums.reduce((total, gap) => total + Math.abs(gap), 0) / items.length
  }
}
