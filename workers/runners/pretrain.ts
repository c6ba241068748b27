/*
 * Trains a small language model from nothing: a byte-level BPE on the training text, then every
 * weight by next-token prediction. Each checkpoint is a whole Hugging Face folder.
 *
 * Documents stand one after another, each begun by the end-of-text token, and the stream is cut
 * into rows of maxLength tokens. Evaluation reads each held-out document for itself.
 */
import { existsSync } from 'node:fs'
import { join } from 'node:path'
import type { ItemOfTask } from '../../datasets/items.js'
import type { Example, PretrainParameters, Summary } from '../../server/contracts/index.js'
import type { ExampleLoss, LlamaConfig, Trainer, TrainerOptions, TrainingExample } from '../engine/engine.js'
import { trainBpe } from '../engine/formats/bpe.js'
import { loadTokenizer, type Tokenizer } from '../engine/formats/tokenizer.js'
import { SPECIAL_TOKENS, writeTokenizerFiles } from '../engine/formats/tokenizer-files.js'
import { openLanguageModel } from '../engine/generate.js'
import { createTrainer } from '../engine/trainer.js'
import type { LearningCurves } from '../learning-curves.js'
import { elapsedMs, RunFailure, type RunContext, type SampleAnswer } from '../run-context.js'
import { summarizeExamples } from '../run-summary.js'
import { copyCompanions, repackLimitBytes } from './checkpoint-model.js'
import { assertPretrainFits } from './memory-check.js'
import { scoredText } from './text-score.js'
import type { EvaluatedItem } from './token-losses.js'
import { runTraining, type Trained, type TrainingJob } from './training-loop.js'
import { warmupOf } from './training-schedule.js'

type TextItem = ItemOfTask['text']
type Context = RunContext<PretrainParameters>

const SAMPLE_TOKENS = 60
/** Betas of GPT-3 and Llama: the second moment must follow a loss that falls fast. */
const BETAS: [number, number] = [0.9, 0.95]

interface HeldOut {
  id: string
  text: string
  bytes: number
  tokens: number[]
  /** Rows of one document overlap by one token, so that each token is predicted exactly once. */
  rows: TrainingExample[]
}

export async function runPretrain(context: Context): Promise<Summary> {
  const { params, report, dataset } = context
  if (dataset.manifest.task !== 'text') throw new RunFailure('dataset_unsuitable', `pretraining reads a dataset of task text; "${dataset.manifest.name}" is of task ${dataset.manifest.task}`)
  assertPretrainFits(params)
  report.progress({ done: 0, total: params.steps, unit: 'steps', message: 'reading the text' })
  const training = await dataset.readAs('text', 'train')
  const tokenizerFolder = prepareTokenizer(context, training)
  const tokenizer = loadTokenizer(tokenizerFolder)
  report.progress({ done: 0, total: params.steps, unit: 'steps', message: 'encoding the text' })
  const rows = packStream(training, tokenizer, params.maxLength)
  const heldOut = (await dataset.readAs('text', params.evalSplit)).map((item) => encodeHeldOut(item, tokenizer, params.maxLength))
  report.log('info', `${training.length} documents make ${rows.length} rows of ${params.maxLength} tokens; ${heldOut.length} documents are held out`)

  const trainer = await createTrainer(trainerOptions(context, tokenizer), rows)
  try {
    report.log('info', `${trainer.trainableParameters.toLocaleString('en')} parameters; an epoch is ${trainer.stepsPerEpoch} steps`)
    if (context.resumeFolder !== null) await trainer.restore(context.resumeFolder)
    const job: Job = { context, trainer, heldOut, tokenizer, tokenizerFolder }
    return await finish(job, await runTraining(trainingJob(job)))
  } finally {
    await trainer.dispose()
  }
}

