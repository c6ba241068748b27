/* Short answers against one target: exact match, containment and token F1. All lie in [0, 1], higher is better. */
import { answerWords, countOf, overlap } from '../../experiments/text-figures/words.js'

/** 1 where answer and target are the same words (see answerWords), else 0. SQuAD's exact match. */
export function exactMatch(answer: string, target: string, language: string): number {
  return answerWords(answer, language).join(' ') === answerWords(target, language).join(' ') ? 1 : 0
}

/** 1 where the target's words stand in the answer one after the other, else 0; an empty target is contained in an empty answer only. */
export function contains(answer: string, target: string, language: string): number {
  const words = answerWords(target, language)
  if (words.length === 0) return answerWords(answer, language).length === 0 ? 1 : 0
  return ` ${answerWords(answer, language).join(' ')} `.includes(` ${words.join(' ')} `) ? 1 : 0
}

/**
 * Harmonic mean of precision and recall of the answer's words (Rajpurkar et al. 2016, §6.1). Where one
 * side has no words the score is 1 if neither has, else 0 (as SQuAD 2.0's script).
 */
export function tokenF1(answer: string, target: string, language: string): number {
  const given = answerWords(answer, language)
  const wanted = answerWords(target, language)
  if (given.length === 0 || wanted.length === 0) return given.length === wanted.length ? 1 : 0
  const shared = overlap(countOf(given), countOf(wanted))
  return (2 * shared) / (given.length + wanted.length)
}
