/* What an assertion about one answer is made into, once per item, before anything is asked. */
import type { Assertion } from '../../../server/contracts/index.js'
import type { Message } from '../../providers/chat-model.js'
import type { ScoredAnswer } from '../named-scorers.js'

export interface Outcome {
  pass: boolean
  /** Most lie in [0, 1]; a latency or cost without a threshold is told as it is. */
  score: number
  /** Why, where a judge says so. */
  reason?: string
}


export type VectorMeasure = 'cosine' | 'dot' | 'euclidean'

/** One answer, and what can be asked about it. */
export interface Subject {
  /** As the assertion sees it: after its transforms. */
  output: string
  /** The same, where a transform made more of it than a text. */
  value: unknown
  scored: ScoredAnswer
  /** The prompt that was answered. */
  question: string
  /** @param sample which of several replies to the same question, from 0. @throws {Undetermined} when the grader does not answer */
  judge(grader: string | undefined, given: Readonly<Record<string, string>>, ask: readonly Message[], sample?: number): Promise<string>
  /** Of the two texts' vectors: their cosine, their product, or the distance between their ends. */
  similarity(embedder: string | undefined, left: string, right: string, how: VectorMeasure): Promise<number>
  /** Categories of harm that the moderator flags the answer for, with its score of each. @throws {Undetermined} when it does not answer */
  moderate(moderator: string | undefined, text: string): Promise<ReadonlyMap<string, number>>
  /** Mean log-likelihood in nats of a token of the answer, after its prompt. */
  meanLogLikelihood(): Promise<number>
}

export type Check = (subject: Subject) => Outcome | Promise<Outcome>
export type CheckMaker = (assertion: Assertion) => Check

/** The assertion is wrongly written: said before anything is asked. */
export class AssertionError extends Error {}

/** Whether the assertion holds cannot be told of this answer; that is neither a pass nor a failure. */
export class Undetermined extends Error {}

export function holds(pass: boolean, reason?: string): Outcome {
  return { pass, score: Number(pass), ...(reason === undefined ? {} : { reason }) }
}

/** A score of [0, 1] held against the least that passes; turned round, its complement is scored. */
export function atLeast(score: number, threshold: number, not: boolean): Outcome {
  return { pass: score >= threshold !== not, score: not ? 1 - score : score }
}

export function textValue({ type, value }: Assertion): string {
  if (typeof value === 'string' && value !== '') return value
  if (typeof value === 'number' || typeof value === 'boolean') return String(value)
  throw new AssertionError(`${type} needs a text in value`)
}

/** One text, or several of which the best counts. */
export function textValues(assertion: Assertion): string[] {
  const { type, value } = assertion
  if (!Array.isArray(value)) return [textValue(assertion)]
  const texts = value.map(String)
  if (texts.length === 0 || texts.includes('')) throw new AssertionError(`${type} needs texts in value, none of them empty`)
  return texts
}
