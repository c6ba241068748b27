/** What the curves of one training run say: where it was best and from where it only got worse. Pure. */
import { type Evaluation, firstOverfitStep, recommendCheckpoint } from '../../../../experiments/checkpoints.js'
import type { MetricSeries } from '../../../../server/contracts/metric.js'
import type { Checkpoint, Run } from '../../../../server/contracts/run.js'
import type { Mark } from '../../charts/lines.js'
import { formatCount } from '../../format.js'

export interface TrainingFacts {
  bestStep: number | null
  reason: string
  overfitStep: number | null
  /** The server's word once the run is over; until then what the points so far say. */
  isFinal: boolean
}

/** Validation losses by step. Evaluations are far fewer than pixels, so each bucket is one of them. */
export function evaluationsOf(series: readonly MetricSeries[], checkpoints: readonly Checkpoint[]): Evaluation[] {
  const losses = new Map<number, number>()
  for (const checkpoint of checkpoints) {
    const loss = checkpoint.metrics['eval/loss']
    if (loss !== undefined) losses.set(checkpoint.step, Number(loss))
  }
  for (const bucket of series.find(({ key }) => key === 'eval/loss')?.buckets ?? []) if (bucket.n === 1) losses.set(bucket.lastStep, Number(bucket.last))
  return [...losses].map(([step, loss]) => ({ step, loss })).sort((a, b) => a.step - b.step)
}

export function trainingFacts(run: Run, evaluations: readonly Evaluation[]): TrainingFacts {
  const { summary } = run
  if (summary?.bestStep != null) {
    return { bestStep: summary.bestStep, reason: summary.bestReason ?? '', overfitStep: summary.overfitStep ?? null, isFinal: true }
  }
  const best = recommendCheckpoint(evaluations)
  return { bestStep: best?.step ?? null, reason: best?.reason ?? '', overfitStep: firstOverfitStep(evaluations), isFinal: false }
}

export function marksOf(run: Run, facts: TrainingFacts): Mark[] {
  const marks: Mark[] = []
  if (facts.bestStep !== null) marks.push({ x: facts.bestStep, label: `best ${formatCount(facts.bestStep)}`, kind: 'good' })
  if (facts.overfitStep !== null) marks.push({ x: facts.overfitStep, label: `overfitting from ${formatCount(facts.overfitStep)}`, kind: 'bad' })
  if (run.pickedStep !== null && run.pickedStep !== facts.bestStep) marks.push({ x: run.pickedStep, label: `picked ${formatCount(run.pickedStep)}`, kind: 'plain' })
  return marks
}

export function factsInWords(facts: TrainingFacts): string {
  if (facts.bestStep === null) return ''
  const overfit =
    facts.overfitStep === null
      ? 'No overfitting so far: validation loss does not stay above its best.'
      : `Overfitting from step ${formatCount(facts.overfitStep)}: from there on every validation loss is more than 1 % above the best.`
  const best = facts.reason || `step ${formatCount(facts.bestStep)} is the best`
  return `${facts.isFinal ? 'Best checkpoint' : 'Best checkpoint so far'}: ${best}. ${facts.isFinal && facts.overfitStep === null ? 'No overfitting: validation loss did not stay above its best.' : overfit}`
}
