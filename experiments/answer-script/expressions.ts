/* Expressions of scripts about answers: each becomes a function of the names in scope. */
import { call, GLOBALS, memberOf, ScriptFailed } from './members.js'
import { type Token, tokensOf, UnknownScript } from './tokens.js'

export type Scope = Readonly<Record<string, unknown>>
export type Value = (scope: Scope) => unknown
/** Undefined goes on to the next statement. */
export type Statement = (scope: Record<string, unknown>) => { returned: unknown } | undefined

const BINARY: readonly Readonly<Record<string, (left: never, right: never) => unknown>>[] = [
  { '===': (a, b) => a === b, '!==': (a, b) => a !== b, '==': (a, b) => looselyEqual(a, b), '!=': (a, b) => !looselyEqual(a, b) },
  { '<': (a, b) => a < b, '>': (a, b) => a > b, '<=': (a, b) => a <= b, '>=': (a, b) => a >= b, in: (a: string, b: object) => Object.hasOwn(b, a) },
  { '+': (a: number, b: number) => a + b, '-': (a: number, b: number) => a - b },
  { '*': (a: number, b: number) => a * b, '/': (a: number, b: number) => a / b, '%': (a: number, b: number) => a % b },
  { '**': (a: number, b: number) => a ** b },
]

/** As JavaScript's ==, between plain values. */
function looselyEqual(left: unknown, right: unknown): boolean {
  if (left === null || left === undefined || right === null || right === undefined) return (left ?? null) === null && (right ?? null) === null
  return typeof left === typeof right ? left === right : Number(left) === Number(right)
}

export abstract class ExpressionParser {
  private readonly tokens: Token[]
  protected at = 0

  constructor(protected readonly source: string) {
    this.tokens = tokensOf(source)
  }

  /** The body of an arrow function may be one. */
  protected abstract statement(): Statement

  protected expression(): Value {
    const arrow = this.arrow()
    if (arrow !== null) return arrow
    const condition = this.either()
    if (!this.skip('?')) return condition
    const then = this.expression()
    this.take(':')
    const otherwise = this.expression()
    return (scope) => (condition(scope) ? then(scope) : otherwise(scope))
  }

  /** `x => …` or `(x, y) => …`; null where there is none. */
  private arrow(): Value | null {
    const start = this.at
    const names: string[] = []
    if (this.next.kind === 'name' && this.tokens[this.at + 1]?.text === '=>') names.push(this.name())
    else if (this.skip('(')) {
      while (this.next.kind === 'name') {
        names.push(this.name())
        if (!this.skip(',')) break
      }
      if (!this.skip(')')) return this.back(start)
    } else return null
    if (!this.skip('=>')) return this.back(start)
    const hasBlock = this.next.text === '{'
    const block = hasBlock ? this.statement() : undefined
    const value = hasBlock ? undefined : this.expression()
    return (scope) => (...given: unknown[]) => {
      const inner = { ...scope, ...Object.fromEntries(names.map((name, index) => [name, given[index]])) }
      return value === undefined ? block?.(inner)?.returned : value(inner)
    }
  }

  private either(): Value {
    let left = this.both()
    for (;;) {
      const before = left
      if (this.skip('||')) left = ((right) => (scope: Scope) => before(scope) || right(scope))(this.both())
      else if (this.skip('??')) left = ((right) => (scope: Scope) => before(scope) ?? right(scope))(this.both())
      else return left
    }
  }

  private both(): Value {
    let left = this.binary(0)
    while (this.skip('&&')) {
      const before = left
      const right = this.binary(0)
      left = (scope) => before(scope) && right(scope)
    }
    return left
  }

  private binary(level: number): Value {
    const operators = BINARY[level]
    if (operators === undefined) return this.unary()
    let left = this.binary(level + 1)
    for (;;) {
      const operator = Object.hasOwn(operators, this.next.text) && this.next.kind !== 'string' ? operators[this.next.text] : undefined
      if (operator === undefined) return left
      this.at += 1
      const before = left
      const right = this.binary(level + 1)
      left = (scope) => operator(before(scope) as never, right(scope) as never)
    }
  }

