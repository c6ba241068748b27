/* One item on its way: what is asked about it, step by step, what that took, and what became of it. */
import type { ChainStep, Example, Extraction, PromptParameters } from '../../server/contracts/index.js'
import { extractAnswer } from '../answer-extraction.js'
import type { PromptItem } from '../prompt-builder.js'
import type { AccountedModel } from '../providers/accounted-model.js'
import { CallFailed, PromptRefused, type CallFacts, type Completion, type LabelScores, type Message } from '../providers/chat-model.js'
import type { Account } from '../providers/paid-calls.js'
import { transcriptOf } from '../providers/transcript.js'
import { withDetails } from '../scorers/corpus.js'
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
  /** What its example tells besides the answer. */
  details?: Readonly<Record<string, unknown>> | undefined
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

/** `answer` is what scorers see: the output, or the part of it that was asked for. */
export type Verdict = Pick<Example, 'output' | 'status' | 'scores' | 'details'> & { answer: string }

/** One item on its way from its first prompt to its score. */
export class Asking {
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
    return { ...this.base(), ...verdict, ...takenBy(this.calls), details: { ...this.question.details, ...details, ...this.stepDetails(this.calls.filter(({ isFurther }) => !isFurther).slice(0, -1)) } }
  }

  /** Steps that were answered before the fault are paid for. */
  private failed(message: string, details: Record<string, unknown> = {}): Example {
    const taken = this.calls.length === 0 ? {} : { ...takenBy(this.calls), latencyMs: null, ttftMs: null }
    const at = this.question.steps.length > 1 ? { step: this.step?.name } : {}
    return { ...this.base(), ...taken, error: message, details: { ...this.question.details, ...at, ...details, ...this.stepDetails(this.calls) } }
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
