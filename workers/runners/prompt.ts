/*
 * A prompt run: template × few-shot examples × model over a held-out split. Every prompt is rendered before
 * the first is sent, so that a broken template costs nothing.
 */
import type { Dataset } from '../../datasets/reader.js'
import { fromWire, type Example, type PromptParameters, type Summary } from '../../server/contracts/index.js'
import { drawItems, drawShots } from '../few-shot.js'
import { forEachInFlight } from '../in-flight.js'
import { hashModel, resolveModel } from '../model-source.js'
import { PromptBuilder, type PromptItem } from '../prompt-builder.js'
import type { ChatModel } from '../providers/chat-model.js'
import { openLocalModel } from '../providers/local.js'
import { openEndpoint } from '../providers/openai.js'
import { RunFailure, type RunContext } from '../run-context.js'
import { assertScorable, summarizeExamples } from '../run-summary.js'
import { ANSWER_SCORERS } from '../scorers/score-answer.js'
import { answerByGeneration, answerByLikelihood, withTargetLoss, type Answer, type RenderedItem } from './answering.js'

type Context = RunContext<PromptParameters>

export async function runPrompt(context: Context): Promise<Summary> {
  const { dataset, params, assignment, report } = context
  const labels = await labelsOf(dataset)
  const byLikelihood = choosesLikelihood(params, labels)
  assertScorable(assignment.metrics, scoresGiven(params, labels, byLikelihood), `a ${dataset.manifest.task} dataset by ${byLikelihood ? 'likelihood' : 'generated text'}`)
  const wantsLoss = !byLikelihood && assignment.metrics.includes('loss')
  const rendered = await renderAll(context, labels, (item) => (byLikelihood ? (labels ?? []) : wantsLoss ? [item.target] : []))

  report.progress({ done: context.doneExamples.length, total: rendered.length, unit: 'items', message: 'opening the model' })
  const model = await openModel(context)
  try {
    const price = typeof params.model === 'string' ? params.price : params.model.price
    const options = { model, price, labels, language: dataset.manifest.language, seed: assignment.seed, params }
    const generate = answerByGeneration(options)
    const answer = byLikelihood && labels !== null ? answerByLikelihood({ ...options, labels }) : wantsLoss ? withTargetLoss(generate, options) : generate
    const examples = await answerAll(context, { rendered, answer, concurrency: model.concurrency })
    return summarizeExamples(context, examples)
  } finally {
    await model.close()
  }
}

/** Null for free-text tasks. Labels that the manifest does not list are those of the train split. */
async function labelsOf(dataset: Dataset): Promise<readonly string[] | null> {
  const { task, labels, name } = dataset.manifest
  if (task === 'generation') return null
  if (task !== 'classification') throw new RunFailure('dataset_unfit', `a prompt run needs a classification or generation dataset, and "${name}" is for ${task}`)
  if (labels !== undefined) return labels
  const split = dataset.splits['train'] === undefined ? 'test' : 'train'
  return [...new Set((await dataset.readAs('classification', split)).map(({ target }) => target))].sort()
}

function choosesLikelihood({ scoring, model }: PromptParameters, labels: readonly string[] | null): boolean {
  const isPossible = typeof model === 'string' && labels !== null
  if (scoring === 'likelihood' && !isPossible) {
    const why = labels === null ? 'this dataset has no labels' : 'an endpoint tells no likelihood of a given text'
    throw new RunFailure('invalid_params', `scoring is likelihood, but ${why}; set scoring to generate or auto`)
  }
  return isPossible && scoring !== 'generate'
}

/** The loss of a text can be told by local models only. */
function scoresGiven({ model }: PromptParameters, labels: readonly string[] | null, byLikelihood: boolean): string[] {
  const answers = labels === null ? Object.keys(ANSWER_SCORERS) : ['accuracy']
  return byLikelihood || typeof model === 'string' ? [...answers, 'loss'] : answers
}

/** @param scored the answers whose likelihood is wanted for an item */
async function renderAll({ dataset, params, assignment }: Context, labels: readonly string[] | null, scored: (item: PromptItem) => readonly string[]): Promise<RenderedItem[]> {
  const shots = params.shots === 0 ? [] : drawShots(await readTrain(dataset, params), { shots: params.shots, seed: assignment.seed, labels })
  if (shots.length < params.shots) throw new RunFailure('invalid_params', `shots is ${params.shots}, and the train split of "${dataset.manifest.name}" has only ${shots.length} items`)
  const builder = new PromptBuilder(params, shots)
  const items = drawItems(await readItems(dataset, params.split), params.limit, assignment.seed)
  if (items.length === 0) throw new RunFailure('dataset_unfit', `split "${params.split}" of "${dataset.manifest.name}" has no items`)
  return items.map((item) => ({ item, prompt: builder.render(item), continuations: scored(item).map((answer) => builder.continuation(item, answer)) }))
}

