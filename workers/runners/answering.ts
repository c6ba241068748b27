/* Two ways to have one item answered and scored: by the likelihood of the labels, or by the text generated. */
import { toWire, type ChainStep, type Example, type Extraction, type PromptParameters } from '../../server/contracts/index.js'
import { extractAnswer } from '../answer-extraction.js'
import type { PromptItem } from '../prompt-builder.js'
import type { AccountedModel } from '../providers/accounted-model.js'
import { CallFailed, PromptRefused, type CallFacts, type Completion, type LabelScores, type Message } from '../providers/chat-model.js'
import type { Account } from '../providers/paid-calls.js'
import { transcriptOf } from '../providers/transcript.js'
import { accuracyOf, labelInAnswer, likeliest } from '../scorers/classification.js'
import { textFigure, type CorpusScore } from '../../experiments/text-figures/text-figure.js'
import { asScored, CORPUS_METRICS, referencesOf, withDetails } from '../scorers/corpus.js'
import { CHOICE_METRICS, targetFigures, textFigures } from '../scorers/likelihoods.js'
import { scoreAnswer } from '../scorers/score-answer.js'
import type { MeanLogLikelihood } from './assertion-scoring.js'
import { fieldsRead } from './fields-read.js'
import type { NamedScoring } from './named-scoring.js'
import { takenBy, type StepCall } from './step-calls.js'

export interface QuestionStep {
  name: string
  /** @param outputs of the steps before it, by name */
  messages(outputs: Readonly<Record<string, string>>): Message[]
  /** Where it is answered in another way than the main prompt. */
  decoding?: Pick<ChainStep, 'temperature' | 'maxTokens' | 'stop'>
}

/** All that is asked about one item; the answer to the last step is scored. */
export interface Question {
  item: PromptItem
  steps: readonly QuestionStep[]
  /** The last step's messages with another text in place of the item's input. */
  withInput(input: string): Message[]
  /** The last step's continuation for each text, after the messages it was given. */
  continuation(text: string, continues: boolean): string
}

export interface AnsweringOptions {
  model: AccountedModel
  /** Null for free-text tasks. */
  labels: readonly string[] | null
  language: string
  /** Those that are scored; left out: all that an answer can have. */
  metrics?: readonly string[]
  seed: number
  /** Scorers that the experiment names. */
  named?: NamedScoring
  params: Partial<Pick<PromptParameters, 'choicesAre'>> & Pick<PromptParameters, 'temperature' | 'topK' | 'topP' | 'minP' | 'repetitionPenalty' | 'maxTokens' | 'stop'> & { extract?: Extraction; samples?: number }
}

export type Answer = (question: Question) => Promise<Example>

/** What an item is to be answered with. */
export interface Choices {
  texts: readonly string[]
  /** Places of those that are right. */
  gold: readonly number[]
}

/** Every item is answered with one of the dataset's labels. */
export function amongLabels(labels: readonly string[]): (item: PromptItem) => Choices {
  return ({ target }) => ({ texts: labels, gold: [labels.indexOf(target)] })
}

/** The choice that is most likely after the prompt, or after which the target is. `loss` is that of the right one's tokens. */
export function answerByLikelihood(options: AnsweringOptions & { choicesOf: (item: PromptItem) => Choices }): Answer {
  const { model, choicesOf, metrics = [] } = options
  const others = [...CHOICE_METRICS].filter(([metric]) => metrics.includes(metric))
  const greedy = metrics.includes('greedy_match') ? { greedy: true as const } : {}
  const { scoreContinuations } = model
  if (scoreContinuations === null) throw new TypeError(`${model.name} tells no likelihoods`)
  return (question) =>
    new Asking(options, question).answer(async (asking, messages) => {
      const { texts, gold } = choicesOf(question.item)
      const continues = model.continuesText(messages)
      const continuations = (options.params.choicesAre === 'contexts' ? [question.item.target] : texts).map((text) => question.continuation(text, continues))
      const score = (read: readonly Message[]) => scoreContinuations({ messages: read, continuations, ...greedy })
      const { logLikelihoods, labelTokens, greedy: isWritten } = options.params.choicesAre === 'contexts' ? await afterEach(asking, texts.map((text) => question.withInput(text)), score) : await asking.call(() => score(messages))
      const place = likeliest(logLikelihoods)
      const output = place === null ? '' : (texts[place] ?? '')
      const right = gold[0] ?? -1
      const targetLoss = -(logLikelihoods[right] ?? Number.NaN) / (labelTokens[right] ?? Number.NaN)
      const isRight = (chosen: number | null): number => Number(chosen !== null && gold.includes(chosen))
      const told = { logLikelihoods: Object.fromEntries(texts.map((text, index) => [text, toWire(logLikelihoods[index] ?? Number.NaN)])) }
      if (place === null) return { output, answer: output, status: 'unscored', scores: {}, details: told }
      const byThemselves = metrics.includes('acc_mutual_info') && continues ? await asking.call(() => scoreContinuations({ messages: NOTHING_ASKED, continuations }), { isFurther: true }) : null
      const given = asScored({
        accuracy: isRight(place),
        ...Object.fromEntries(others.map(([metric, of]) => [metric, of({ texts, gold, place, logLikelihoods })])),
        acc_mutual_info: byThemselves && isRight(likeliest(logLikelihoods.map((value, index) => value - (byThemselves.logLikelihoods[index] ?? Number.NaN)))),
        greedy_match: isWritten && Number(gold.some((one) => isWritten[one] === true)),
        loss: targetLoss,
      })
      return { output, answer: output, status: 'scored', scores: given.scores, details: { ...told, ...given.details } }
    })
}

