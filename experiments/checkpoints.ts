import type { Float } from '../server/contracts/index.js'

/** What checkpoints may be chosen by. All are measured on the validation split. */
export const BEST_METRICS = {
  loss: { key: 'eval/loss', name: 'eval loss', higherIsBetter: false },
  accuracy: { key: 'eval/accuracy', name: 'eval accuracy', higherIsBetter: true },
  token_accuracy: { key: 'eval/token_accuracy', name: 'eval token accuracy', higherIsBetter: true },
} as const
export type BestMetric = keyof typeof BEST_METRICS

/** The validation split at one optimizer step. NaN and infinity are losses too: those of a diverged run. */
export interface Evaluation {
  step: number
  /** Mean negative log-likelihood, in nats. */
  loss: number
  /** In [0, 1]; left out where it was not measured. */
  accuracy?: number
  token_accuracy?: number
}

/** The metric a run chooses by, from its parameters. */
export function bestMetricOf(params: Readonly<Record<string, unknown>>): BestMetric {
  const named = params['bestMetric']
  return named === 'accuracy' || named === 'token_accuracy' ? named : 'loss'
}

/** An evaluation from metrics as they travel (NaN by its name); null without an eval loss. */
export function evaluationOf(step: number, metrics: Readonly<Record<string, Float>>): Evaluation | null {
  const loss = metrics[BEST_METRICS.loss.key]
  if (loss === undefined) return null
  const evaluation: Evaluation = { step, loss: Number(loss) }
  for (const name of ['accuracy', 'token_accuracy'] as const) {
    const value = metrics[BEST_METRICS[name].key]
    if (value !== undefined) evaluation[name] = Number(value)
  }
  return evaluation
}

/** A rise by less than this share of the best loss is taken for noise. */
const NOISE = 0.01

function byStep(evaluations: readonly Evaluation[]): Evaluation[] {
  return [...evaluations].sort((a, b) => a.step - b.step)
}

function valueOf(evaluation: Evaluation, by: BestMetric): number {
  return evaluation[by] ?? Number.NaN
}

function isBetter(value: number, other: number, by: BestMetric): boolean {
  return BEST_METRICS[by].higherIsBetter ? value > other : value < other
}

/** The evaluation with the best finite value, the earliest of equals. */
function bestOf(evaluations: readonly Evaluation[], by: BestMetric = 'loss'): Evaluation | undefined {
  let best: Evaluation | undefined
  for (const evaluation of evaluations) {
    const value = valueOf(evaluation, by)
    if (Number.isFinite(value) && (best === undefined || isBetter(value, valueOf(best, by), by))) best = evaluation
  }
  return best
}

function figure(value: number): string {
  return value.toFixed(3)
}

/** How the evaluations after the best one compare with it. */
export interface LaterEvaluations {
  /** Those with a finite value. */
  count: number
  /** By how much they are worse, least and most; null where there is none. */
  least: number | null
  most: number | null
  /** Those without a finite value. */
  broken: number
}

export function laterEvaluations(evaluations: readonly Evaluation[], bestStep: number, by: BestMetric = 'loss'): LaterEvaluations {
  const best = evaluations.find(({ step }) => step === bestStep)
  const values = evaluations.filter(({ step }) => step > bestStep).map((evaluation) => valueOf(evaluation, by))
  const worse = best === undefined ? [] : values.filter(Number.isFinite).map((value) => Math.abs(value - valueOf(best, by)))
  return { count: worse.length, least: worse.length === 0 ? null : Math.min(...worse), most: worse.length === 0 ? null : Math.max(...worse), broken: values.length - worse.length }
}

function laterSentence({ least, most, broken }: LaterEvaluations, by: BestMetric): string {
  const parts: string[] = []
  if (least !== null && most !== null) {
    const [low, high] = [figure(least), figure(most)]
    parts.push(high === figure(0) ? 'later checkpoints are no better' : `later checkpoints are worse by ${low === high ? low : `${low} to ${high}`}`)
  }
  if (broken > 0) parts.push(`${broken} later ${broken === 1 ? 'one has' : 'ones have'} no finite ${by === 'loss' ? 'loss' : 'value'}`)
  return parts.length === 0 ? `it is the last one, so more steps may still ${by === 'loss' ? 'lower' : 'raise'} it` : parts.join('; ')
}

