/** Loss on the validation split at one optimizer step. NaN and infinity are losses too: those of a diverged run. */
export interface Evaluation {
  step: number
  loss: number
}

/** A rise by less than this share of the best loss is taken for noise. */
const NOISE = 0.01

function byStep(evaluations: readonly Evaluation[]): Evaluation[] {
  return [...evaluations].sort((a, b) => a.step - b.step)
}

/** The evaluation of lowest finite loss, the earliest of equals. */
function bestOf(evaluations: readonly Evaluation[]): Evaluation | undefined {
  let best: Evaluation | undefined
  for (const evaluation of evaluations) {
    if (Number.isFinite(evaluation.loss) && (best === undefined || evaluation.loss < best.loss)) best = evaluation
  }
  return best
}

function figure(loss: number): string {
  return loss.toFixed(3)
}

function laterSentence(best: Evaluation, later: readonly Evaluation[]): string {
  const diverged = later.filter(({ loss }) => !Number.isFinite(loss)).length
  const rises = later.filter(({ loss }) => Number.isFinite(loss)).map(({ loss }) => loss - best.loss)
  const parts: string[] = []
  if (rises.length > 0) {
    const [low, high] = [figure(Math.min(...rises)), figure(Math.max(...rises))]
    parts.push(`later checkpoints are worse by ${low === high ? low : `${low} to ${high}`}`)
  }
  if (diverged > 0) parts.push(`${diverged} later ${diverged === 1 ? 'one has' : 'ones have'} no finite loss`)
  return parts.length === 0 ? 'it is the last one, so more steps may still lower it' : parts.join('; ')
}

/**
 * The checkpoint to keep: lowest validation loss, the earliest of equals, with the reason in a
 * sentence. Null when no evaluation has a finite loss.
 */
export function recommendCheckpoint(evaluations: readonly Evaluation[]): { step: number; reason: string } | null {
  const ordered = byStep(evaluations)
  const best = bestOf(ordered)
  if (!best) return null
  const later = ordered.filter(({ step }) => step > best.step)
  return { step: best.step, reason: `step ${best.step}: lowest eval loss ${figure(best.loss)}; ${laterSentence(best, later)}` }
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
