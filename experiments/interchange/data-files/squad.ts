/* Reading comprehension in SQuAD's format (1.1 and 2.0): paragraphs with questions and answers in them. */
import { z } from 'zod'
import { check, type ItemIds, type Place } from '../source-file.js'

const SquadSchema = z.looseObject({
  data: z.array(
    z.looseObject({
      title: z.string().optional(),
      paragraphs: z.array(
        z.looseObject({
          context: z.string(),
          qas: z.array(z.looseObject({ id: z.union([z.string(), z.number()]), question: z.string(), answers: z.array(z.looseObject({ text: z.string(), answer_start: z.int().nonnegative() })).default([]) })),
        }),
      ),
    }),
  ),
})

interface Question {
  id: string
  question: string
  answers: string[]
  context: string
  title: string
  document: string
  /** Offset of the paragraph in its document, UTF-16 units. */
  start: number
  /** Where one of the answers stands in the paragraph, word for word; null: none does. */
  span: { start: number; end: number } | null
}

export interface Squad {
  documents: { id: string; title: string; text: string }[]
  questions: Question[]
  /** Questions of SQuAD 2.0 that the paragraph does not answer. */
  unanswerable: number
}

const BETWEEN_PARAGRAPHS = '\n\n'

export function isSquad(value: unknown): boolean {
  const data = (value as { data?: unknown } | null)?.data
  const first: unknown = Array.isArray(data) ? data[0] : undefined
  return typeof first === 'object' && first !== null && 'paragraphs' in first
}

/** Each title becomes one document of all its paragraphs; the paragraph of a question is its gold passage. */
export function readSquad(value: unknown, place: Place, ids: ItemIds): Squad {
  const { data } = check(SquadSchema, value, place)
  const found: Squad = { documents: [], questions: [], unanswerable: 0 }
  for (const { title: given, paragraphs } of data) {
    const title = given?.trim() || 'document'
    const document = ids.next(title)
    let text = ''
    for (const { context, qas } of paragraphs) {
      if (context === '') continue
      for (const { id, question, answers } of qas) {
        const texts = [...new Set(answers.map((answer) => answer.text).filter((answer) => answer !== ''))]
        if (texts.length === 0 || question.trim() === '') found.unanswerable += 1
        else found.questions.push({ id: String(id), question, answers: texts, context, title, document, start: text.length, span: spanOf(answers, context) })
      }
      text += context + BETWEEN_PARAGRAPHS
    }
    if (text !== '') found.documents.push({ id: document, title, text })
  }
  return found
}

/** Other languages count characters where these are UTF-16 units: an emoji before the answer moves it. */
function spanOf(answers: readonly { text: string; answer_start: number }[], context: string): Question['span'] {
  for (const { text, answer_start: given } of answers) {
    const counted = [...context].slice(0, given).join('').length
    const start = [given, counted].find((place) => text !== '' && context.startsWith(text, place))
    if (start !== undefined) return { start, end: start + text.length }
  }
  return null
}

/** As items of a retrieval dataset whose gold passage is the answer alone; none of a question whose answers do not stand in its paragraph. */
export function asAnswer(question: Question): Record<string, unknown>[] {
  const { span, start, context } = question
  return span === null ? [] : [{ ...asPassage(question), passage: context.slice(span.start, span.end), start: start + span.start, end: start + span.end }]
}

/** As an item of a retrieval dataset whose gold passage is the paragraph. */
export function asPassage({ id, question, answers, context, document, start }: Question): Record<string, unknown> {
  return { id, question, answer: answers[0], answers, document, passage: context, start, end: start + context.length }
}

/** As a question whose text is known: `context` is a variable of templates. */
export function asQuestion({ id, question, answers, context, title, document }: Question): Record<string, unknown> {
  return { id, input: question, target: answers[0], targets: answers, context, title, cluster: document }
}
