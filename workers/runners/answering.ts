/* The ways to have one item answered and scored: by the likelihood of choices, of the target or of a whole text, or by the text generated. */
import { toWire, type Example, type Extraction } from '../../server/contracts/index.js'
import { extractAnswer } from '../answer-extraction.js'
import type { PromptItem } from '../prompt-builder.js'
import type { LabelScores, Message } from '../providers/chat-model.js'
import type { Account } from '../providers/paid-calls.js'
import { accuracyOf, labelInAnswer, likeliest } from '../scorers/classification.js'
import { textFigure, type CorpusScore } from '../../experiments/text-figures/text-figure.js'
import { asScored, CORPUS_METRICS, referencesOf } from '../scorers/corpus.js'
import { CHOICE_METRICS, targetFigures, textFigures } from '../scorers/likelihoods.js'
import { scoreAnswer } from '../scorers/score-answer.js'
import { Asking, type AnsweringOptions, type Question, type Verdict } from './asking.js'

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
