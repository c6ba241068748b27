/* The losses of a training run as it goes on, and what they say at its end: best checkpoint, overfitting, gap. */
import { firstOverfitStep, generalizationGap, recommendCheckpoint, type Evaluation } from '../experiments/checkpoints.js'
import { fromWire, MetricsAnswerSchema, toWire, type Summary } from '../server/contracts/index.js'
import type { StepReport, Trainer } from './engine/engine.js'
import type { RunContext, RunReport } from './run-context.js'

/** The most the server sends: each point by itself, not buckets of several. */
const EVERY_POINT = 100_000

export class LearningCurves {
  readonly training: Evaluation[]
  readonly evaluations: Evaluation[]

  private constructor(training: Evaluation[], evaluations: Evaluation[]) {
    this.training = training
    this.evaluations = evaluations
  }

  /** With the points of earlier attempts up to the checkpoint that this one goes on from. */
  static async open({ assignment, server }: Pick<RunContext<unknown>, 'assignment' | 'server'>): Promise<LearningCurves> {
    const upTo = assignment.resume.checkpointStep
    if (upTo === null) return new LearningCurves([], [])
    const path = `/api/runs/${encodeURIComponent(assignment.runId)}/metrics?keys=train/loss,eval/loss&maxPoints=${EVERY_POINT}`
    const { series } = MetricsAnswerSchema.parse(await server.getJson(path))
    const points = (key: string): Evaluation[] =>
      (series.find((one) => one.key === key)?.buckets ?? []).map(({ lastStep, last }) => ({ step: lastStep, loss: fromWire(last) })).filter(({ step }) => step <= upTo)
    return new LearningCurves(points('train/loss'), points('eval/loss'))
  }

  addStep(step: StepReport): void {
    this.training.push({ step: step.step, loss: step.loss })
  }

  addEvaluation(evaluation: Evaluation): void {
    this.evaluations.push(evaluation)
  }

  recommended(): { step: number; reason: string } | null {
    return recommendCheckpoint(this.evaluations)
  }

  summary(): Pick<Summary, 'bestStep' | 'bestReason' | 'overfitStep' | 'generalizationGap'> {
    const best = this.recommended()
    const gap = generalizationGap(this.evaluations, this.training)
    return {
      bestStep: best?.step ?? null,
      ...(best === null ? {} : { bestReason: best.reason }),
      overfitStep: firstOverfitStep(this.evaluations),
      generalizationGap: gap === null ? null : toWire(gap),
    }
  }
}

/** One optimizer step on the charts. */
export function reportStep(report: RunReport, trainer: Pick<Trainer, 'epoch'>, { step, loss, learningRate, gradNorm, tokens, durationMs }: StepReport): void {
  report.metric('train/loss', step, loss)
  report.metric('train/learning_rate', step, learningRate)
  report.metric('train/grad_norm', step, gradNorm)
  report.metric('train/tokens_per_second', step, (tokens / durationMs) * 1000)
  report.metric('train/epoch', step, trainer.epoch)
}