async function readTrain(dataset: Dataset, { split }: PromptParameters): Promise<PromptItem[]> {
  if (split === 'train') throw new RunFailure('invalid_params', 'split is train, and few-shot examples are drawn from it; test another split, or set shots to 0')
  if (dataset.splits['train'] === undefined) throw new RunFailure('dataset_unfit', `few-shot examples are drawn from the train split, which "${dataset.manifest.name}" does not have; set shots to 0`)
  return readItems(dataset, 'train')
}

function readItems(dataset: Dataset, split: string): Promise<PromptItem[]> {
  return dataset.manifest.task === 'generation' ? dataset.readAs('generation', split) : dataset.readAs('classification', split)
}

async function openModel(context: Context): Promise<ChatModel> {
  const { params, report, server, folders, threads, signal } = context
  if (typeof params.model !== 'string') {
    report.environment({ device: `endpoint ${new URL(params.model.baseUrl).host}` })
    return openEndpoint({
      endpoint: params.model,
      env: process.env,
      concurrency: params.concurrency,
      timeoutMs: params.timeoutSeconds * 1000,
      signal,
      onRetry: (message) => report.log('warn', message),
    })
  }
  const source = await resolveModel(params.model, { server, modelRoots: folders.models, cacheFolder: folders.cache })
  report.environment({ modelHash: await hashModel(source) })
  return openLocalModel({ name: params.model, source, threads, device: 'cpu' })
}

interface AnswerAllOptions {
  rendered: readonly RenderedItem[]
  answer: Answer
  concurrency: number
}

async function answerAll(context: Context, { rendered, answer, concurrency }: AnswerAllOptions): Promise<Example[]> {
  const { assignment, report, doneExamples } = context
  const done = new Set(doneExamples.map(({ itemId }) => itemId))
  const examples = [...doneExamples]
  const metric = assignment.metrics[0] ?? 'accuracy'
  const running = new RunningMean(metric, doneExamples)
  const budget = new MoneyBudget(assignment.budget?.usd, assignment.resume.spentUsd)
  const total = rendered.length
  report.progress({ done: examples.length, total, unit: 'items' })
  await forEachInFlight(rendered.filter(({ item }) => !done.has(item.id)), concurrency, async (next) => {
    budget.assertLeft()
    const example = await answer(next)
    examples.push(example)
    report.example(example)
    budget.spend(example.costUsd)
    if (running.add(example)) report.metric(`running/${metric}`, examples.length, running.mean)
    report.progress({ done: examples.length, total, unit: 'items' })
  })
  return examples
}

/** The mean so far, drawn while the run goes on. */
class RunningMean {
  private readonly metric: string
  private sum = 0
  private count = 0

  constructor(metric: string, examples: readonly Example[]) {
    this.metric = metric
    for (const example of examples) this.add(example)
  }

  get mean(): number {
    return this.sum / this.count
  }

  add({ scores }: Example): boolean {
    const score = scores[this.metric]
    if (score === undefined) return false
    this.sum += fromWire(score)
    this.count += 1
    return true
  }
}

class MoneyBudget {
  private readonly limitUsd: number | undefined
  private spentUsd: number

  constructor(limitUsd: number | undefined, spentUsd: number) {
    this.limitUsd = limitUsd
    this.spentUsd = spentUsd
  }

  spend(costUsd: number | null): void {
    if (costUsd !== null) this.spentUsd += costUsd
    else if (this.limitUsd !== undefined) {
      throw new RunFailure('budget_unknown', 'the budget names US dollars, and what this call cost is not known; give the model a price (inputPerMillion, outputPerMillion), or leave budget.usd out')
    }
  }

  assertLeft(): void {
    if (this.limitUsd === undefined || this.spentUsd < this.limitUsd) return
    throw new RunFailure('budget_exceeded', `the budget of ${this.limitUsd} US dollars was used up (${this.spentUsd.toFixed(4)} spent); examples scored until then are kept. Raise budget.usd or lower limit`)
  }
}
