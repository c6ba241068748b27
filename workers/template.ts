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
  }

  /**
   * @param given values by name that do not come from the item
   * @throws {RunFailure} `template_variable` when the item lacks a field, `template_invalid` when rendering fails.
   */
  render(item: TemplateItem, given: Readonly<Record<string, unknown>> = {}): string {
    this.assertFits(item, Object.keys(given))
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
