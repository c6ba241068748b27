/* All scores a free-text answer gets against its target, by metric id (see experiments/metrics.ts). */
import { sentenceBleu } from '../../experiments/text-figures/bleu.js'
import { contains, exactMatch, tokenF1 } from './answer-match.js'
import { numericMatch } from './numeric.js'
import { chrF } from '../../experiments/text-figures/chrf.js'
import { editSimilarity, rougeL, rougeN } from './text-overlap.js'

type Scorer = (answer: string, target: string, language: string) => number | null

export const ANSWER_SCORERS: Readonly<Record<string, Scorer>> = {
  exact_match: exactMatch,
  contains,
  token_f1: tokenF1,
  numeric_match: numericMatch,
  rouge_1: (answer, target) => rougeN(answer, target, 1),
  rouge_2: (answer, target) => rougeN(answer, target, 2),
  rouge_l: rougeL,
  bleu: (answer, target) => sentenceBleu(answer, [target]),
  chrf: chrF,
  edit_similarity: editSimilarity,
}

/**
 * A metric that does not apply to the target is left out, never 0.
 * @param metrics those that are wanted; others than these scorers' are passed over
 */
export function scoreAnswer(answer: string, target: string, language: string, metrics: readonly string[] = Object.keys(ANSWER_SCORERS)): Record<string, number> {
  const scores: Record<string, number> = {}
  for (const metric of metrics) {
    const score = ANSWER_SCORERS[metric]?.(answer, target, language) ?? null
    if (score !== null) scores[metric] = score
  }
  return scores
}
