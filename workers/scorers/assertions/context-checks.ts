/*
 * Assertions about the passages that were retrieved for an answer, and about whether the answer is to the question:
 * after RAGAS (Es et al. 2023, arXiv:2309.15217), with the formulas of promptfoo. The questions are ours; a reply
 * that does not keep to the form leaves the assertion undetermined.
 */
import { compileScript } from '../../../experiments/answer-script/script.js'
import type { Assertion } from '../../../server/contracts/index.js'
import { textValue, Undetermined, type Check, type Outcome, type Subject } from './check.js'
import { question } from './judge-checks.js'
import { varsOf } from './script-check.js'

const DEFAULT_THRESHOLD = 0.5
/** How many questions are guessed from an answer. */
const GUESSES = 3
/** What a judge replies where no passage helps, and its marks for statements; users' own prompts ask for them, too. */
const NOTHING = 'Insufficient Information'
const [FOUND, NOT_FOUND] = ['[attributed]', '[not attributed]']

/** Share of the answer's statements that the context bears out. */
export function contextFaithfulness(assertion: Assertion): Check {
  const contextOf = contextReader(assertion)
  return async (subject) => {
    const [query, context] = [queryOf(subject, assertion), contextOf(subject)]
    const split = 'You split an answer into statements, each of which stands by itself: name things in full, and leave out nothing. Write one statement on each line and nothing else.'
    const statements = linesOf(await subject.judge(assertion.grader, {}, question(split, { QUESTION: query, ANSWER: subject.output })))
    if (statements.length === 0) throw new Undetermined('the judge found no statement in the answer')
    const weigh = 'You check statements against a context, and against nothing else that you know. For each statement in turn write one line: its number, why, and then "verdict: yes" where the context bears it out or "verdict: no" where it does not.'
    const reply = (await subject.judge(assertion.grader, {}, question(weigh, { CONTEXT: joined(context), STATEMENTS: statements.map((statement, index) => `${index + 1}. ${statement}`).join('\n') }))).toLowerCase()
    const [yes, no] = ['yes', 'no'].map((verdict) => reply.split(`verdict: ${verdict}`).length - 1)
    if (yes === undefined || no === undefined || yes + no === 0) throw new Undetermined(`the judge gave no "verdict: yes" or "verdict: no": ${JSON.stringify(reply.slice(0, 200))}`)
    const unsaid = Math.max(0, statements.length - yes - no)
    return told(Math.min(1, Math.max(0, 1 - (no + unsaid) / statements.length)), assertion, `${yes} of ${statements.length} statements are borne out`)
  }
}

/** Share of the sentences of what should be said (`value`) that the context holds. */
export function contextRecall(assertion: Assertion): Check {
  const contextOf = contextReader(assertion, ({ question: asked }) => asked)
  const groundTruth = textValue(assertion)
  return async (subject) => {
    const context = joined(contextOf(subject))
    const task = 'You check which sentences of a reference can be found in a context. Write each sentence of the reference on a line of its own, then why, and at the end of the line [Attributed] where the context says it or [Not Attributed] where it does not.'
    const reply = await subject.judge(assertion.grader, { context, groundTruth }, question(task, { CONTEXT: context, REFERENCE: groundTruth }))
    const marked = linesOf(reply.toLowerCase()).filter((line) => line.includes(FOUND) || line.includes(NOT_FOUND))
    if (marked.length === 0) throw new Undetermined(`the judge marked no sentence: ${JSON.stringify(reply.slice(0, 200))}`)
    const found = marked.filter((line) => !line.includes(NOT_FOUND)).length
    return told(found / marked.length, assertion, `${found} of ${marked.length} sentences are in the context`)
  }
}