/** The one continuation after each prompt, as if they were so many continuations of one. */
async function afterEach(asking: Asking, prompts: readonly (readonly Message[])[], score: (messages: readonly Message[]) => Promise<LabelScores & Account>): Promise<Pick<LabelScores, 'logLikelihoods' | 'labelTokens' | 'greedy'>> {
  const each = await Promise.all(prompts.map((messages, index) => asking.call(() => score(messages), { isFurther: index > 0 })))
  const isTold = each.every(({ greedy }) => greedy !== null)
  return { logLikelihoods: each.flatMap(({ logLikelihoods }) => logLikelihoods), labelTokens: each.flatMap(({ labelTokens }) => labelTokens), greedy: isTold ? each.flatMap(({ greedy }) => greedy ?? []) : null }
}

const NOTHING_ASKED: readonly Message[] = [{ role: 'user', content: '' }]

/** How likely the target is after the prompt; nothing is generated. */
export function answerByTarget(options: AnsweringOptions): Answer {
  const { model, metrics = [] } = options
  const { scoreContinuations } = model
  if (scoreContinuations === null) throw new TypeError(`${model.name} tells no likelihoods`)
  const greedy = metrics.includes('greedy_match') ? { greedy: true as const } : {}
  return (question) =>
    new Asking(options, question).answer(async (asking, messages) => {
      const continuation = question.continuation(question.item.target, model.continuesText(messages))
      const { logLikelihoods: [logLikelihood = Number.NaN], labelTokens: [tokens = 0], greedy: isWritten } = await asking.call(() => scoreContinuations({ messages, continuations: [continuation], ...greedy }))
      return likelihoodVerdict({ logLikelihood, tokens }, { ...targetFigures(-logLikelihood), greedy_match: isWritten && Number(isWritten[0]) })
    })
}

/** How likely the target is as a text by itself, of any length; the prompt is not read. */
export function answerByText(options: AnsweringOptions): Answer {
  const { scoreContinuations, name } = options.model
  if (scoreContinuations === null) throw new TypeError(`${name} tells no likelihoods`)
  return (question) =>
    new Asking(options, question).answer(async (asking) => {
      const text = question.item.target
      const { logLikelihoods: [logLikelihood = Number.NaN], labelTokens: [tokens = 0] } = await asking.call(() => scoreContinuations({ messages: [], continuations: [text], rolling: true }))
      return likelihoodVerdict({ logLikelihood, tokens }, textFigures(text, -logLikelihood))
    })
}

function likelihoodVerdict({ logLikelihood, tokens }: { logLikelihood: number; tokens: number }, told: Parameters<typeof asScored>[0]): Verdict {
  const given = asScored({ ...told, loss: -logLikelihood / tokens })
  const details = { logLikelihood: toWire(logLikelihood), tokens, ...given.details }
  return Number.isNaN(logLikelihood) || tokens === 0 ? { output: '', answer: '', status: 'unscored', scores: {}, details: { tokens } } : { output: '', answer: '', status: 'scored', scores: given.scores, details }
}

/** The text the model writes, compared with the target. */
export function answerByGeneration(options: AnsweringOptions): Answer {
  const { labels, language, metrics, params } = options
  const extract = params.extract ?? 'none'
  return (question) =>
    new Asking(options, question).answer(async (asking, messages) => {
      const { text, finishReason, tries, others } = await asking.completeAll(messages, params.samples ?? 1)
      const { details, ...verdict } = scoreText(text, question.item, { labels, language, metrics, extract })
      return { output: text, status: 'scored', ...verdict, details: { finishReason, ...details, ...(tries > 1 ? { tries } : {}), ...(others.length === 0 ? {} : { samples: [text, ...others] }) } }
    })
}

