/*
 * The validation split as a LoRA run looks at it while training: loss of the right answers and, where the
 * task has labels, how often the right label is the most likely one. One pass over the data gives both.
 */
import type { ExampleLoss, Trainer, TrainingExample } from '../engine/engine.js'
import type { PromptItem } from '../prompt-builder.js'
import { accuracyOf, mostLikelyLabel } from '../scorers/classification.js'
import { encodeItems, type EncodeOptions } from './lora-data.js'
import type { EvaluatedItem } from './token-losses.js'

export interface Validation {
  /** Items with their own answer. */
  targets: TrainingExample[]
  /** Items that fit with every label, and each of their wrong labels as an example. */
  choices: { item: PromptItem; wrong: TrainingExample[] }[]
  labels: readonly string[]
}

export interface ValidationReport {
  /** Mean negative log-likelihood of the answers' tokens, in nats. */
  loss: number
  perplexity: number
  /** In [0, 1]; null where the task has no labels. */
  accuracy: number | null
  /** Share of the answers' tokens that are the model's first choice, in [0, 1]. */
  tokenAccuracy: number
  /** Each item's own loss; items whose answer was cut away whole are left out. */
  items: EvaluatedItem[]
}

/** @param labels empty for free-text tasks */
export function encodeValidation(items: readonly PromptItem[], labels: readonly string[], options: EncodeOptions): Validation {
  const choices: Validation['choices'] = []
  for (const item of labels.length === 0 ? [] : items) {
    const wrong = encodeLabels(item, labels.filter((label) => label !== item.target), options)
    if (wrong !== null) choices.push({ item, wrong })
  }
  return { targets: encodeItems(items, options), choices, labels }
}

/** Null where a label does not fit into maxLength: then the labels cannot be compared. */
function encodeLabels(item: PromptItem, labels: readonly string[], { format }: EncodeOptions): TrainingExample[] | null {
  const examples: TrainingExample[] = []
  for (const label of [item.target, ...labels]) {
    for (const { tokens, labels: learned, isTruncated } of format.encode(item, label)) {
      if (isTruncated) return null
      if (label !== item.target) examples.push({ id: choiceId(item.id, label), tokens, labels: learned })
    }
  }
  return examples
}

/**
 * A label's likelihood is that of its whole answer, end of text included: the model says this label and no more.
 * (The test split is scored without the end of text, as any prompt is; the two differ only for answers that
 * the model would not stop after.)
 */
export async function validate(trainer: Pick<Trainer, 'evaluate'>, { targets, choices, labels }: Validation): Promise<ValidationReport> {
  const { perExample } = await trainer.evaluate([...targets, ...choices.flatMap(({ wrong }) => wrong)])
  const byId = new Map(perExample.map((result) => [result.id, result]))
  const answers = targets.flatMap((example) => {
    const result = byId.get(example.id)
    return result === undefined || result.tokens === 0 ? [] : [{ ...result, example }]
  })
  const tokens = sum(answers.map((answer) => answer.tokens))
  const loss = -sum(answers.map(logLikelihood)) / tokens
  const tokenAccuracy = sum(answers.map(({ correctTokens }) => correctTokens)) / tokens
  const hits = choices.map(({ item }) => {
    const likelihoods = labels.map((label) => logLikelihood(byId.get(label === item.target ? item.id : choiceId(item.id, label))))
    return accuracyOf(mostLikelyLabel(labels, likelihoods), item.target)
  })
  const items = answers.map(({ id, loss, tokens, tokenLosses, example }) => ({ itemId: id, loss, tokens, tokenLosses, example }))
  return { loss, perplexity: Math.exp(loss), accuracy: hits.length === 0 ? null : sum(hits) / hits.length, tokenAccuracy, items }
}

/** In nats, over all supervised tokens; NaN where there is none. */
function logLikelihood(result: ExampleLoss | undefined): number {
  return result === undefined ? Number.NaN : -result.loss * result.tokens
}

/** JSON, so that no pair of id and label spells another one's. */
function choiceId(itemId: string, label: string): string {
  return JSON.stringify([itemId, label])
}

function sum(values: readonly number[]): number {
  return values.reduce((total, value) => total + value, 0)
}
