/** What the curves of one training run say: where it was best and from where it only got worse. Pure. */
import { bestMetricOf, type Evaluation, evaluationOf, firstOverfitStep, recommendCheckpoint } from '../../../../experiments/checkpoints.js'
import type { MetricSeries } from '../../../../server/contracts/metric.js'
import type { Checkpoint, Run } from '../../../../server/contracts/run.js'
import type { Mark } from '../../charts/lines.js'
import { formatCount } from '../../format.js'

export interface TrainingFacts {
  bestStep: number | null
  reason: string
  overfitStep: number | null
  /** Why the run ended before its last step; empty where it did not. */
  stopReason: string
  /** The loss went to NaN or infinity rather than up. */
  isDiverged: boolean
  /** The run is over: nothing comes after. */
  isFinal: boolean
}

/** Validation results by step. Evaluations are far fewer than pixels, so each bucket is one of them. */
export function evaluationsOf(series: readonly MetricSeries[], checkpoints: readonly Checkpoint[]): Evaluation[] {
  const metricsAt = new Map<number, Checkpoint['metrics']>(checkpoints.map(({ step, metrics }) => [step, metrics]))
  for (const { key, buckets } of series) {
    for (const { n, lastStep, last } of buckets) if (n === 1) metricsAt.set(lastStep, { ...metricsAt.get(lastStep), [key]: last })
  }
  return [...metricsAt].flatMap(([step, metrics]) => evaluationOf(step, metrics) ?? []).sort((a, b) => a.step - b.step)
}

export function trainingFacts(run: Run, evaluations: readonly Evaluation[]): TrainingFacts {
  const { summary } = run
  const isDivergedAt = (step: number | null): boolean => evaluations.some((evaluation) => evaluation.step === step && !Number.isFinite(evaluation.loss))
  if (summary?.bestStep != null) {
    const overfitStep = summary.overfitStep ?? null
    return { bestStep: summary.bestStep, reason: summary.bestReason ?? '', stopReason: summary.stopReason ?? '', overfitStep, isDiverged: isDivergedAt(overfitStep), isFinal: true }
  }
  const best = recommendCheckpoint(evaluations, bestMetricOf(run.params))
  const overfitStep = firstOverfitStep(evaluations)
  const isFinal = run.status !== 'running' && run.status !== 'queued'
  return { bestStep: best?.step ?? null, reason: best?.reason ?? '', stopReason: '', overfitStep, isDiverged: isDivergedAt(overfitStep), isFinal }
}

export function marksOf(run: Run, facts: TrainingFacts): Mark[] {
  const marks: Mark[] = []
  if (facts.bestStep !== null) marks.push({ x: facts.bestStep, label: `best ${formatCount(facts.bestStep)}`, kind: 'good' })
  if (facts.overfitStep !== null) marks.push({ x: facts.overfitStep, label: `${facts.isDiverged ? 'diverged at' : 'overfitting from'} ${formatCount(facts.overfitStep)}`, kind: 'bad' })
  if (run.pickedStep !== null && run.pickedStep !== facts.bestStep) marks.push({ x: run.pickedStep, label: `picked ${formatCount(run.pickedStep)}`, kind: 'plain' })
  return marks
}

export function factsInWords(facts: TrainingFacts): string {
  if (facts.bestStep === null) return ''
  const best = facts.reason || `step ${formatCount(facts.bestStep)}`
  const stopped = facts.stopReason === '' ? '' : ` ${facts.stopReason.charAt(0).toUpperCase()}${facts.stopReason.slice(1)}.`
  return `${facts.isFinal ? 'Best checkpoint' : 'Best checkpoint so far'}: ${best}. ${afterBest(facts)}${stopped}`
}

function afterBest({ overfitStep, isDiverged, isFinal }: TrainingFacts): string {
  if (overfitStep === null) return isFinal ? 'No overfitting: validation loss did not stay above its best.' : 'No overfitting so far.'
  if (isDiverged) return `Diverged: from step ${formatCount(overfitStep)} on no validation loss is a number.`
  return `Overfitting from step ${formatCount(overfitStep)}: from there on every validation loss is more than 1 % above the best.`
}
