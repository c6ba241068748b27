/*
 * A LoRA run: trains an adapter (or, with method full, every weight) on the train split, looks at the validation split
 * every evalEvery steps (the base model first), keeps a checkpoint each time, and scores the test split with the best.
 */
import type { DatasetTask, LoraParameters, Summary } from '../../server/contracts/index.js'
import type { Trainer, TrainerOptions, TrainingExample } from '../engine/engine.js'
import { packRows, singleRows } from '../engine/batches.js'
import { loadTokenizer, type Tokenizer } from '../engine/formats/tokenizer.js'
import type { LanguageModel } from '../engine/generate.js'
import { createTrainer } from '../engine/trainer.js'
import type { BaseWeights } from '../engine/weight-cache.js'
import { drawItems } from '../few-shot.js'
import type { LearningCurves } from '../learning-curves.js'
import { hashModel, resolveModel } from '../model-source.js'
import type { PromptItem } from '../prompt-builder.js'
import { elapsedMs, RunFailure, type RunContext, type SampleAnswer } from '../run-context.js'
import { assertScorable, summarizeExamples } from '../run-summary.js'
import { ANSWER_SCORERS } from '../scorers/score-answer.js'
import { CheckpointModel, copyCompanions } from './checkpoint-model.js'
import { encodeItems, logFirstExample, readLoraItems, TRAIN_SPLIT, VALIDATION_SPLIT } from './lora-data.js'
import { openFormat, type LoraFormat } from './lora-format.js'
import { scoreTest } from './lora-test.js'
import { assertLoraFits } from './memory-check.js'
import { encodeValidation, validate, type Validation } from './lora-validation.js'
import { runTraining, type Trained, type TrainingJob } from './training-loop.js'
import { stepsPerEpoch, warmupOf } from './training-schedule.js'

type Context = RunContext<LoraParameters>

const BETAS: [number, number] = [0.9, 0.999]
const SAMPLE_TOKENS = 48
const DEFAULT_SAMPLES = 3
const MS_PER_HOUR = 3_600_000
/** Whole models with their optimizer take 12 bytes a parameter and more: by default only few are kept. */
const WHOLE_MODELS_KEPT = 2
/** Rates that suit adapters ruin a model of which every weight moves. */
const HIGH_FULL_RATE = 5e-4

export async function runLora(context: Context): Promise<Summary> {
  const { dataset, params, assignment, report, folders, server, threads } = context
  const { task } = dataset.manifest
  const labels = task === 'classification' ? (dataset.manifest.labels ?? null) : null
  if (task === 'classification' && labels === null) throw new RunFailure('dataset_unfit', `"${dataset.manifest.name}" lists no labels; add labels: [...] to its dataset.yaml`)
  assertScorable(assignment.metrics, metricsOfTask(task), `a lora run on a ${task} dataset`)
  if (params.bestMetric === 'accuracy' && labels === null) throw new RunFailure('invalid_params', `bestMetric is accuracy, and "${dataset.manifest.name}" has no labels to be right about; use loss or token_accuracy`)

  report.progress({ done: 0, total: 1, unit: 'steps', message: 'opening the model' })
  const source = await resolveModel(params.model, { server, modelRoots: folders.models, cacheFolder: folders.cache })
  if (source.adapterFolder !== null) throw new RunFailure('invalid_params', `model "${params.model}" is itself an adapter; train on a whole model`)
  assertLoraFits(params, source.folder)
  report.environment({ modelHash: await hashModel(source) })

  const data = await prepareData(context, source.folder, labels)
  const options = trainerOptions(context, source.folder, data.training)
  const trainer = await createTrainer(options, data.training)
  const models = new CheckpointModel({ folder: source.folder, base: baseOf(context), method: params.method, threads: params.threads ?? threads, device: params.device })
  try {
    if (context.resumeFolder !== null) await trainer.restore(context.resumeFolder)
    report.log('info', `${trainer.trainableParameters.toLocaleString('en')} trainable parameters, ${data.training.length} examples, ${trainer.stepsPerEpoch} steps an epoch, ${options.totalSteps} steps in all`)
    const job: Job = { context, trainer, models, labels, modelFolder: source.folder, totalSteps: options.totalSteps, ...data }
    return await finish(job, await runTraining(trainingJob(job)))
  } finally {
    await models.close()
    await trainer.dispose()
  }
}

function metricsOfTask(task: DatasetTask): string[] {
  if (task === 'classification') return ['accuracy', 'loss']
  return task === 'text' ? ['loss', 'bits_per_byte'] : [...Object.keys(ANSWER_SCORERS), 'loss']
}

