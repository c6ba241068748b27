/* Two ways to have one item answered and scored: by the likelihood of the labels, or by the text generated. */
import { toWire, type Example, type Price, type PromptParameters } from '../../server/contracts/index.js'
import { costOf } from '../cost.js'
import type { PromptItem } from '../prompt-builder.js'
import { PromptRefused, type ChatModel } from '../providers/chat-model.js'
import { accuracyOf, labelInAnswer, mostLikelyLabel } from '../scorers/classification.js'
import { scoreAnswer } from '../scorers/score-answer.js'

export interface RenderedItem {
  item: PromptItem
  prompt: string
  /** Text that follows the prompt for each label; empty where labels are not scored. */
  continuations: string[]
}

export interface AnsweringOptions {
  model: ChatModel
  price: Price | undefined
  /** Null for free-text tasks. */
  labels: readonly string[] | null
  language: string
  seed: number
  params: Pick<PromptParameters, 'temperature' | 'topK' | 'topP' | 'maxTokens' | 'stop'> & { system?: string }
}

export type Answer = (rendered: RenderedItem) => Promise<Example>

/** The label whose text is most likely after the prompt. `loss` is that of the target's tokens. */
export function answerByLikelihood(options: AnsweringOptions & { labels: readonly string[] }): Answer {
  const { model, labels, price, params } = options
  const { scoreContinuations } = model
  if (scoreContinuations === null) throw new TypeError(`${model.name} tells no likelihoods`)
  return (rendered) =>
    orRefused(rendered, async () => {
      const { item, prompt, continuations } = rendered
      const likelihoods = await scoreContinuations({ system: params.system ?? null, prompt, continuations })
      const predicted = mostLikelyLabel(labels, likelihoods.logLikelihoods)
      const place = labels.indexOf(item.target)
      const targetLoss = -(likelihoods.logLikelihoods[place] ?? Number.NaN) / (likelihoods.labelTokens[place] ?? Number.NaN)
      const usage = { tokensIn: likelihoods.tokensIn, tokensOut: 0, latencyMs: likelihoods.latencyMs }
      const scores: Example['scores'] = predicted === null ? {} : { accuracy: accuracyOf(predicted, item.target), loss: toWire(targetLoss) }
      return {
        ...baseExample(rendered),
        output: predicted ?? '',
        status: predicted === null ? 'unscored' : 'scored',
        scores,
        latencyMs: usage.latencyMs,
        tokensIn: usage.tokensIn,
        tokensOut: usage.tokensOut,
        costUsd: costOf(price, usage),
        details: { logLikelihoods: Object.fromEntries(labels.map((label, index) => [label, toWire(likelihoods.logLikelihoods[index] ?? Number.NaN)])) },
      }
    })
}

/** The text the model writes, compared with the target. */
export function answerByGeneration(options: AnsweringOptions): Answer {
  const { model, labels, language, price, params, seed } = options
  return (rendered) =>
    orRefused(rendered, async () => {
      const { item, prompt } = rendered
      const { temperature, topK, topP, maxTokens, stop } = params
      const completion = await model.complete({ system: params.system ?? null, prompt, temperature, topK, topP, maxTokens, stop, seed })
      const predicted = labels === null ? null : labelInAnswer(completion.text, labels)
      return {
        ...baseExample(rendered),
        output: completion.text,
        status: 'scored',
        scores: labels === null ? scoreAnswer(completion.text, item.target, language) : { accuracy: accuracyOf(predicted, item.target) },
        latencyMs: completion.latencyMs,
        ttftMs: completion.ttftMs,
        tokensIn: completion.tokensIn,
        tokensOut: completion.tokensOut,
        costUsd: costOf(price, completion),
        details: { finishReason: completion.finishReason, ...(labels === null ? {} : { predicted }), ...(completion.tries > 1 ? { tries: completion.tries } : {}) },
      }
    })
}

function baseExample({ item, prompt }: RenderedItem): Example {
  return {
    itemId: item.id,
    cluster: typeof item['cluster'] === 'string' ? item['cluster'] : null,
    input: prompt,
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

/** A refused prompt is an error of this example, counted apart; every other fault ends the run. */
async function orRefused(rendered: RenderedItem, answer: () => Promise<Example>): Promise<Example> {
  try {
    return await answer()
  } catch (error) {
    if (error instanceof PromptRefused) return { ...baseExample(rendered), error: error.message }
    throw error
  }
}

/** Adds the loss of the target's own text, the first continuation, to an answer that was generated. */
export function withTargetLoss(answer: Answer, { model, params }: Pick<AnsweringOptions, 'model' | 'params'>): Answer {
  const { scoreContinuations } = model
  if (scoreContinuations === null) throw new TypeError(`${model.name} tells no likelihoods`)
  return async (rendered) => {
    const example = await answer(rendered)
    const target = rendered.continuations[0]
    if (example.status !== 'scored' || target === undefined || target.trim() === '') return example
    const { logLikelihoods, labelTokens } = await scoreContinuations({ system: params.system ?? null, prompt: rendered.prompt, continuations: [target] })
    const loss = -(logLikelihoods[0] ?? Number.NaN) / (labelTokens[0] ?? Number.NaN)
    return { ...example, scores: { ...example.scores, loss: toWire(loss) } }
  }
}
