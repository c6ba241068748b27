/*
 * The course of a training run, the same for every kind that trains: steps, an evaluation and a checkpoint every
 * evalEvery of them, an early stop, and the checkpoints that are kept.
 */
import { mkdir, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { BEST_METRICS, type Evaluation } from '../../experiments/checkpoints.js'
import type { Summary } from '../../server/contracts/index.js'
import { EngineError } from '../engine/engine-error.js'
import type { StepReport, Trainer } from '../engine/engine.js'
import { downloadCheckpoint } from '../earlier-work.js'
import { LearningCurves, reportStep, type CourseParameters } from '../learning-curves.js'
import type { Tokenizer } from '../engine/formats/tokenizer.js'
import { RunFailure, type RunContext, type SampleAnswer } from '../run-context.js'
import { sampledItems } from './loss-sample.js'
import { type EvaluatedItem, TokenLossChoice } from './token-losses.js'

export interface TrainingJob {
  context: RunContext<CourseParameters>
  trainer: Trainer
  tokenizer: Tokenizer
  totalSteps: number
  /** Evaluate and keep the model as it is before the first step. */
  startsWithEvaluation: boolean
  /** The newest checkpoints to keep besides the best; undefined keeps all. */
  keepCheckpoints: number | undefined
  /** The validation split with the weights of this moment; `metrics` are for the charts, by their keys there. */
  evaluate: () => Promise<{ evaluation: Omit<Evaluation, 'step'>; metrics: Record<string, number>; items: EvaluatedItem[] }>
  /** Adds to a saved checkpoint what else belongs into it, and answers the samples with it. */
  complete: (folder: string) => Promise<SampleAnswer[]>
  /** What tables show of a run that failed: built from the curves alone. */
  partialSummary: (curves: LearningCurves) => Summary
}

export interface Trained {
  curves: LearningCurves
  /** Folder of the recommended checkpoint, downloaded where an earlier attempt wrote it. @throws {RunFailure} `diverged` where no evaluation is a number */
  bestFolder: () => Promise<string>
}

/** Trains to the last step, or to where the run stops early. A restored trainer goes on from its step. */
export async function runTraining(job: TrainingJob): Promise<Trained> {
  const curves = await LearningCurves.open(job.context, job.totalSteps)
  const loop = new TrainingLoop(job, curves)
  await loop.run()
  return { curves, bestFolder: () => loop.bestFolder() }
}

class TrainingLoop {
  private readonly job: TrainingJob
  private readonly curves: LearningCurves
  private readonly dropped = new Set<number>()
  private readonly tokenLosses: TokenLossChoice
  /** The best checkpoint so far whose files lie on this disk. */
  private best: { step: number; folder: string } | null = null

  constructor(job: TrainingJob, curves: LearningCurves) {
    this.job = job
    this.curves = curves
    this.tokenLosses = new TokenLossChoice(job.tokenizer)
  }

  async run(): Promise<void> {
    const { context, trainer, totalSteps, startsWithEvaluation } = this.job
    const { params, report } = context
    if (startsWithEvaluation && trainer.globalStep === 0) await this.evaluateAndSave()
    while (trainer.globalStep < totalSteps && this.curves.stopReason() === null) {
      const step = await this.nextStep()
      reportStep(report, trainer, this.curves.addStep(step), step)
      report.progress({ done: step.step, total: totalSteps, unit: 'steps' })
      if (step.step % params.evalEvery === 0 || step.step === totalSteps) await this.evaluateAndSave()
    }
    const stopReason = this.curves.stopReason()
    if (stopReason !== null) report.log('info', `${stopReason}. ${totalSteps - trainer.globalStep} of ${totalSteps} steps were not needed`)
  }

  /** A best checkpoint of an earlier attempt lies on the server only. */
  async bestFolder(): Promise<string> {
    const { context } = this.job
    const chosen = this.curves.recommended()
    if (chosen === null) throw this.failure('no evaluation has a finite value, so there is no checkpoint to choose; lower learningRate')
    if (this.best?.step === chosen.step) return this.best.folder
    const folder = join(context.folders.work, `best-${chosen.step}`)
    await downloadCheckpoint(context.server, { runId: context.assignment.runId, step: chosen.step, folder })
    return folder
  }

  /** A loss that is no longer a number is the last point of the curve, and the end of the run. */
  private async nextStep(): Promise<StepReport> {
    const { trainer, context: { report } } = this.job
    try {
      return await trainer.step()
    } catch (error) {
      if (!(error instanceof EngineError) || error.code !== 'loss_not_finite') throw error
      const { step, loss, gradNorm } = error.details
      report.metric('train/loss', Number(step), Number(loss))
      report.metric('train/grad_norm', Number(step), Number(gradNorm))
      const last = this.curves.evaluations.at(-1)
      const kept = last === undefined ? 'No checkpoint was kept yet.' : `The last checkpoint is that of step ${last.step}; the best is ${this.curves.recommended()?.reason ?? 'none, for no evaluation was finite'}.`
      throw this.failure(`${error.message} ${kept}`, error)
    }
  }

  private failure(message: string, cause?: unknown): RunFailure {
    return new RunFailure('diverged', message, { cause, summary: this.job.partialSummary(this.curves) })
  }

  private async evaluateAndSave(): Promise<void> {
    const { context, trainer, totalSteps, evaluate, complete } = this.job
    const { report, folders, params } = context
    const step = trainer.globalStep
    report.progress({ done: step, total: totalSteps, unit: 'steps', message: 'evaluating' })
    await trainer.release()
    const { evaluation, metrics, items } = await evaluate()
    if (evaluation[params.bestMetric] === undefined) throw new RunFailure('invalid_params', `bestMetric is ${params.bestMetric}, and this run measures no ${BEST_METRICS[params.bestMetric].name}; only datasets with labels have an accuracy`)
    for (const [key, value] of Object.entries(metrics)) report.metric(key, step, value)
    this.curves.addEvaluation({ step, ...evaluation })

    const folder = join(folders.work, `checkpoint-${step}`)
    await mkdir(folder, { recursive: true })
    await trainer.save(folder, this.curves.course(trainer.stepsPerEpoch))
    // Answers are made with weights and sessions of their own.
    await trainer.release()
    const single = sampledItems(items)
    const losses = single.map(({ itemId, loss, tokens }) => ({ itemId, loss, tokens }))
    await report.checkpoint({ step, folder, metrics, samples: await complete(folder), losses, evaluatedItems: items.length, tokens: this.tokenLosses.choose(step, single) })
    await this.keepBest({ step, folder })
    this.dropOld()
  }

  /** Only the best checkpoint's files are wanted again; the server has them all. */
  private async keepBest(saved: { step: number; folder: string }): Promise<void> {
    const isBest = this.curves.recommended()?.step === saved.step
    const unwanted = isBest ? this.best?.folder : saved.folder
    if (isBest) this.best = saved
    if (unwanted !== undefined) await rm(unwanted, { recursive: true, force: true })
  }

  /** Asks again for what an earlier attempt may not have come to; dropping twice does no harm. */
  private dropOld(): void {
    const { keepCheckpoints, context: { report } } = this.job
    if (keepCheckpoints === undefined) return
    const best = this.curves.recommended()?.step
    for (const { step } of this.curves.evaluations.slice(0, -keepCheckpoints)) {
      if (step === best || this.dropped.has(step)) continue
      this.dropped.add(step)
      report.dropCheckpoint(step)
    }
  }
}
