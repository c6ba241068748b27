/* Which label an answer gives. Accuracy is 1 where it is the target, else 0; an answer without a label is wrong. */
import { answerWords } from '../../experiments/text-figures/words.js'

/**
 * The label a free-text answer names: the answer itself, or the one label that occurs in it as whole
 * words. Case, punctuation and spaces do not count. Null where no label or several occur: an answer
 * that hedges has not answered.
 */
export function labelInAnswer(answer: string, labels: readonly string[]): string | null {
  // No language: the articles of one may be the labels of another ("A", "O").
  const words = answerWords(answer, '')
  const forms = labels.map((label) => ({ label, form: answerWords(label, '') }))
  const exact = forms.find(({ form }) => form.join(' ') === words.join(' '))
  if (exact !== undefined) return exact.label
  const found = forms.filter(({ form }) => occursIn(form, words))
  // "not spam" holds "spam": the longest label that covers the others is the one that was said.
  const widest = found.filter(({ form }) => !found.some((other) => other.form.length > form.length && occursIn(form, other.form)))
  return widest.length === 1 ? (widest[0]?.label ?? null) : null
}

/** The place of the highest log-likelihood (nats, summed over tokens). Ties go to the first. Null where none is a number. */
export function likeliest(logLikelihoods: readonly number[]): number | null {
  let best: number | null = null
  let highest = Number.NEGATIVE_INFINITY
  for (const [place, value] of logLikelihoods.entries()) {
    if (value > highest) [highest, best] = [value, place]
  }
  return best
}

export function mostLikelyLabel(labels: readonly string[], logLikelihoods: readonly number[]): string | null {
  const place = likeliest(logLikelihoods)
  return place === null ? null : (labels[place] ?? null)
}

export function accuracyOf(predicted: string | null, target: string): number {
  return predicted === target ? 1 : 0
}

function occursIn(form: readonly string[], words: readonly string[]): boolean {
  if (form.length === 0) return false
  return words.some((_, start) => form.every((word, offset) => words[start + offset] === word))
}
