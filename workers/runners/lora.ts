/*
 * A LoRA run: trains an adapter on the train split, looks at the validation split every evalEvery steps
 * (the base model first), keeps a checkpoint each time, and scores the test split with the best of them.
 */
import { mkdir, rm } from 'node:fs/promises'
import { join } from 'node:path'
import type { DatasetTask, LoraParameters, Summary } from '../../server/contracts/index.js'
import { downloadCheckpoint } from '../earlier-work.js'
import { EngineError } from '../engine/engine-error.js'
import type { Trainer, TrainerOptions, TrainingExample } from '../engine/engine.js'
import { packRows, singleRows } from '../engine/batches.js'
import { loadTokenizer } from '../engine/formats/tokenizer.js'
import { openLanguageModel, type LanguageModel } from '../engine/generate.js'
import { createTrainer } from '../engine/trainer.js'
import { drawItems } from '../few-shot.js'
import { LearningCurves, reportStep } from '../learning-curves.js'
import { hashModel, resolveModel } from '../model-source.js'
import type { PromptItem } from '../prompt-builder.js'
import { elapsedMs, RunFailure, type RunContext, type SampleAnswer } from '../run-context.js'
import { assertScorable, summarizeExamples } from '../run-summary.js'
import { ANSWER_SCORERS } from '../scorers/score-answer.js'
import { encodeItems, logFirstExample, readLoraItems, TRAIN_SPLIT, VALIDATION_SPLIT } from './lora-data.js'
import { openFormat, type LoraFormat } from './lora-format.js'
import { scoreTest } from './lora-test.js'
import { encodeValidation, validate, type Validation } from './lora-validation.js'
import { stepsPerEpoch, warmupOf } from './training-schedule.js'

type Context = RunContext<LoraParameters>

const BETAS: [number, number] = [0.9, 0.999]
const SAMPLE_TOKENS = 48
const DEFAULT_SAMPLES = 3
const MS_PER_HOUR = 3_600_000

export async function runLora(context: Context): Promise<Summary> {
  const { dataset, params, assignment, report, folders, server, threads } = context
  const { task } = dataset.manifest
  const labels = task === 'classification' ? (dataset.manifest.labels ?? null) : null
  if (task === 'classification' && labels === null) throw new RunFailure('dataset_unfit', `"${dataset.manifest.name}" lists no labels; add labels: [...] to its dataset.yaml`)
  assertScorable(assignment.metrics, metricsOfTask(task), `a lora run on a ${task} dataset`)

  report.progress({ done: 0, total: 1, unit: 'steps', message: 'opening the model' })
  const source = await resolveModel(params.model, { server, modelRoots: folders.models, cacheFolder: folders.cache })
  if (source.adapterFolder !== null) throw new RunFailure('invalid_params', `model "${params.model}" is itself an adapter; train on a whole model`)
  report.environment({ modelHash: await hashModel(source) })

  const data = await prepareData(context, source.folder, labels)
  const options = trainerOptions(context, source.folder, data.training)
  const trainer = await createTrainer(options, data.training)
  const model = await openLanguageModel({ folder: source.folder, threads: params.threads ?? threads, device: params.device })
  try {
    if (context.resumeFolder !== null) await trainer.restore(context.resumeFolder)
    const job: Job = { context, trainer, model, labels, totalSteps: options.totalSteps, ...data, curves: await LearningCurves.open(context), best: null }
    report.log('info', `${trainer.trainableParameters.toLocaleString('en')} trainable parameters, ${data.training.length} examples, ${trainer.stepsPerEpoch} steps an epoch, ${options.totalSteps} steps in all`)
    await train(job)
    return await finish(job)
  } finally {
    await model.close()
    await trainer.dispose()
  }
}

function metricsOfTask(task: DatasetTask): string[] {
  if (task === 'classification') return ['accuracy', 'loss']
  return task === 'text' ? ['loss', 'bits_per_byte'] : [...Object.keys(ANSWER_SCORERS), 'loss']
}

interface Data {
  format: LoraFormat
  training: TrainingExample[]
  validation: Validation
  validationItems: PromptItem[]
}

interface Job extends Data {
  context: Context
  trainer: Trainer
  /** The same base weights, for answers; takes each checkpoint's adapter in turn. */
  model: LanguageModel
  labels: readonly string[] | null
  totalSteps: number
  curves: LearningCurves
  /** The best checkpoint so far whose files lie on this disk. */
  best: { step: number; folder: string } | null
}

async function prepareData({ dataset, params, assignment, report }: Context, modelFolder: string, labels: readonly string[] | null): Promise<Data> {
  const tokenizer = loadTokenizer(modelFolder)
  const format = openFormat(dataset.manifest.task, { params, tokenizer })
  const trainItems = drawItems(await readLoraItems(dataset, TRAIN_SPLIT), params.trainLimit, assignment.seed)
  const validationItems = drawItems(await readLoraItems(dataset, VALIDATION_SPLIT), params.evalLimit, assignment.seed)
  const shared = { format, maxLength: params.maxLength, report }
  const training = encodeItems(trainItems, { ...shared, what: TRAIN_SPLIT })
  const [first] = training
  if (first !== undefined) logFirstExample(first, tokenizer, report)
  return {
    format,
    validationItems,
    training,
    validation: encodeValidation(validationItems, labels ?? [], { ...shared, what: VALIDATION_SPLIT }),
  }
}

