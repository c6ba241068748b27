/*
 * Jinja as the harness uses it: unknown names are errors, white space stays, and lists and texts have the methods of
 * Python that tasks call. An expression by itself gives its value, which the harness gets by reading its text as Python.
 */
import { Environment, Interpreter, parse, tokenize } from '@huggingface/jinja'
import { isNode, type SyntaxNode } from '../../template-variables.js'
import { pythonLiteral } from './python-literal.js'

type Doc = Readonly<Record<string, unknown>>

/** Methods by name: what they are called on comes first. */
const METHODS: Readonly<Record<string, (...values: never[]) => unknown>> = {
  index: (holder: string | readonly unknown[], sought: unknown) => {
    const place = typeof holder === 'string' ? holder.indexOf(String(sought)) : holder.map(plain).indexOf(plain(sought))
    if (place < 0) throw new Error(`${JSON.stringify(plain(sought))} is not in ${JSON.stringify(plain(holder))}`)
    return place
  },
  count: (holder: string | readonly unknown[], sought: unknown) => (typeof holder === 'string' ? holder.split(String(sought)).length - 1 : holder.map(plain).filter((one) => one === plain(sought)).length),
  join: (joint: string, parts: readonly unknown[]) => parts.map(plain).join(joint),
  find: (text: string, sought: string) => text.indexOf(sought),
  capitalize: (text: string) => text.slice(0, 1).toUpperCase() + text.slice(1).toLowerCase(),
}

export class TaskTemplate {
  private readonly tree: ReturnType<typeof parse>

  /** @throws {Error} where it is no Jinja */
  constructor(private readonly source: string) {
    // The tokenizer drops one line break at the end, and the harness keeps it.
    this.tree = parse(tokenize(source.endsWith('\n') ? `${source}\n` : source, {}))
    withFunctions(this.tree)
    allowAbsence(this.tree)
  }

  /** @throws {Error} naming what the document lacks */
  render(doc: Doc): string {
    return this.run(doc, (interpreter) => String((interpreter.run(this.tree) as { value: unknown }).value))
  }

  /** The value of `{{ expression }}`, or what the rendered text says as a literal of Python. */
  value(doc: Doc): unknown {
    const [only, ...others] = this.tree.body as unknown as SyntaxNode[]
    const text = this.source.trim()
    if (only === undefined || others.length > 0 || !text.startsWith('{{') || only.type.endsWith('Literal')) return pythonLiteral(this.render(doc))
    return this.run(doc, (interpreter, environment) => plain(interpreter.evaluate(only as never, environment)))
  }

  private run<T>(doc: Doc, act: (interpreter: Interpreter, environment: Environment) => T): T {
    const environment = new Environment()
    for (const [name, value] of [['true', true], ['True', true], ['false', false], ['False', false], ['none', null], ['None', null]] as const) environment.set(name, value)
    environment.set('range', (...ends: number[]) => rangeOf(ends))
    for (const [name, method] of Object.entries(METHODS)) environment.set(functionOf(name), method)
    for (const [name, value] of Object.entries(doc)) environment.set(name, value)
    return act(new StrictInterpreter(environment, (name) => `${JSON.stringify(this.source.slice(0, 120))} uses "${name}", and the row has only ${Object.keys(doc).join(', ')}`), environment)
  }
}

/** Marks what may be absent: what is asked whether it is there. */
const MAY_BE_ABSENT = Symbol('may be absent')

/** What is not there is an error once it is read, as with Jinja's StrictUndefined; branches that are not taken are not read. */
class StrictInterpreter extends Interpreter {
  constructor(
    environment: Environment,
    private readonly refusal: (name: string) => string,
  ) {
    super(environment)
  }

  /** The library's declarations leave its classes untyped here. */
  evaluate(statement: unknown, environment: Environment): { type: string } {
    const value = super.evaluate(statement, environment) as { type: string }
    const node = statement as (SyntaxNode & { [MAY_BE_ABSENT]?: true }) | undefined
    if (node === undefined || value.type !== 'UndefinedValue' || node[MAY_BE_ABSENT] === true) return value
    if (node.type !== 'Identifier' && node.type !== 'MemberExpression') return value
    throw new Error(this.refusal(nameOf(node)))
  }
}

function nameOf(node: SyntaxNode): string {
  if (node.type !== 'MemberExpression') return String(node['value'])
  const { object, property } = node
  return `${isNode(object) ? nameOf(object) : ''}.${isNode(property) ? String(property['value'] ?? '…') : ''}`
}

/** `x is defined`, `x is not defined` and `x | default(…)`. */
function allowAbsence(node: unknown): void {
  if (Array.isArray(node)) return node.forEach(allowAbsence)
  if (node instanceof Map) return node.forEach((value, key) => allowAbsence([key, value]))
  if (!isNode(node)) return
  const { operand, test, filter } = node
  const asked = isNode(test) ? test : isNode(filter) && isNode(filter['callee']) ? filter['callee'] : filter
  if (isNode(operand) && isNode(asked) && ['defined', 'undefined', 'default', 'd'].includes(String(asked['value']))) Object.assign(operand, { [MAY_BE_ABSENT]: true })
  Object.values(node).forEach(allowAbsence)
}

const functionOf = (method: string): string => `method ${method}`

/** `a.index(b)` becomes `index(a, b)`: the library's values have only the methods that it knows. */
function withFunctions(node: unknown): void {
  if (Array.isArray(node)) return node.forEach(withFunctions)
  if (node instanceof Map) return node.forEach((value, key) => withFunctions([key, value]))
  if (!isNode(node)) return
  const { callee, args } = node
  if (node.type === 'CallExpression' && isNode(callee) && callee.type === 'MemberExpression' && callee['computed'] !== true && Array.isArray(args)) {
    const method = String((callee['property'] as SyntaxNode)['value'])
    if (Object.hasOwn(METHODS, method)) {
      node['args'] = [callee['object'], ...(args as unknown[])]
      node['callee'] = { type: 'Identifier', value: functionOf(method) }
    }
  }
  Object.values(node).forEach(withFunctions)
}

/** The library's values as JavaScript's. */
function plain(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(plain)
  if (value instanceof Map) return Object.fromEntries([...value].map(([key, part]) => [String(key), plain(part)]))
  return typeof value === 'object' && value !== null && 'value' in value ? plain(value.value) : value
}

function rangeOf([first = 0, end, step = 1]: number[]): number[] {
  const [from, to] = end === undefined ? [0, first] : [first, end]
  return Array.from({ length: Math.max(0, Math.ceil((to - from) / step)) }, (_, index) => from + index * step)
}
