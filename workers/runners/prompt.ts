/* A prompt run: template × few-shot examples × model over a held-out split, each item asked and scored. */
import { z } from 'zod'
import type { Dataset } from '../../datasets/reader.js'
import { ownMetrics } from '../../experiments/metrics.js'
import { corpusPartOf } from '../../experiments/score-columns.js'
import { CORPUS_FIGURE } from '../../experiments/statistics/corpus.js'
import { type CorpusFigure, fromWire, type Example, type PromptParameters, type Summary } from '../../server/contracts/index.js'
import type { RunBudget } from '../budget.js'
import { forEachInFlight } from '../in-flight.js'
import { RunFailure, type RunContext } from '../run-context.js'
import { assertScorable, summarizeExamples } from '../run-summary.js'
import { CORPUS_METRICS } from '../scorers/corpus.js'
import { CHOICE_METRICS } from '../scorers/likelihoods.js'
import { ANSWER_SCORERS } from '../scorers/score-answer.js'
import type { PromptItem } from '../prompt-builder.js'
import { PromptRefused } from '../providers/chat-model.js'
import { amongLabels, answerByGeneration, answerByLikelihood, answerByTarget, answerByText, withTargetLoss, type Answer, type Choices } from './answering.js'
import type { AnsweringOptions } from './asking.js'
import { assertFieldsRead } from './fields-read.js'
import { openNamedScoring, type NamedScoring } from './named-scoring.js'
import { openPromptModel } from './prompt-model.js'
import { PromptPlan } from './prompt-plan.js'

type Context = RunContext<PromptParameters>

const ChoicesSchema = z.object({ texts: z.array(z.string().min(1)).min(2), gold: z.array(z.int()).min(1).optional() })

/** Items that are looked up, stored or scored beside those that are being asked: one batch of look-ups is scored while the next is under way. */
const LOOKAHEAD = 2_000
/** Points of a running mean that a chart can show. */
const MOST_POINTS = 500
const PROGRESS_EVERY_MS = 200

export async function runPrompt(context: Context): Promise<Summary> {
  const { dataset, params, assignment, report } = context
  const labels = await labelsOf(dataset)
  const way = scoringOf(params, labels)
  assertScorable(assignment.metrics, scoresGiven(params, labels, way), `a ${dataset.manifest.task} dataset by ${SCORED_BY[way]}`)
  const plan = await PromptPlan.make(context, labels)

  report.progress({ done: context.doneExamples.length, total: plan.items.length, unit: 'items', message: 'opening the model' })
  const opened = await openPromptModel(context)
  let named: NamedScoring | undefined
  try {
    assertFieldsRead(opened.model, plan.items)
    named = await openNamedScoring(context, plan.items, opened)
    const options = { model: opened.model, labels, language: dataset.manifest.language, metrics: assignment.metrics, seed: assignment.seed, params, named }
    const answer = answering(way, { ...options, labels })
    return await answerAll(context, { items: plan.items, concurrency: opened.model.concurrency, budget: opened.budget, named, answer: async (item) => answer(await plan.question(item)) })
  } finally {
    await named?.close()
    await opened.model.close()
  }
}

/** Null for free-text tasks. Labels that the manifest does not list are those of the train split. */
export async function labelsOf(dataset: Dataset): Promise<readonly string[] | null> {
  const { task, labels, name } = dataset.manifest
  if (task === 'generation' || task === 'retrieval') return null
  if (task !== 'classification') throw new RunFailure('dataset_unfit', `a prompt run needs a classification, generation or retrieval dataset, and "${name}" is for ${task}`)
  if (labels !== undefined) return labels
  const split = dataset.splits['train'] === undefined ? 'test' : 'train'
  return [...new Set((await dataset.readAs('classification', split)).map(({ target }) => target))].sort()
}

/** Of an item that lists its own, else the labels of the dataset. @throws {PromptRefused} for an item without choices */
export function choosingAmong({ choices: field, choicesAre }: Pick<PromptParameters, 'choices' | 'choicesAre'>, labels: readonly string[]): (item: PromptItem) => Choices {
  if (field === undefined && choicesAre === 'contexts') throw new RunFailure('invalid_params', 'choicesAre is contexts, and choices names no field that lists them; name it')
  if (field === undefined) return amongLabels(labels)
  return (item) => {
    const parsed = ChoicesSchema.safeParse({ texts: item[field], gold: item['gold'] })
    if (!parsed.success) throw new PromptRefused(`choices is "${field}", and item "${item.id}" has there ${JSON.stringify(item[field])?.slice(0, 120) ?? 'nothing'}; give a list of two texts or more, and in gold, if it is there, the places of the right ones`)
    const { texts, gold } = parsed.data
    if (choicesAre === 'contexts' && gold === undefined) throw new PromptRefused(`choicesAre is contexts, and item "${item.id}" has no gold; list there the places of the right ones`)
    return { texts, gold: gold ?? [texts.indexOf(item.target)] }
  }
}

export type Scoring = 'generate' | 'likelihood' | 'target' | 'rolling'

const SCORED_BY: Readonly<Record<Scoring, string>> = { generate: 'generated text', likelihood: 'likelihood', target: 'the likelihood of the target', rolling: 'the likelihood of whole texts' }

export function answering(way: Scoring, options: AnsweringOptions & { params: PromptParameters }): Answer {
  switch (way) {
    case 'likelihood':
      return answerByLikelihood({ ...options, choicesOf: choosingAmong(options.params, options.labels ?? []) })
    case 'target':
      return answerByTarget(options)
    case 'rolling':
      return answerByText(options)
    case 'generate':
      return options.metrics?.includes('loss') === true ? withTargetLoss(answerByGeneration(options), options) : answerByGeneration(options)
  }
}