/** What a text that a model wrote is worth against the target, by itself and without asking anybody. */
export function scoreText(text: string, item: Readonly<Record<string, unknown>> & { target: string }, { labels, language, metrics, extract }: Pick<AnsweringOptions, 'labels' | 'language' | 'metrics'> & { extract: Extraction }): Pick<Verdict, 'answer' | 'scores' | 'details'> {
  const answer = extractAnswer(text, extract)
  const details = extract === 'none' ? {} : { answer }
  if (labels !== null) {
    // An answer that is not where it was asked for is wrong, as one that names no label is.
    const predicted = labelInAnswer(answer ?? '', labels)
    return { answer: answer ?? '', scores: { accuracy: accuracyOf(predicted, item.target) }, details: { predicted, ...details } }
  }
  const figures: Record<string, CorpusScore> = {}
  for (const [metric, of] of CORPUS_METRICS) if (metrics?.includes(metric)) figures[metric] = textFigure(of, answer ?? '', referencesOf(item, item.target))
  const ofCorpus = asScored(figures)
  return { answer: answer ?? '', scores: { ...scoreAnswer(answer ?? '', item.target, language, metrics), ...ofCorpus.scores }, details: { ...details, ...ofCorpus.details } }
}

/** Adds the loss of the target's own text to an answer that was generated. */
export function withTargetLoss(answer: Answer, { model }: Pick<AnsweringOptions, 'model'>): Answer {
  const { scoreContinuations } = model
  if (scoreContinuations === null) throw new TypeError(`${model.name} tells no likelihoods`)
  return async (question) => {
    const example = await answer(question)
    const [step] = question.steps
    if (example.status !== 'scored' || question.item.target.trim() === '' || step === undefined || question.steps.length > 1) return example
    const messages = step.messages({})
    const target = question.continuation(question.item.target, model.continuesText(messages))
    const { logLikelihoods, labelTokens } = await scoreContinuations({ messages, continuations: [target] })
    const loss = -(logLikelihoods[0] ?? Number.NaN) / (labelTokens[0] ?? Number.NaN)
    return { ...example, scores: { ...example.scores, loss: toWire(loss) } }
  }
}

/** Distinct, and the seed itself for the first. */
function sampleSeed(seed: number, sample: number): number {
  return (seed + Math.imul(sample, 0x85ebca6b)) & 0x7fffffff
}

/** All answers that were drawn, as scorers see them. */
export function samplesIn({ details }: Pick<Example, 'details'>, answer: string, extract: Extraction = 'none'): string[] {
  const { samples } = details
  return Array.isArray(samples) ? samples.map((text) => extractAnswer(String(text), extract) ?? '') : [answer]
}

/** Why the model’s answer ended, in its own word. */
export function finishReasonIn({ details: { finishReason } }: Pick<Example, 'details'>): string | null {
  return typeof finishReason === 'string' ? finishReason : null
}

/** `answer` is what scorers see: the output, or the part of it that was asked for. */
type Verdict = Pick<Example, 'output' | 'status' | 'scores' | 'details'> & { answer: string }

/** One item on its way from its first prompt to its score. */
class Asking {
  private readonly calls: StepCall[] = []
  private readonly outputs: Record<string, string> = {}
  private messages: Message[] = []
  private step: QuestionStep | undefined

  constructor(
    private readonly options: AnsweringOptions,
    private readonly question: Question,
  ) {}

  /** A prompt that is refused or given up is an error of this example, counted apart; every other fault ends the run. */
  async answer(last: (asking: Asking, messages: Message[]) => Promise<Verdict>): Promise<Example> {
    const { steps } = this.question
    try {
      for (const step of steps.slice(0, -1)) {
        const { text } = await this.complete(this.begin(step))
        this.outputs[step.name] = text
      }
      const { answer, ...verdict } = await last(this, this.begin(steps.at(-1)))
      return await this.withNamedScores(this.example(verdict), answer)
    } catch (error) {
      if (error instanceof PromptRefused) return this.failed(error.message)
      if (error instanceof CallFailed) return this.failed(error.message, { tries: error.tries, ...(error.partial === null ? {} : { partial: error.partial }) })
      throw error
    }
  }

