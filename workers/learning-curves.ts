/* The course of a training run as it goes on, and what it says: best checkpoint, early stop, overfitting, gap. */
import { earlyStop, firstOverfitStep, generalizationGap, recommendCheckpoint, type BestMetric, type Evaluation } from '../experiments/checkpoints.js'
import { fromWire, MetricsAnswerSchema, toWire, type Summary } from '../server/contracts/index.js'
import type { StepReport, Trainer, TrainingCourse } from './engine/engine.js'
import type { RunContext, RunReport } from './run-context.js'

/** The most the server sends: each point by itself, not buckets of several. */
const EVERY_POINT = 100_000
/** Steps of one row of trainer_state.json's log_history, as in TRL. */
const LOGGING_STEPS = 10

/** One optimizer step; the fields are the series of the charts, by their names there. */
export interface TrainedStep {
  step: number
  loss: number
  learning_rate: number
  grad_norm: number
  token_accuracy: number
  /** Tokens read so far in the run. */
  num_tokens: number
}
const STEP_SERIES = ['loss', 'learning_rate', 'grad_norm', 'token_accuracy', 'num_tokens'] as const
const EVAL_SERIES = ['loss', 'accuracy', 'token_accuracy'] as const

/** What the parameters of every kind that trains say about choosing and stopping. */
export interface CourseParameters {
  evalEvery: number
  bestMetric: BestMetric
  earlyStoppingPatience?: number | undefined
  earlyStoppingMinDelta: number
}

interface CoursePlan extends CourseParameters {
  totalSteps: number
}

export class LearningCurves {
  readonly steps: TrainedStep[]
  readonly evaluations: Evaluation[]
  private readonly plan: CoursePlan

  private constructor(plan: CoursePlan, steps: TrainedStep[], evaluations: Evaluation[]) {
    this.plan = plan
    this.steps = steps
    this.evaluations = evaluations
  }

  /** With the points of earlier attempts up to the checkpoint that this one goes on from. */
  static async open({ assignment, server, params }: Pick<RunContext<CourseParameters>, 'assignment' | 'server' | 'params'>, totalSteps: number): Promise<LearningCurves> {
    const plan = { ...params, totalSteps }
    const upTo = assignment.resume.checkpointStep
    if (upTo === null) return new LearningCurves(plan, [], [])
    const keys = [...STEP_SERIES.map((name) => `train/${name}`), ...EVAL_SERIES.map((name) => `eval/${name}`)]
    const path = `/api/runs/${encodeURIComponent(assignment.runId)}/metrics?keys=${keys.join(',')}&maxPoints=${EVERY_POINT}`
    const { series } = MetricsAnswerSchema.parse(await server.getJson(path))
    const valuesOf = (key: string): Map<number, number> =>
      new Map((series.find((one) => one.key === key)?.buckets ?? []).flatMap(({ lastStep, last }) => (lastStep <= upTo ? [[lastStep, fromWire(last)] as const] : [])))
    return new LearningCurves(plan, readSteps(valuesOf), readEvaluations(valuesOf))
  }

  addStep(report: StepReport): TrainedStep {
    const step: TrainedStep = {
      step: report.step,
      loss: report.loss,
      learning_rate: report.learningRate,
      grad_norm: report.gradNorm,
      token_accuracy: report.tokenAccuracy,
      num_tokens: (this.steps.at(-1)?.num_tokens ?? 0) + report.tokens,
    }
    this.steps.push(step)
    return step
  }

  addEvaluation(evaluation: Evaluation): void {
    this.evaluations.push(evaluation)
  }

  recommended(): ReturnType<typeof recommendCheckpoint> {
    return recommendCheckpoint(this.evaluations, this.plan.bestMetric)
  }

  /** Why the run shall end before its last step, in a sentence; null where it goes on. */
  stopReason(): string | null {
    const { earlyStoppingPatience: patience, earlyStoppingMinDelta: minDelta, bestMetric: by, totalSteps } = this.plan
    if (patience === undefined) return null
    const stop = earlyStop(this.evaluations, { by, patience, minDelta })
    return stop === null || stop.step >= totalSteps ? null : stop.reason
  }