/**
 * The checkpoint to keep: lowest validation loss (or highest accuracy), the earliest of equals, with
 * the reason in a sentence. Null when no evaluation has a finite value.
 */
export function recommendCheckpoint(evaluations: readonly Evaluation[], by: BestMetric = 'loss'): { step: number; value: number; reason: string } | null {
  const ordered = byStep(evaluations)
  const best = bestOf(ordered, by)
  if (!best) return null
  const { name, higherIsBetter } = BEST_METRICS[by]
  const later = laterEvaluations(ordered, best.step, by)
  const value = valueOf(best, by)
  return { step: best.step, value, reason: `step ${best.step}: ${higherIsBetter ? 'highest' : 'lowest'} ${name} ${figure(value)}; ${laterSentence(later, by)}` }
}

export interface EarlyStopping {
  by: BestMetric
  /** Evaluations in a row without an improvement that end the run. */
  patience: number
  /** An improvement is better than the best so far by more than this. */
  minDelta: number
}

/**
 * Where a run stops early, and why; null where it goes on. Counts as Hugging Face's EarlyStoppingCallback does: a value
 * that is better by less than minDelta becomes the best so far and still counts as no improvement. Unlike there, NaN
 * never becomes the best.
 */
export function earlyStop(evaluations: readonly Evaluation[], { by, patience, minDelta }: EarlyStopping): { step: number; best: { step: number; value: number } | null; reason: string } | null {
  let best: { step: number; value: number } | null = null
  let waited = 0
  for (const evaluation of byStep(evaluations)) {
    const { step } = evaluation
    const value = valueOf(evaluation, by)
    const isBest = Number.isFinite(value) && (best === null || isBetter(value, best.value, by))
    waited = isBest && (best === null || Math.abs(value - best.value) > minDelta) ? 0 : waited + 1
    if (isBest) best = { step, value }
    if (waited >= patience) return { step, best, reason: `stopped early at step ${step}: ${waitedSentence({ by, patience, minDelta }, best)}` }
  }
  return null
}

function waitedSentence({ by, patience, minDelta }: EarlyStopping, best: { step: number; value: number } | null): string {
  const times = `${patience} evaluation${patience === 1 ? '' : 's'} in a row`
  const { name } = BEST_METRICS[by]
  if (best === null) return `${times} gave no finite ${name}`
  return `${times} did not improve ${name}${minDelta > 0 ? ` by more than ${minDelta}` : ''}; its best is ${figure(best.value)} at step ${best.step}`
}

/**
 * The first evaluation after the best one from which on every loss, to the end, lies more than
 * 1 % above the best: where overfitting has begun for good. Null when it has not.
 */
export function firstOverfitStep(evaluations: readonly Evaluation[]): number | null {
  const ordered = byStep(evaluations)
  const best = bestOf(ordered)
  if (!best) return null
  const limit = best.loss + NOISE * Math.abs(best.loss)
  let first: number | null = null
  for (const { step, loss } of ordered.toReversed()) {
    if (step <= best.step || loss <= limit) break
    first = step
  }
  return first
}

/**
 * Generalization gap: loss at the last evaluation minus the mean training loss over the steps since
 * the evaluation before it (single training losses are too noisy). NaN when either is not finite;
 * null when one of them was never measured. In the unit of the losses, nats per token.
 */
export function generalizationGap(evaluations: readonly Evaluation[], training: readonly Evaluation[]): number | null {
  const [before, last] = byStep(evaluations).slice(-2).length === 2 ? byStep(evaluations).slice(-2) : [undefined, evaluations[0]]
  if (!last) return null
  const recent = training.filter(({ step }) => step <= last.step && step > (before?.step ?? -1))
  if (recent.length === 0) return null
  const gap = last.loss - recent.reduce((sum, { loss }) => sum + loss, 0) / recent.length
  return Number.isFinite(gap) ? gap : NaN
}