  complete(messages: Message[], sample = 0): Promise<Completion & Account> {
    const { params, model, seed } = this.options
    const { topK, topP, minP, repetitionPenalty } = params
    const { temperature = params.temperature, maxTokens = params.maxTokens, stop = params.stop } = this.step?.decoding ?? {}
    const drawn = sample === 0 ? { seed } : { seed: sampleSeed(seed, sample), sample }
    return this.call(() => model.complete({ messages, temperature, topK, topP, minP, repetitionPenalty, maxTokens, stop, ...drawn, ...fieldsRead(model, this.question.item) }), { isFurther: sample > 0 })
  }

  /** One answer, and the texts of further ones to the same prompt. Whichever fails first is the item's failure, once all have ended. */
  async completeAll(messages: Message[], samples: number): Promise<Completion & Account & { others: string[] }> {
    if (samples === 1) return { ...(await this.complete(messages)), others: [] }
    const settled = await Promise.allSettled(Array.from({ length: samples }, (_, sample) => this.complete(messages, sample)))
    const [first, ...others] = settled.map((one) => {
      if (one.status === 'rejected') throw one.reason
      return one.value
    })
    if (first === undefined) throw new RangeError('samples must be at least 1')
    return { ...first, others: others.map(({ text }) => text) }
  }

  async call<T extends (Completion | LabelScores) & Account>(ask: () => Promise<T>, { isFurther = false } = {}): Promise<T> {
    const reply = await ask()
    this.calls.push({ step: this.step?.name ?? '', output: 'text' in reply ? reply.text : '', isFurther, taken: reply satisfies CallFacts & Account })
    return reply
  }

  private begin(step: QuestionStep | undefined): Message[] {
    this.step = step
    this.messages = step?.messages(this.outputs) ?? []
    return this.messages
  }

  private async withNamedScores(example: Example, answer: string): Promise<Example> {
    const { named, language } = this.options
    if (named === undefined || example.status !== 'scored') return example
    const { item } = this.question
    const { output, target, costUsd, tokensOut, cached } = example
    const [latencyMs, ttftMs] = cached === true ? [null, null] : [example.latencyMs, example.ttftMs]
    const { scores, details, ...judged } = await named.score({ answer, samples: samplesIn(example, answer, this.options.params.extract), output, target: target ?? '', item, language, latencyMs, ttftMs, costUsd, tokensOut, finishReason: finishReasonIn(example) }, item, { question: example.input, meanLogLikelihood: this.likelihoodOf(output) })
    return { ...example, ...judged, scores: { ...example.scores, ...scores }, details: withDetails(example.details, details) }
  }

  /** Null where the model tells no likelihoods, or wrote nothing. */
  private likelihoodOf(output: string): MeanLogLikelihood {
    const { scoreContinuations } = this.options.model
    const { messages } = this
    if (scoreContinuations === null || output === '') return null
    return async () => {
      const { logLikelihoods, labelTokens } = await scoreContinuations({ messages, continuations: [output] })
      return (logLikelihoods[0] ?? Number.NaN) / (labelTokens[0] ?? Number.NaN)
    }
  }

  private example({ details, ...verdict }: Omit<Verdict, 'answer'>): Example {
    return { ...this.base(), ...verdict, ...takenBy(this.calls), details: { ...details, ...this.stepDetails(this.calls.filter(({ isFurther }) => !isFurther).slice(0, -1)) } }
  }

  /** Steps that were answered before the fault are paid for. */
  private failed(message: string, details: Record<string, unknown> = {}): Example {
    const taken = this.calls.length === 0 ? {} : { ...takenBy(this.calls), latencyMs: null, ttftMs: null }
    const at = this.question.steps.length > 1 ? { step: this.step?.name } : {}
    return { ...this.base(), ...taken, error: message, details: { ...at, ...details, ...this.stepDetails(this.calls) } }
  }

  private stepDetails(all: readonly StepCall[]): Record<string, unknown> {
    const calls = all.filter(({ isFurther }) => !isFurther)
    if (calls.length === 0) return {}
    const steps = calls.map(({ step, output, taken }) => ({ name: step, output, tokensIn: taken.tokensIn, tokensOut: taken.tokensOut, latencyMs: taken.latencyMs, costUsd: taken.costUsd, cached: taken.cached }))
    return { steps }
  }

  private base(): Example {
    const { item } = this.question
    return {
      itemId: item.id,
      cluster: typeof item['cluster'] === 'string' ? item['cluster'] : null,
      input: transcriptOf(this.messages),
      output: '',
      target: item.target,
      status: 'error',
      scores: {},
      error: null,
      latencyMs: null,
      ttftMs: null,
      tokensIn: null,
      tokensOut: null,
      costUsd: null,
      details: {},
    }
  }
}