  /** @param stepsPerEpoch of the trainer */
  course(stepsPerEpoch: number): TrainingCourse {
    return {
      best: this.recommended(),
      logHistory: logHistory(this.steps, this.evaluations, stepsPerEpoch),
      loggingSteps: LOGGING_STEPS,
      evalSteps: this.plan.evalEvery,
      inputTokens: this.steps.at(-1)?.num_tokens ?? 0,
    }
  }

  summary(): Pick<Summary, 'bestStep' | 'bestReason' | 'stopReason' | 'overfitStep' | 'generalizationGap'> {
    const best = this.recommended()
    const stopReason = this.stopReason()
    const gap = generalizationGap(this.evaluations, this.steps)
    return {
      bestStep: best?.step ?? null,
      ...(best === null ? {} : { bestReason: best.reason }),
      ...(stopReason === null ? {} : { stopReason }),
      overfitStep: firstOverfitStep(this.evaluations),
      generalizationGap: gap === null ? null : toWire(gap),
    }
  }
}

type ValuesOf = (key: string) => Map<number, number>

function readSteps(valuesOf: ValuesOf): TrainedStep[] {
  const [loss, ...rest] = STEP_SERIES.map((name) => valuesOf(`train/${name}`))
  const [rates, norms, accuracies, tokens] = rest
  return [...(loss ?? [])].map(([step, value]) => ({
    step,
    loss: value,
    learning_rate: rates?.get(step) ?? NaN,
    grad_norm: norms?.get(step) ?? NaN,
    token_accuracy: accuracies?.get(step) ?? NaN,
    num_tokens: tokens?.get(step) ?? NaN,
  }))
}

function readEvaluations(valuesOf: ValuesOf): Evaluation[] {
  const [accuracies, tokenAccuracies] = [valuesOf('eval/accuracy'), valuesOf('eval/token_accuracy')]
  return [...valuesOf('eval/loss')].map(([step, loss]) => {
    const [accuracy, tokenAccuracy] = [accuracies.get(step), tokenAccuracies.get(step)]
    return { step, loss, ...(accuracy === undefined ? {} : { accuracy }), ...(tokenAccuracy === undefined ? {} : { token_accuracy: tokenAccuracy }) }
  })
}

/** Rows in the order of their steps: every ten steps the mean loss and accuracy over them, and every evaluation. */
function logHistory(steps: readonly TrainedStep[], evaluations: readonly Evaluation[], stepsPerEpoch: number): Record<string, number>[] {
  const rows = evaluations.map(({ step, loss, accuracy, token_accuracy: tokenAccuracy }): Record<string, number> & { step: number } => ({
    epoch: step / stepsPerEpoch,
    eval_loss: loss,
    ...(accuracy === undefined ? {} : { eval_accuracy: accuracy }),
    ...(tokenAccuracy === undefined ? {} : { eval_mean_token_accuracy: tokenAccuracy }),
    step,
  }))
  for (let start = 0; start + LOGGING_STEPS <= steps.length; start += LOGGING_STEPS) {
    const window = steps.slice(start, start + LOGGING_STEPS)
    const last = window.at(-1)
    if (last === undefined) break
    const mean = (pick: (step: TrainedStep) => number): number => window.reduce((sum, step) => sum + pick(step), 0) / window.length
    rows.push({
      epoch: last.step / stepsPerEpoch,
      grad_norm: last.grad_norm,
      learning_rate: last.learning_rate,
      loss: mean(({ loss }) => loss),
      mean_token_accuracy: mean(({ token_accuracy: accuracy }) => accuracy),
      num_tokens: last.num_tokens,
      step: last.step,
    })
  }
  // Of one step the training comes first, as in a log that is written while it goes on.
  return rows.sort((a, b) => a.step - b.step || Number('eval_loss' in a) - Number('eval_loss' in b))
}

/** One optimizer step on the charts. */
export function reportStep(report: RunReport, trainer: Pick<Trainer, 'epoch'>, trained: TrainedStep, { tokens, durationMs }: Pick<StepReport, 'tokens' | 'durationMs'>): void {
  for (const name of STEP_SERIES) report.metric(`train/${name}`, trained.step, trained[name])
  report.metric('train/tokens_per_second', trained.step, (tokens / durationMs) * 1000)
  report.metric('train/epoch', trained.step, trainer.epoch)
}
