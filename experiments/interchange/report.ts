/* Finished runs as files that other tools read. Pure: whoever calls writes the files. */
import { AppError, type Example, fromWire, type Run } from '../../server/contracts/index.js'
import { describeMetric, type NamedMetric } from '../metrics.js'
import { scoreOf } from '../summary.js'

export interface ReportedRun {
  run: Run
  /** In the order in which the items were answered. */
  examples: readonly Example[]
}

/** One file; `path` is relative to the folder, and empty where a format is a single file. */
export interface ReportFile {
  path: string
  /** Its text in pieces: that of a large run is longer than a string may be. */
  pieces: Iterable<string>
}

/** right and wrong by the judged metric; the others have no score and are never taken for wrong. */
export type Verdict = 'right' | 'wrong' | 'unscored' | 'error'

export interface Judgement {
  metric: NamedMetric
  threshold: number
  verdictOf(example: Example): Verdict
}

/**
 * How answers are told right from wrong: a score at the threshold, or on its better side, is right.
 * Left out, the threshold is 1 for a metric whose scores are all 0 or 1.
 * @throws AppError `invalid_request` for a metric that no run has, or that has degrees and no threshold
 */
export function judgeBy(reported: readonly ReportedRun[], { metric: asked, threshold: given }: { metric?: string | undefined; threshold?: number | undefined } = {}): Judgement {
  const id = asked ?? reported[0]?.run.summary?.primaryMetric ?? ''
  const known = [...new Set(reported.flatMap(({ run }) => Object.keys(run.summary?.metrics ?? {})))]
  if (!known.includes(id)) throw new AppError('invalid_request', `No run has the metric "${id}"; they have ${known.join(', ') || 'none'}.`)
  const metric = describeMetric(id, reported.flatMap(({ run }) => run.summary?.metrics[id] ?? []))
  const isBit = (example: Example): boolean => [null, 0, 1].includes(scoreOf(example, id))
  if (given === undefined && !(metric.higherIsBetter && reported.every(({ examples }) => examples.every(isBit)))) {
    throw new AppError('invalid_request', `${id} has degrees, so no answer is simply right or wrong: name the score from which one is right, with --threshold.`)
  }
  const threshold = given ?? 1
  return {
    metric,
    threshold,
    verdictOf: (example) => {
      if (example.status === 'error') return 'error'
      const score = scoreOf(example, id)
      if (score === null) return 'unscored'
      return (metric.higherIsBetter ? score >= threshold : score <= threshold) ? 'right' : 'wrong'
    },
  }
}

/** The model of a run by its name, whether local or behind an endpoint. */
export function modelOf({ params }: Run): string {
  const { model } = params
  if (typeof model === 'string') return model
  const named = model !== null && typeof model === 'object' && !Array.isArray(model) ? model['model'] : undefined
  return typeof named === 'string' ? named : 'no model'
}

export function labelOf(run: Run): string {
  return run.name === '' ? run.experimentName : `${run.experimentName}: ${run.name}`
}

/** The metrics that any of the runs was summarised by, in the order of the first. */
export function metricsIn(reported: readonly ReportedRun[]): string[] {
  return [...new Set(reported.flatMap(({ run }) => Object.keys(run.summary?.metrics ?? {})))]
}

export function numberOrNull(value: Example['scores'][string] | undefined): number | null {
  const number = value === undefined ? NaN : fromWire(value)
  return Number.isFinite(number) ? number : null
}