/** Share of the context that is needed to answer: its parts where it is a list, its lines or sentences where it is a text. */
export function contextRelevance(assertion: Assertion): Check {
  const contextOf = contextReader(assertion)
  return async (subject) => {
    const [query, context] = [queryOf(subject, assertion), contextOf(subject)]
    const text = joined(context)
    const task = `You pick out of a context what is needed to answer a question. Copy those sentences word for word, each on a line of its own, and write nothing else. If the context does not answer the question, write only: ${NOTHING}`
    const reply = await subject.judge(assertion.grader, { context: text, query }, question(task, { QUESTION: query, CONTEXT: text }))
    if (reply.trim() === '') throw new Undetermined('the judge replied nothing')
    const parts = Array.isArray(context) ? context.filter((part) => part.trim() !== '') : sentencesOf(context)
    const hasParts = Array.isArray(context) || linesOf(context).length > 1
    const quotes = reply.includes(NOTHING) ? [] : [...new Set(hasParts ? linesOf(reply) : sentencesOf(reply))]
    if (quotes.length > 0 && !quotes.some((quote) => plain(text).includes(plain(quote.replace(/^\s*(?:\d+[.)]|[-*])\s*/, ''))))) throw new Undetermined(`the judge quoted nothing of the context: ${JSON.stringify(reply.slice(0, 200))}`)
    const needed = Math.min(quotes.length, parts.length)
    return told(parts.length === 0 ? 0 : needed / parts.length, assertion, `${needed} of ${parts.length} parts of the context are needed`)
  }
}

/** Mean cosine between the question and questions that a judge guesses from the answer alone. */
export function answerRelevance(assertion: Assertion): Check {
  return async (subject) => {
    const { query } = varsOf(subject.scored.item)
    const asked = typeof query === 'string' ? query : subject.question
    const task = 'You are given an answer. Write the one question that it most likely answers, and nothing else.'
    const guesses = await Promise.all(Array.from({ length: GUESSES }, (_, sample) => subject.judge(assertion.grader, { answer: subject.output }, question(task, { ANSWER: subject.output }), sample)))
    if (guesses.some((guess) => guess === '')) throw new Undetermined('the judge guessed no question')
    const cosines = await Promise.all(guesses.map((guess) => subject.similarity(assertion.embedder, asked, guess, 'cosine')))
    return told(cosines.reduce((sum, cosine) => sum + cosine, 0) / GUESSES, assertion, `guessed: ${[...new Set(guesses)].join(' / ')}`)
  }
}

function told(score: number, { threshold = DEFAULT_THRESHOLD, not }: Assertion, reason: string): Outcome {
  const pass = score >= threshold - Number.EPSILON
  return { pass: pass !== not, score: not ? 1 - score : score, reason }
}

/** Of the item's variable `context`, or of the answer by `contextTransform`. */
function contextReader({ type, contextTransform }: Assertion, otherwise?: (subject: Subject) => string): (subject: Subject) => string | string[] {
  const script = contextTransform === undefined ? null : compileScript(contextTransform)
  return (subject) => {
    const vars = varsOf(subject.scored.item)
    const context = script === null ? (vars['context'] ?? otherwise?.(subject)) : transformed(() => script(subject.value, vars), contextTransform ?? '')
    const parts = Array.isArray(context) ? (context as unknown[]) : [context]
    if (parts.length === 0 || !parts.every((part) => typeof part === 'string' && part !== '')) throw new Undetermined(`${type} needs a context: a variable context, a text or a list of texts, or contextTransform`)
    return context as string | string[]
  }
}

function transformed(read: () => unknown, source: string): unknown {
  try {
    return read()
  } catch (cause) {
    throw new Undetermined(`contextTransform ${source} fails for this answer: ${cause instanceof Error ? cause.message : String(cause)}`)
  }
}

function queryOf({ scored }: Subject, { type }: Assertion): string {
  const { query } = varsOf(scored.item)
  if (typeof query !== 'string') throw new Undetermined(`${type} needs a variable query, the question of the user`)
  return query
}

const joined = (context: string | readonly string[]): string => (typeof context === 'string' ? context : context.join('\n\n'))
const linesOf = (text: string): string[] => text.split('\n').filter((line) => line.trim() !== '')
const plain = (text: string): string => text.toLowerCase().replaceAll(/\s+/g, ' ').trim()

/** Lines where there are several, else sentences. Numbers of a list by themselves are none. */
function sentencesOf(text: string): string[] {
  const lines = linesOf(text)
  const parts = lines.length > 1 ? lines : text.split(/(?<=[.!?])\s+/)
  return parts.map((part) => part.trim()).filter((part) => part !== '' && !/^\d+[.)]$/.test(part))
}
