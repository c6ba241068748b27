/*
 * Reads the part of JavaScript in which promptfoo's configs say short things about answers: expressions, arrow
 * functions, const, if, try and return. Each piece becomes a function of the names in scope; nothing is run as code
 * of the host. Whatever else the language has is refused when it is read.
 */
import { ExpressionParser, type Statement, type Value } from './expressions.js'

/** The value of the last expression by itself, which statements on one line come to. No name can be written so. */
const LAST = 'last value'

export class ScriptParser extends ExpressionParser {
  /** A single expression, or statements of which one returns. */
  program(): Value {
    const start = this.at
    if (!/\breturn\b|^\s*(?:const|let|var|if|try)\b/.test(this.source)) {
      const value = this.expression()
      this.skip(';')
      if (this.next.kind === 'end') return value
      this.at = start
    }
    const body = this.statements({ isProgram: true })
    const isOneLine = !this.source.includes('\n')
    return (scope) => {
      const inner = { ...scope }
      const result = body(inner)
      return result === undefined && isOneLine ? inner[LAST] : result?.returned
    }
  }

  private statements({ isProgram = false } = {}): Statement {
    const all: Statement[] = []
    while (this.hasStatement(isProgram)) all.push(this.statement())
    return (scope) => {
      for (const one of all) {
        const result = one(scope)
        if (result !== undefined) return result
      }
      return undefined
    }
  }

  /** At the top a brace that closes nothing is left to be refused. */
  private hasStatement(isProgram: boolean): boolean {
    const { kind, text } = this.next
    return kind !== 'end' && (isProgram || kind !== 'sign' || text !== '}')
  }

  protected override statement(): Statement {
    if (this.skip(';')) return () => undefined
    if (this.skip('{')) {
      const body = this.statements()
      this.take('}')
      return (scope) => body(scope)
    }
    if (this.skip('return')) {
      const value: Value = this.next.text === ';' || this.next.text === '}' || this.next.kind === 'end' ? () => undefined : this.expression()
      this.skip(';')
      return (scope) => ({ returned: value(scope) })
    }
    if (this.skip('if')) return this.conditional()
    if (this.skip('try')) return this.attempt()
    if (this.skip('const') || this.skip('let') || this.skip('var')) return this.declaration()
    const value = this.expression()
    if (!this.skip(';') && this.next.text !== '}' && this.next.kind !== 'end' && !this.next.breaks) this.fail()
    return (scope) => void (scope[LAST] = value(scope))
  }

  private conditional(): Statement {
    this.take('(')
    const condition = this.expression()
    this.take(')')
    const then = this.statement()
    const otherwise = this.skip('else') ? this.statement() : undefined
    return (scope) => (condition(scope) ? then(scope) : otherwise?.(scope))
  }

  private attempt(): Statement {
    const body = this.statement()
    this.take('catch')
    const name = this.skip('(') ? this.name() : undefined
    if (name !== undefined) this.take(')')
    const rescue = this.statement()
    return (scope) => {
      try {
        return body(scope)
      } catch (error) {
        if (name !== undefined) scope[name] = { message: error instanceof Error ? error.message : String(error) }
        return rescue(scope)
      }
    }
  }

  private declaration(): Statement {
    const name = this.name()
    this.take('=')
    const value = this.expression()
    this.skip(';')
    return (scope) => void (scope[name] = value(scope))
  }
}