function trainerOptions({ params, assignment, threads, report }: Context, modelFolder: string, training: TrainingExample[]): TrainerOptions {
  const rows = (params.packing ? packRows(training, params.maxLength) : singleRows(training)).length
  const totalSteps = params.steps ?? Math.max(1, Math.ceil(params.epochs * stepsPerEpoch(rows, params)))
  const { rank, alpha = 2 * rank, dropout, targetModules, useRslora, useDora, loraInit, loraPlusRatio } = params
  const { learningRate, schedule, weightDecay, maxGradNorm, labelSmoothing, batchSize, accumulationSteps, maxLength, packing, gradientCheckpointing, device } = params
  return {
    ...{ modelFolder, learningRate, schedule, totalSteps, weightDecay, maxGradNorm, labelSmoothing, batchSize, accumulationSteps, maxLength, packing, gradientCheckpointing, device },
    warmupSteps: warmupOf(params, totalSteps, report),
    lora: { rank, alpha, dropout, targetModules, useRslora, useDora, init: loraInit, loraPlusRatio },
    betas: BETAS,
    eps: 1e-8,
    seed: assignment.seed,
    threads: params.threads ?? threads,
  }
}

async function train(job: Job): Promise<void> {
  const { context, trainer, totalSteps, curves } = job
  const { params, report } = context
  if (trainer.globalStep === 0) await evaluateAndSave(job)
  while (trainer.globalStep < totalSteps) {
    const step = await nextStep(job)
    curves.addStep(step)
    reportStep(report, trainer, step)
    report.progress({ done: step.step, total: totalSteps, unit: 'steps' })
    if (step.step % params.evalEvery === 0 || step.step === totalSteps) await evaluateAndSave(job)
  }
}

/** A loss that is no longer a number is the last point of the curve, and the end of the run. */
async function nextStep({ trainer, context: { report } }: Job): Promise<Awaited<ReturnType<Trainer['step']>>> {
  try {
    return await trainer.step()
  } catch (error) {
    if (!(error instanceof EngineError) || error.code !== 'loss_not_finite') throw error
    const { step, loss, gradNorm } = error.details
    report.metric('train/loss', Number(step), Number(loss))
    report.metric('train/grad_norm', Number(step), Number(gradNorm))
    throw new RunFailure('diverged', error.message, { cause: error })
  }
}

async function evaluateAndSave(job: Job): Promise<void> {
  const { context, trainer, model, validation, totalSteps, curves } = job
  const { report, folders } = context
  const step = trainer.globalStep
  report.progress({ done: step, total: totalSteps, unit: 'steps', message: 'evaluating' })
  const { loss, perplexity, accuracy, tokenAccuracy } = await validate(trainer, validation)
  const metrics = { 'eval/loss': loss, 'eval/perplexity': perplexity, 'eval/token_accuracy': tokenAccuracy, ...(accuracy === null ? {} : { 'eval/accuracy': accuracy }) }
  for (const [key, value] of Object.entries(metrics)) report.metric(key, step, value)

  const folder = join(folders.work, `checkpoint-${step}`)
  await mkdir(folder, { recursive: true })
  await trainer.save(folder)
  model.useAdapter({ folder })
  curves.addEvaluation({ step, loss })
  await report.checkpoint({ step, folder, metrics, samples: await answerSamples(job) })
  await keepBest(job, { step, folder })
}

async function answerSamples({ context, model, format, validationItems }: Job): Promise<SampleAnswer[]> {
  const { samples } = context.params
  // A text asks nothing: without prompts of the file's own there is nothing to go on from.
  const items = context.dataset.manifest.task === 'text' ? [] : validationItems.slice(0, DEFAULT_SAMPLES)
  const questions =
    samples.length > 0
      ? samples.map((prompt) => ({ prompt: format.questionOf(prompt), expected: null }))
      : items.map((item) => ({ prompt: format.promptOf(item), expected: format.answerOf(item) }))
  const answers: SampleAnswer[] = []
  for (const question of questions) {
    const { text } = await model.generate(question.prompt, { maxTokens: SAMPLE_TOKENS, temperature: 0 })
    answers.push({ ...question, output: text })
  }
  return answers
}

/** Only the best checkpoint's files are wanted again; the server has them all. */
async function keepBest(job: Job, saved: { step: number; folder: string }): Promise<void> {
  const isBest = job.curves.recommended()?.step === saved.step
  const dropped = isBest ? job.best?.folder : saved.folder
  if (isBest) job.best = saved
  if (dropped !== undefined) await rm(dropped, { recursive: true, force: true })
}

async function finish(job: Job): Promise<Summary> {
  const { context, trainer, model, curves } = job
  const { params, report } = context
  const chosen = curves.recommended()
  if (chosen === null) throw new RunFailure('diverged', 'no evaluation has a finite loss, so there is no checkpoint to choose; lower learningRate')
  report.log('info', `chosen checkpoint: ${chosen.reason}`)
  model.useAdapter({ folder: await folderOf(job, chosen.step) })
  const { format, labels, totalSteps } = job
  const onItem = (done: number, total: number): void => report.progress({ done: totalSteps, total: totalSteps, unit: 'steps', message: `testing: ${done} of ${total} items` })
  const examples = params.testSplit === null ? [] : await scoreTest(context, { split: params.testSplit, model, format, labels, onItem })
  return {
    ...summarizeExamples(context, examples),
    costUsd: params.price?.perHour === undefined ? null : (params.price.perHour * elapsedMs(context)) / MS_PER_HOUR,
    trainableParameters: trainer.trainableParameters,
    ...curves.summary(),
  }
}

/** A best checkpoint of an earlier attempt lies on the server only. */
async function folderOf({ best, context }: Job, step: number): Promise<string> {
  if (best?.step === step) return best.folder
  const folder = join(context.folders.work, `best-${step}`)
  await downloadCheckpoint(context.server, { runId: context.assignment.runId, step, folder, wants: (name) => name.startsWith('adapter_') })
  return folder
}
