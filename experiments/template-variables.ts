/* Which variables a Jinja template reads, told from its syntax tree. */

const GLOBALS = new Set(['true', 'false', 'none', 'True', 'False', 'None', 'range', 'raise_exception', 'strftime_now', 'namespace', 'loop', 'caller'])

/** Names a template reads that neither it nor Jinja defines. A name it tests with "is defined", or gives a default, may be absent. */
export function freeVariables(program: unknown): string[] {
  const names = new Names()
  names.visit(program)
  const isFree = (name: string): boolean => !names.bound.has(name) && !GLOBALS.has(name)
  return [...names.read].filter((name) => isFree(name.split('.')[0] ?? '') && !names.optional.has(name) && !names.optional.has(name.split('.')[0] ?? ''))
}

/** Of the library's tree. */
export type SyntaxNode = Record<string, unknown> & { type: string }

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

export function isNode(value: unknown): value is SyntaxNode {
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