/** The vocabulary of an earlier attempt, or a new one: the same text gives the same one. */
function prepareTokenizer({ params, report, folders, resumeFolder }: Context, training: readonly TextItem[]): string {
  if (resumeFolder !== null && existsSync(join(resumeFolder, 'tokenizer.json'))) return resumeFolder
  report.progress({ done: 0, total: params.steps, unit: 'steps', message: 'training the tokenizer' })
  const startedAt = performance.now()
  const vocabulary = trainBpe(
    training.map((item) => item.text),
    { vocabSize: params.vocabSize, specialTokens: SPECIAL_TOKENS },
  )
  const folder = join(folders.work, 'tokenizer')
  writeTokenizerFiles(folder, vocabulary, { contextLength: params.contextLength })
  report.log('info', `tokenizer of ${vocabulary.tokens.length} tokens trained in ${((performance.now() - startedAt) / 1000).toFixed(1)} s`)
  return folder
}

function packStream(items: readonly TextItem[], tokenizer: Tokenizer, maxLength: number): TrainingExample[] {
  const stream = items.flatMap((item) => tokenizer.encode(item.text))
  const rows: TrainingExample[] = []
  for (let start = 0; start + maxLength <= stream.length; start += maxLength) {
    const tokens = Int32Array.from(stream.slice(start, start + maxLength))
    rows.push({ id: `row-${rows.length}`, tokens, labels: tokens })
  }
  if (rows.length === 0) throw new RunFailure('dataset_unsuitable', `the training text has ${stream.length} tokens, less than one row of maxLength ${maxLength}; give more text or a smaller maxLength`)
  return rows
}

function encodeHeldOut({ id, text }: TextItem, tokenizer: Tokenizer, maxLength: number): HeldOut {
  const tokens = tokenizer.encode(text)
  const rows: TrainingExample[] = []
  for (let start = 0; start < tokens.length - 1; start += maxLength - 1) {
    const piece = tokens.slice(start, start + maxLength)
    rows.push({ id: `${id}#${rows.length}`, tokens: piece, labels: piece })
  }
  return { id, text, bytes: Buffer.byteLength(text), tokens, rows }
}

function trainerOptions({ params, assignment, threads, report }: Context, tokenizer: Tokenizer): TrainerOptions {
  if (params.hiddenSize % params.heads !== 0) throw new RunFailure('invalid_params', `hiddenSize ${params.hiddenSize} is not a multiple of heads ${params.heads}`)
  if (params.heads % params.kvHeads !== 0) throw new RunFailure('invalid_params', `heads ${params.heads} is not a multiple of kvHeads ${params.kvHeads}`)
  const config: LlamaConfig = {
    hiddenSize: params.hiddenSize,
    intermediateSize: params.intermediateSize,
    layers: params.layers,
    heads: params.heads,
    kvHeads: params.kvHeads,
    headDim: params.hiddenSize / params.heads,
    vocabSize: tokenizer.vocabSize,
    maxPositions: params.contextLength,
    ropeTheta: params.ropeTheta,
    ropeScaling: null,
    rmsNormEps: 1e-5,
    tieEmbeddings: true,
    qkvBias: false,
  }
  const { learningRate, schedule, weightDecay, maxGradNorm, labelSmoothing, batchSize, accumulationSteps, maxLength, gradientCheckpointing, device } = params
  return {
    ...{ learningRate, schedule, weightDecay, maxGradNorm, labelSmoothing, batchSize, accumulationSteps, maxLength, gradientCheckpointing, device, config },
    warmupSteps: warmupOf(params, params.steps, report),
    modelFolder: '',
    lora: null,
    totalSteps: params.steps,
    betas: BETAS,
    eps: 1e-8,
    packing: false,
    seed: assignment.seed,
    threads: params.threads ?? threads,
    saveDtype: 'BF16',
  }
}

interface Job {
  context: Context
  trainer: Trainer
  heldOut: readonly HeldOut[]
  tokenizer: Tokenizer
  tokenizerFolder: string
}

