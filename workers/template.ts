/*
 * Prompt templates: Jinja over the fields of one dataset item. Jinja renders an unknown name as nothing,
 * which would quietly ask a model an empty question; here it is an error that names the field and the item.
 */
import { Template } from '@huggingface/jinja'
import { RunFailure } from './run-context.js'

export interface TemplateItem {
  id: string
  [field: string]: unknown
}

const GLOBALS = new Set(['true', 'false', 'none', 'True', 'False', 'None', 'range', 'raise_exception', 'strftime_now', 'namespace', 'loop', 'caller'])

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

/** Names a template reads that neither it nor Jinja defines. A name it tests with "is defined", or gives a default, may be absent. */
function freeVariables(program: unknown): string[] {
  const names = new Names()
  names.visit(program)
  const isFree = (name: string): boolean => !names.bound.has(name) && !GLOBALS.has(name)
  return [...names.read].filter((name) => isFree(name.split('.')[0] ?? '') && !names.optional.has(name) && !names.optional.has(name.split('.')[0] ?? ''))
}

type SyntaxNode = Record<string, unknown> & { type: string }

class Names {
  readonly read = new Set<string>()
  readonly bound = new Set<string>()
  readonly optional = new Set<string>()

  visit(node: unknown): void {
    if (Array.isArray(node)) return node.forEach((child) => this.visit(child))
    if (node instanceof Map) return node.forEach((value, key) => this.visit([key, value]))
    if (!isNode(node)) return
    switch (node.type) {
      case 'Identifier':
        this.read.add(String(node['value']))
        return
      case 'MemberExpression': {
        const path = pathOf(node)
        if (path !== null) this.read.add(path)
        return this.visit(node['computed'] === true ? [node['object'], node['property']] : node['object'])
      }
      case 'CallExpression': {
        // The name of a method is no field.
        const { callee } = node
        return this.visit([isNode(callee) && callee.type === 'MemberExpression' ? callee['object'] : callee, node['args']])
      }
      case 'FilterExpression':
        if (nameOf(node['filter']) === 'default') this.addName(this.optional, node['operand'])
        return this.visit([node['operand'], argumentsOf(node['filter'])])
      case 'FilterStatement':
        return this.visit([node['body'], argumentsOf(node['filter'])])
      case 'TestExpression':
        if (['defined', 'undefined', 'none'].includes(nameOf(node['test']) ?? '')) this.addName(this.optional, node['operand'])
        return this.visit(node['operand'])
      case 'KeywordArgumentExpression':
        return this.visit(node['value'])
      case 'For':
        this.bind(node['loopvar'])
        return this.visit([node['iterable'], node['body'], node['defaultBlock']])
      case 'Set':
        this.bind(node['assignee'])
        return this.visit([node['value'], node['body']])
      case 'Macro':
        this.bind([node['name'], node['args']])
        return this.visit(node['body'])
      default:
        return this.visit(Object.values(node))
    }
  }

  private bind(node: unknown): void {
    if (Array.isArray(node)) return node.forEach((child) => this.bind(child))
    if (!isNode(node)) return
    if (node.type === 'Identifier') this.bound.add(String(node['value']))
    if (node.type === 'TupleLiteral') this.bind(node['value'])
    if (node.type === 'KeywordArgumentExpression') {
      this.bind(node['key'])
      this.visit(node['value'])
    }
  }

  private addName(names: Set<string>, node: unknown): void {
    if (!isNode(node)) return
    const name = node.type === 'Identifier' ? String(node['value']) : pathOf(node)
    if (name !== null) names.add(name)
  }
}

/** `meta.author` of a part named in the template itself; null of any other expression. */
function pathOf(node: SyntaxNode): string | null {
  const { object, property } = node
  if (node.type !== 'MemberExpression' || node['computed'] === true) return null
  return isNode(object) && object.type === 'Identifier' && isNode(property) && property.type === 'Identifier' ? `${String(object['value'])}.${String(property['value'])}` : null
}

function isNode(value: unknown): value is SyntaxNode {
  return typeof value === 'object' && value !== null && 'type' in value && typeof value.type === 'string'
}

/** The name of a filter or test, called with arguments or not. */
function nameOf(node: unknown): string | null {
  if (!isNode(node)) return null
  return node.type === 'CallExpression' ? nameOf(node['callee']) : String(node['value'])
}

function argumentsOf(node: unknown): unknown {
  return isNode(node) && node.type === 'CallExpression' ? node['args'] : []
}

function messageOf(cause: unknown): string {
  return cause instanceof Error ? cause.message : String(cause)
}
