/*
 * Prompt templates: Jinja over the fields of one dataset item. Jinja renders an unknown name as nothing,
 * which would quietly ask a model an empty question; here it is an error that names the field and the item.
 */
import { Template } from '@huggingface/jinja'
import { freeVariables } from '../experiments/template-variables.js'
import { messageOf } from './engine/message-of.js'
import { RunFailure } from './run-context.js'

export interface TemplateItem {
  id: string
  [field: string]: unknown
}

export class PromptTemplate {
  /** Fields an item must have: `input`, or `meta.author` for a part of one. */
  readonly variables: readonly string[]
  private readonly template: Template
  private readonly plain: readonly Part[] | null
  private readonly name: string

  /** @param name the parameter that holds the source, for messages. @throws {RunFailure} `template_invalid` */
  constructor(source: string, name: string) {
    this.name = name
    try {
      this.template = new Template(source)
    } catch (cause) {
      throw new RunFailure('template_invalid', `${name} is not a valid Jinja template: ${messageOf(cause)}; it reads: ${source.slice(0, 200)}`, { cause })
    }
    this.variables = freeVariables(this.template.parsed)
    this.plain = plainParts(this.template, this.variables)
  }

  /**
   * @param given values by name that do not come from the item
   * @throws {RunFailure} `template_variable` when the item lacks a field, `template_invalid` when rendering fails.
   */
  render(item: TemplateItem, given: Readonly<Record<string, unknown>> = {}): string {
    this.assertFits(item, Object.keys(given))
    const text = this.plain === null ? null : joined(this.plain, item, given)
    if (text !== null) return text
    try {
      return this.template.render({ ...item, ...given })
    } catch (cause) {
      throw new RunFailure('template_invalid', `${this.name} cannot be rendered for item "${item.id}": ${messageOf(cause)}`, { cause })
    }
  }

  /** Whether it names a variable, or a part of it. */
  reads(name: string): boolean {
    return this.variables.some((variable) => variable === name || variable.startsWith(`${name}.`))
  }

  /** @param given names that will be there besides the item's fields. @throws {RunFailure} `template_variable` */
  assertFits(item: TemplateItem, given: readonly string[] = []): void {
    const missing = this.variables.find((variable) => !given.includes(variable.split('.')[0] ?? '') && !hasField(item, variable))
    if (missing === undefined) return
    throw new RunFailure('template_variable', `${this.name} uses "${missing}", which item "${item.id}" does not have; its fields are ${fieldsBeside(item, missing).join(', ')}`)
  }
}

/** Text as it stands, or a field to be put there. */
type Part = { text: string } | { field: string }

/** A template that only puts fields into a text, as most do: the interpreter takes twenty times as long over it. Null for any other. */
function plainParts({ parsed }: Template, variables: readonly string[]): Part[] | null {
  const parts: Part[] = []
  for (const statement of parsed.body) {
    const { type, value } = statement as { type: string; value?: unknown }
    if (typeof value !== 'string') return null
    if (type === 'StringLiteral') parts.push({ text: value })
    else if (type === 'Identifier' && variables.includes(value)) parts.push({ field: value })
    else return null
  }
  return parts
}

/** Null where a field is no text: Jinja has its own way to write lists, numbers and what is missing. */
function joined(parts: readonly Part[], item: TemplateItem, given: Readonly<Record<string, unknown>>): string | null {
  let whole = ''
  for (const part of parts) {
    const text = 'text' in part ? part.text : Object.hasOwn(given, part.field) ? given[part.field] : item[part.field]
    if (typeof text !== 'string') return null
    whole += text
  }
  return whole
}

/** A part is looked for in objects alone: texts and lists have methods of their own. */
function hasField(item: TemplateItem, variable: string): boolean {
  const [root = '', part] = variable.split('.')
  const value = Object.hasOwn(item, root) ? item[root] : undefined
  if (value === undefined || part === undefined || !isPlainObject(value)) return value !== undefined
  return value[part] !== undefined
}

function fieldsBeside(item: TemplateItem, variable: string): string[] {
  const [root = '', part] = variable.split('.')
  const value = item[root]
  return part !== undefined && isPlainObject(value) ? Object.keys(value).map((key) => `${root}.${key}`) : Object.keys(item)
}

function isPlainObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}