function trainingJob(job: Job): TrainingJob {
  const { context, trainer, tokenizer, tokenizerFolder } = job
  const { params, threads } = context
  return {
    context,
    trainer,
    tokenizer,
    totalSteps: params.steps,
    startsWithEvaluation: false,
    keepCheckpoints: params.keepCheckpoints,
    evaluate: () => evaluate(job),
    complete: (folder) => {
      copyCompanions(tokenizerFolder, folder)
      return answerSamples(folder, params, threads)
    },
    partialSummary: (curves) => ({ ...summaryOf(job, curves, context.doneExamples), metrics: {} }),
  }
}

async function evaluate({ context, trainer, heldOut }: Job): ReturnType<TrainingJob['evaluate']> {
  const part = heldOut.slice(0, context.params.evalLimit)
  const { loss, perplexity, tokenAccuracy, perExample } = await trainer.evaluate(part.flatMap((document) => document.rows))
  const byRow = new Map(perExample.map((row) => [row.id, row]))
  const bitsPerByte = totalNats(perExample) / Math.LN2 / part.reduce((sum, document) => sum + document.bytes, 0)
  return {
    evaluation: { loss, token_accuracy: tokenAccuracy },
    metrics: { 'eval/loss': loss, 'eval/perplexity': perplexity, 'eval/token_accuracy': tokenAccuracy, 'eval/bits_per_byte': bitsPerByte },
    items: part.flatMap((document) => lossOf(document, byRow)),
  }
}

async function answerSamples(folder: string, params: PretrainParameters, threads: number): Promise<SampleAnswer[]> {
  if (params.samples.length === 0) return []
  const model = await openLanguageModel({ folder, threads, device: params.device, repackLimitBytes })
  try {
    const answers: SampleAnswer[] = []
    for (const prompt of params.samples) answers.push({ prompt, output: (await model.generate(prompt, { maxTokens: SAMPLE_TOKENS, temperature: 0 })).text, expected: null })
    return answers
  } finally {
    await model.close()
  }
}

/** A document's rows together; nothing where none of its tokens is predicted. */
function lossOf({ id, tokens: text, rows }: HeldOut, byRow: ReadonlyMap<string, ExampleLoss>): EvaluatedItem[] {
  const losses = rows.flatMap((row) => byRow.get(row.id) ?? [])
  const tokens = losses.reduce((sum, row) => sum + row.tokens, 0)
  return tokens === 0 ? [] : [{ itemId: id, loss: totalNats(losses) / tokens, tokens, tokenLosses: Float32Array.from(losses.flatMap((row) => [...row.tokenLosses])), example: { id, tokens: text, labels: text } }]
}

/** Negative log-likelihood of all predicted tokens. */
function totalNats(losses: readonly ExampleLoss[]): number {
  return losses.reduce((sum, { loss, tokens }) => sum + (tokens === 0 ? 0 : loss * tokens), 0)
}

/** Scores every held-out document with the recommended checkpoint. */
async function finish(job: Job, { curves, bestFolder }: Trained): Promise<Summary> {
  const { context, trainer, heldOut } = job
  const { report, doneExamples } = context
  const best = curves.recommended()
  report.log('info', `chosen checkpoint: ${best?.reason ?? 'none'}`)
  const folder = await bestFolder()
  if (best?.step !== trainer.globalStep) await trainer.restore(folder)
  const examples: Example[] = [...doneExamples]
  const done = new Set(doneExamples.map((example) => example.itemId))
  for (const document of heldOut.filter(({ id }) => !done.has(id))) {
    const { perExample } = await trainer.evaluate(document.rows)
    const example = scoredText(document, { nats: totalNats(perExample), tokens: perExample.reduce((sum, row) => sum + row.tokens, 0) })
    report.example(example)
    examples.push(example)
  }
  return summaryOf(job, curves, examples)
}

function summaryOf({ context, trainer }: Job, curves: LearningCurves, examples: readonly Example[]): Summary {
  const { params } = context
  return {
    ...summarizeExamples(context, examples),
    costUsd: params.price?.perHour === undefined ? null : (params.price.perHour * elapsedMs(context)) / 3_600_000,
    trainableParameters: trainer.trainableParameters,
    ...curves.summary(),
  }
}