/** How answers are told from each other. @throws {RunFailure} where the model or the dataset cannot */
export function scoringOf({ scoring, model, choices }: PromptParameters, labels: readonly string[] | null): Scoring {
  const isLocal = typeof model === 'string'
  const tellsLikelihood = isLocal || model.provider === 'recorded' || (model.provider === 'openai' && model.api === 'completions')
  if (scoring === 'target' || scoring === 'rolling') {
    if (tellsLikelihood) return scoring
    throw new RunFailure('invalid_params', `scoring is ${scoring}, but a chat endpoint tells no likelihood of a given text (api: completions may); name a local model, or set scoring to generate`)
  }
  const canChoose = labels !== null || choices !== undefined
  const isAsked = scoring === 'likelihood' || (choices !== undefined && scoring === 'auto')
  if (isAsked && !(canChoose && tellsLikelihood)) {
    const why = !canChoose ? 'this dataset has no labels' : 'a chat endpoint tells no likelihood of a given text (api: completions may)'
    throw new RunFailure('invalid_params', `${scoring === 'likelihood' ? 'scoring is likelihood' : 'choices are told apart by likelihood'}, but ${why}; set scoring to generate${scoring === 'likelihood' ? ' or auto' : ''}`)
  }
  return isAsked || (scoring === 'auto' && isLocal && labels !== null) ? 'likelihood' : 'generate'
}

/** The loss of a text can be told only where likelihoods are. */
export function scoresGiven({ model, scorers }: PromptParameters, labels: readonly string[] | null, way: Scoring): string[] {
  if (way === 'target') return ['greedy_match', 'target_perplexity', 'loss']
  if (way === 'rolling') return ['word_perplexity', 'byte_perplexity', 'bits_per_byte', 'loss']
  const answers = [...(labels === null ? [...Object.keys(ANSWER_SCORERS), ...CORPUS_METRICS.keys()] : ['accuracy']), ...Object.keys(scorers)]
  if (way === 'likelihood') return [...Object.keys(scorers), 'accuracy', ...CHOICE_METRICS.keys(), 'acc_mutual_info', 'greedy_match', 'loss']
  return typeof model === 'string' ? [...answers, 'loss'] : answers
}

interface Work<Item> {
  items: readonly Item[]
  /** How many items are answered at a time. */
  concurrency: number
  budget: Pick<RunBudget, 'spentUsd'>
  answer(item: Item): Promise<Example>
  /** Knows more of its scores than their figures. */
  named: NamedScoring | undefined
}

/** Whatever ends the run early, what was answered until then is summed up. */
export async function answerAll<Item extends { id: string }>(context: Context, { items, concurrency, budget, answer, named }: Work<Item>): Promise<Summary> {
  const { report, doneExamples } = context
  const done = new Set(doneExamples.map(({ itemId }) => itemId))
  const examples = [...doneExamples]
  const total = items.length
  const curve = new RunningMean(context, total)
  let toldMs = performance.now()
  report.progress({ done: examples.length, total, unit: 'items' })
  try {
    await forEachInFlight(items.filter(({ id }) => !done.has(id)), concurrency + LOOKAHEAD, async (item) => {
      const example = await answer(item)
      examples.push(example)
      report.example(example)
      curve.add(example, examples.length)
      if (performance.now() - toldMs < PROGRESS_EVERY_MS && examples.length < total) return
      toldMs = performance.now()
      report.progress({ done: examples.length, total, unit: 'items' })
    })
    assertSomeAnswered(examples)
    return summarize(context, examples, { budget, named })
  } catch (error) {
    if (error instanceof RunFailure && examples.length > 0) error.summary = summarize(context, examples, { budget, named })
    throw error
  }
}

function summarize(context: Context, examples: readonly Example[], { budget, named }: Pick<Work<unknown>, 'budget' | 'named'>): Summary {
  const summary = { ...summarizeExamples(context, examples, ownMetrics(context.params.scorers)), spentUsd: budget.spentUsd }
  return named?.report(summary, examples) ?? summary
}

/** A run in which nothing was answered has not succeeded at anything. */
function assertSomeAnswered(examples: readonly Example[]): void {
  if (examples.some(({ status }) => status !== 'error')) return
  throw new RunFailure('nothing_answered', `none of ${examples.length} items was answered; the first error: ${examples[0]?.error ?? ''}`)
}

/** The mean, or the figure of the corpus, so far, drawn while the run goes on. */
class RunningMean {
  private readonly context: Context
  private readonly metric: string
  private readonly every: number
  private sum = 0
  private count = 0
  private ofCorpus: { of: CorpusFigure; sums: number[] } | null = null

  constructor(context: Context, total: number) {
    this.context = context
    this.metric = context.assignment.metrics[0] ?? 'accuracy'
    this.every = Math.ceil(total / MOST_POINTS)
    for (const example of context.doneExamples) this.count += this.take(example)
  }

  add(example: Example, step: number): void {
    const taken = this.take(example)
    this.count += taken
    if (taken === 1 && step % this.every === 0) this.context.report.metric(`running/${this.metric}`, step, this.value)
  }

  private get value(): number {
    return this.ofCorpus === null ? this.sum / this.count : CORPUS_FIGURE[this.ofCorpus.of].figure(this.ofCorpus.sums)
  }

  private take(example: Example): number {
    const score = example.scores[this.metric]
    if (score === undefined) return 0
    this.sum += fromWire(score)
    const part = corpusPartOf(example, this.metric)
    if (part === undefined) return 1
    const { of, sums } = (this.ofCorpus ??= { of: part.of, sums: [] })
    if (of === part.of) for (const [place, value] of part.sums.entries()) sums[place] = (sums[place] ?? 0) + value
    return 1
  }
}
