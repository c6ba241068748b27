/* Rows of a task's data as items: their prompts are texts already, so that nothing of the task is left to interpret when they are asked. */
import { choicesOf, delimited, type Doc, type FieldSource, needsDelimiter, targetOf, textOf } from './fields.js'

/** How one kind of row, asked or shown as an example, is put into words. */
export interface Wording {
  text: FieldSource
  target: FieldSource
  choice: FieldSource | undefined
  /** What the answer begins with. */
  prefix: FieldSource | undefined
  targetDelimiter: string
  fewshotDelimiter: string
}

export interface TaskItem {
  id: string
  input: string
  target: string
  /** The whole example with its answer, as it stands before a question. */
  shown: string
  description?: string
  choices?: string[]
  /** Places of the right choices; -1 where the right answer is none of them, which the harness counts as wrong. */
  gold?: number[]
  /** The choices are contexts, of which the right one makes the target likely. */
  areContexts?: true
  /** Several right answers of a text. */
  targets?: string[]
  doc: Doc
}

/** @throws {Error} naming what is wrong with the row */
export function itemOf(doc: Doc, id: string, wording: Wording, description: FieldSource | undefined): TaskItem {
  const { text, target, choice, prefix, targetDelimiter, fewshotDelimiter } = wording
  const hasChoices = choice !== undefined
  const question = textOf(doc, text, { hasChoices })
  if (typeof question === 'number' && choice !== undefined) return contextsOf(doc, { id, place: question, choice }, { wording, description })
  if (typeof question !== 'string') throw new Error(`doc_to_text gives ${JSON.stringify(question)}, and a text is wanted`)
  const choices = choice === undefined ? undefined : choicesOf(doc, choice)
  const answer = targetOf(doc, target, { hasChoices })
  const { gold, answers } = rightAnswers(answer, choices)
  const [first] = answers
  if (first === undefined) throw new Error(`doc_to_target gives ${JSON.stringify(answer)}, which is no answer`)
  const begun = prefix === undefined ? '' : String(textOf(doc, prefix, { hasChoices: false }))
  const asked = begun === '' ? question : question + (needsDelimiter(question, begun) ? targetDelimiter : '') + begun
  const inFront = begun === '' || needsDelimiter(question, begun) ? targetDelimiter : ''
  if (asked === '') throw new Error('doc_to_text gives an empty text')
  return {
    id,
    input: asked,
    target: first,
    shown: question + inFront + delimited(begun, first, ' ') + fewshotDelimiter,
    ...(description === undefined ? {} : { description: String(textOf(doc, description, { hasChoices: false })) }),
    ...(choices === undefined ? {} : { choices }),
    ...(gold === undefined ? {} : { gold }),
    ...(answers.length > 1 && gold === undefined ? { targets: answers } : {}),
    doc,
  }
}

/** The question is a place among the choices, each of which is a context of its own before one answer, as in Winograd schemas. */
function contextsOf(doc: Doc, { id, place, choice }: { id: string; place: number; choice: FieldSource }, { wording, description }: { wording: Wording; description: FieldSource | undefined }): TaskItem {
  const { target, prefix, targetDelimiter, fewshotDelimiter } = wording
  const begun = prefix === undefined ? '' : String(textOf(doc, prefix, { hasChoices: false }))
  const contexts = choicesOf(doc, choice)
  const right = contexts[place]
  if (right === undefined) throw new Error(`doc_to_text gives the place ${place}, and there are ${contexts.length} choices`)
  const answer = targetOf(doc, target, { hasChoices: true })
  if (typeof answer === 'object') throw new Error(`doc_to_target gives ${JSON.stringify(answer)}, and what follows the choices is one text`)
  const text = String(answer)
  const inFront = begun === '' || needsDelimiter(right, begun) ? targetDelimiter : ''
  return {
    id,
    input: (contexts[0] ?? '') + begun,
    target: text,
    shown: right + inFront + delimited(begun, text, ' ') + fewshotDelimiter,
    ...(description === undefined ? {} : { description: String(textOf(doc, description, { hasChoices: false })) }),
    choices: contexts.map((context) => context + begun),
    gold: [place],
    areContexts: true,
    doc,
  }
}

/** Characters of a whole text that are shown as its question. */
const SHOWN_CHARACTERS = 500

/** Of a task that asks how likely a text is by itself. @throws {Error} where there is none */
export function wholeText(doc: Doc, id: string, { target }: Wording): TaskItem {
  const text = targetOf(doc, target, { hasChoices: false })
  if (typeof text !== 'string' || text === '') throw new Error(`doc_to_target gives ${JSON.stringify(text)}, and a text is wanted`)
  return { id, input: [...text.slice(0, 2 * SHOWN_CHARACTERS)].slice(0, SHOWN_CHARACTERS).join(''), target: text, shown: '', doc }
}

function rightAnswers(answer: unknown, choices: readonly string[] | undefined): { gold?: number[]; answers: string[] } {
  const answers: unknown[] = Array.isArray(answer) ? answer : [answer]
  if (choices === undefined) return { answers: answers.map((one) => (typeof one === 'object' ? JSON.stringify(one) : String(one))) }
  const gold = answers.map((one) => (typeof one === 'number' ? (one < choices.length ? one : -1) : choices.indexOf(String(one))))
  return { gold, answers: gold.map((place, index) => choices.at(place) !== undefined && place >= 0 ? (choices[place] ?? '') : String(answers[index])) }
}