  private unary(): Value {
    for (const [sign, apply] of [['!', (value: unknown) => !value], ['-', (value: unknown) => -Number(value)], ['+', (value: unknown) => Number(value)], ['typeof', (value: unknown) => typeof value]] as const) {
      if (this.next.kind !== 'string' && this.skip(sign)) return ((inner) => (scope: Scope) => apply(inner(scope)))(this.unary())
    }
    return this.members()
  }

  private members(): Value {
    let value = this.primary()
    for (;;) {
      const holder = value
      const isOptional = this.skip('?.')
      if (this.next.text === '(' && this.next.kind === 'sign') {
        const given = this.list('(', ')')
        const name = this.tokens[this.at - 1]?.text ?? ''
        value = (scope) => {
          const target = holder(scope)
          return isOptional && (target === undefined || target === null) ? undefined : call(target, given.map((one) => one(scope)), name)
        }
      } else if (this.skip('[')) {
        const key = this.expression()
        this.take(']')
        value = (scope) => optionally(holder(scope), isOptional, (target) => memberOf(target, key(scope)))
      } else if (isOptional || this.skip('.')) {
        const name = this.name()
        value = (scope) => optionally(holder(scope), isOptional, (target) => memberOf(target, name))
      } else return value
    }
  }

  private primary(): Value {
    const token = this.next
    if (token.kind === 'regex') {
      this.at += 1
      // A pattern of its own each time: one with g remembers where it was.
      return () => new RegExp(token.value as RegExp)
    }
    if (token.kind === 'number' || token.kind === 'string') {
      this.at += 1
      return () => token.value
    }
    if (token.text === '(') {
      this.at += 1
      const value = this.expression()
      this.take(')')
      return value
    }
    if (token.text === '[') return ((parts) => (scope: Scope) => parts.map((part) => part(scope)))(this.list('[', ']'))
    if (token.text === '{') return this.object()
    if (token.kind !== 'name') this.fail()
    const literal = new Map<string, unknown>([['true', true], ['false', false], ['null', null]])
    const name = this.name()
    if (literal.has(name)) return () => literal.get(name)
    return (scope) => {
      if (Object.hasOwn(scope, name)) return scope[name]
      if (Object.hasOwn(GLOBALS, name)) return GLOBALS[name]
      throw new ScriptFailed(`${name} is not defined`)
    }
  }

  private list(open: string, close: string): Value[] {
    this.take(open)
    const parts: Value[] = []
    while (!this.skip(close)) {
      parts.push(this.expression())
      if (!this.skip(',') && this.next.text !== close) this.fail()
    }
    return parts
  }

  private object(): Value {
    this.take('{')
    const fields: (readonly [string, Value])[] = []
    while (!this.skip('}')) {
      const key = this.next.kind === 'string' ? String(this.tokens[this.at++]?.value) : this.name()
      fields.push([key, this.skip(':') ? this.expression() : (scope) => scope[key]])
      if (!this.skip(',') && this.next.text !== '}') this.fail()
    }
    return (scope) => Object.fromEntries(fields.map(([key, value]) => [key, value(scope)]))
  }

  protected get next(): Token {
    return this.tokens[this.at] ?? { kind: 'end', text: 'the end', breaks: true }
  }

  protected name(): string {
    const { kind, text } = this.next
    if (kind !== 'name' || /^(?:new|function|class|async|await|this|delete|void|yield|import|process|require|globalThis|eval)$/.test(text)) this.fail()
    this.at += 1
    return text
  }

  protected skip(text: string): boolean {
    if (this.next.text !== text || this.next.kind === 'string') return false
    this.at += 1
    return true
  }

  protected take(text: string): void {
    if (!this.skip(text)) this.fail()
  }

  private back(at: number): null {
    this.at = at
    return null
  }

  protected fail(): never {
    throw new UnknownScript(this.source, `${this.next.text}${this.at === 0 ? '' : ` after ${this.tokens[this.at - 1]?.text ?? ''}`}`)
  }
}

function optionally(target: unknown, isOptional: boolean, read: (target: unknown) => unknown): unknown {
  return isOptional && (target === undefined || target === null) ? undefined : read(target)
}