interface Data {
  tokenizer: Tokenizer
  format: LoraFormat
  training: TrainingExample[]
  validation: Validation
  validationItems: PromptItem[]
}

interface Job extends Data {
  context: Context
  trainer: Trainer
  models: CheckpointModel
  labels: readonly string[] | null
  modelFolder: string
  totalSteps: number
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
    tokenizer,
    format,
    validationItems,
    training,
    validation: encodeValidation(validationItems, labels ?? [], { ...shared, what: VALIDATION_SPLIT }),
  }
}

function baseOf({ params, folders }: Context): BaseWeights {
  return { dtype: params.baseDtype, cacheFolder: folders.cache }
}

function trainerOptions(context: Context, modelFolder: string, training: TrainingExample[]): TrainerOptions {
  const { params, assignment, threads, report } = context
  const rows = (params.packing ? packRows(training, params.maxLength) : singleRows(training)).length
  const totalSteps = params.steps ?? Math.max(1, Math.ceil(params.epochs * stepsPerEpoch(rows, params)))
  if (params.method === 'full' && params.learningRate >= HIGH_FULL_RATE) report.log('warn', `learningRate ${params.learningRate} suits an adapter; with method full every weight moves, and a tenth of it or less is usual`)
  const { rank, alpha = 2 * rank, dropout, targetModules, useRslora, useDora, loraInit, loraPlusRatio } = params
  const { learningRate, schedule, weightDecay, maxGradNorm, labelSmoothing, batchSize, accumulationSteps, maxLength, packing, gradientCheckpointing, device } = params
  return {
    ...{ modelFolder, learningRate, schedule, totalSteps, weightDecay, maxGradNorm, labelSmoothing, batchSize, accumulationSteps, maxLength, packing, gradientCheckpointing, device },
    warmupSteps: warmupOf(params, totalSteps, report),
    base: baseOf(context),
    lora: params.method === 'full' ? null : { rank, alpha, dropout, targetModules, useRslora, useDora, init: loraInit, loraPlusRatio },
    betas: BETAS,
    eps: 1e-8,
    seed: assignment.seed,
    threads: params.threads ?? threads,
    saveDtype: params.saveDtype,
  }
}

function trainingJob(job: Job): TrainingJob {
  const { context, trainer, tokenizer, totalSteps, validation, models, modelFolder } = job
  const { method, keepCheckpoints } = context.params
  return {
    context,
    trainer,
    tokenizer,
    totalSteps,
    startsWithEvaluation: true,
    keepCheckpoints: keepCheckpoints ?? (method === 'full' ? WHOLE_MODELS_KEPT : undefined),
    evaluate: async () => {
      const { loss, perplexity, accuracy, tokenAccuracy, items } = await validate(trainer, validation)
      return {
        evaluation: { loss, token_accuracy: tokenAccuracy, ...(accuracy === null ? {} : { accuracy }) },
        metrics: { 'eval/loss': loss, 'eval/perplexity': perplexity, 'eval/token_accuracy': tokenAccuracy, ...(accuracy === null ? {} : { 'eval/accuracy': accuracy }) },
        items,
      }
    },
    complete: async (folder) => {
      if (method === 'full') copyCompanions(modelFolder, folder)
      const answers = await answerSamples(job, await models.at(folder))
      await models.rest()
      return answers
    },
    partialSummary: (curves) => summaryOf(job, curves, context.doneExamples.length === 0 ? { metrics: {} } : {}),
  }
}

async function answerSamples({ context, format, validationItems }: Job, model: LanguageModel): Promise<SampleAnswer[]> {
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

async function finish(job: Job, { curves, bestFolder }: Trained): Promise<Summary> {
  const { context, trainer, models, format, labels, totalSteps } = job
  const { params, report } = context
  // Nothing is trained any more.
  await trainer.dispose()
  const model = await models.at(await bestFolder())
  report.log('info', `chosen checkpoint: ${curves.recommended()?.reason ?? ''}`)
  const onItem = (done: number, total: number): void => report.progress({ done: totalSteps, total: totalSteps, unit: 'steps', message: `testing: ${done} of ${total} items` })
  const examples = params.testSplit === null ? [] : await scoreTest(context, { split: params.testSplit, model, format, labels, onItem })
  return summaryOf(job, curves, summarizeExamples(context, examples))
}

function summaryOf({ context, trainer }: Job, curves: LearningCurves, scored: Partial<Summary>): Summary {
  const { params } = context
  return {
    ...summarizeExamples(context, context.doneExamples),
    ...scored,
    costUsd: params.price?.perHour === undefined ? null : (params.price.perHour * elapsedMs(context)) / MS_PER_HOUR,
    trainableParameters: trainer.trainableParameters,
    ...curves.summary(),
  }
}
