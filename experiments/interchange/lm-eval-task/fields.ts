/* What a task makes of a row of its data: the question, the choices and the answer, as the harness resolves them. */
import { TaskTemplate } from './jinja.js'

export type Doc = Readonly<Record<string, unknown>>
/** Of `doc_to_text`, `doc_to_target`, `doc_to_choice`: a field's name, Jinja, a place among the choices, or the choices themselves. */
export type FieldSource = string | number | readonly unknown[] | Readonly<Record<string, unknown>>

const templates = new Map<string, TaskTemplate>()

function templateOf(source: string): TaskTemplate {
  const template = templates.get(source) ?? new TaskTemplate(source)
  templates.set(source, template)
  return template
}

/** A text, or a number where the text is one and places among choices are meant. */
export function textOf(doc: Doc, source: FieldSource, { hasChoices }: { hasChoices: boolean }): unknown {
  if (typeof source !== 'string') return source
  if (Object.hasOwn(doc, source)) return doc[source]
  const text = templateOf(source).render(doc)
  return hasChoices && /^\d+$/.test(text) ? Number(text) : text
}

/** As a text, a place among the choices, or several right answers. */
export function targetOf(doc: Doc, source: FieldSource, { hasChoices }: { hasChoices: boolean }): unknown {
  const target = textOf(doc, source, { hasChoices })
  if (typeof source !== 'string' || Object.hasOwn(doc, source) || typeof target !== 'string') return target
  if (!/^\[[^]*\]$/.test(target)) return target
  try {
    return templateOf(source).value(doc)
  } catch (error) {
    // A text in brackets that is no list is a text.
    if (error instanceof SyntaxError) return target
    throw error
  }
}

/** @throws {Error} where they are no list of texts */
export function choicesOf(doc: Doc, source: FieldSource): string[] {
  const value = typeof source !== 'string' ? source : Object.hasOwn(doc, source) ? doc[source] : templateOf(source).value(doc)
  const choices: unknown[] = Array.isArray(value) ? value : typeof value === 'object' && value !== null ? Object.values(value) : []
  if (choices.length === 0 || choices.some((choice) => typeof choice !== 'string')) throw new Error(`the choices are ${JSON.stringify(value)?.slice(0, 120)}, and a list of texts is wanted`)
  return choices as string[]
}

/** Joined by the delimiter unless one of them has white space there. */
export function delimited(before: string, after: string, delimiter: string): string {
  if (before === '' || after === '') return before + after
  return needsDelimiter(before, after) ? before + delimiter + after : before + after
}

export function needsDelimiter(before: string, after: string): boolean {
  return before !== '' && !/\s$/.test(before) && !/^\s/.test(after)
}
