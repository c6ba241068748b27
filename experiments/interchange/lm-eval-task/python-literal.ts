/* Literals of Python as text: what the harness reads by ast.literal_eval. */

const SPACE = /\s*/y
const WORDS = new Map<string, unknown>([['True', true], ['False', false], ['None', null]])
const ESCAPES = new Map([['n', '\n'], ['t', '\t'], ['r', '\r'], ['0', '\0'], ['\n', '']])

/** Lists, tuples, texts, numbers, True, False and None. @throws {SyntaxError} for anything else */
export function pythonLiteral(text: string): unknown {
  const reader = new Reader(text)
  const value = reader.value()
  reader.end()
  return value
}

class Reader {
  private at = 0

  constructor(private readonly text: string) {}

  value(): unknown {
    const next = this.peek()
    if (next === '[' || next === '(') return this.list(next === '[' ? ']' : ')')
    if (next === '"' || next === "'") return this.quoted(next)
    const number = this.match(/[-+]?(?:\d+\.?\d*|\.\d+)(?:[eE][-+]?\d+)?/y)
    if (number !== undefined) return Number(number)
    const word = this.match(/[A-Za-z]+/y)
    if (word !== undefined && WORDS.has(word)) return WORDS.get(word)
    throw new SyntaxError(`not a literal of Python: ${this.text.slice(0, 120)}`)
  }

  end(): void {
    if (this.peek() !== undefined) throw new SyntaxError(`more than one literal of Python: ${this.text.slice(0, 120)}`)
  }

  private list(close: string): unknown[] {
    this.at += 1
    const values: unknown[] = []
    while (this.peek() !== close) {
      values.push(this.value())
      if (this.peek() === ',') this.at += 1
      else if (this.peek() !== close) throw new SyntaxError(`a list of Python that does not end: ${this.text.slice(0, 120)}`)
    }
    this.at += 1
    return values
  }

  private quoted(quote: string): string {
    let value = ''
    for (this.at += 1; this.text[this.at] !== quote; this.at += 1) {
      const character = this.text[this.at]
      if (character === undefined) throw new SyntaxError(`a text of Python that does not end: ${this.text.slice(0, 120)}`)
      if (character !== '\\') {
        value += character
        continue
      }
      this.at += 1
      const escaped = this.text[this.at] ?? ''
      const code = { x: 2, u: 4, U: 8 }[escaped]
      if (code === undefined) value += ESCAPES.get(escaped) ?? (/['"\\]/.test(escaped) ? escaped : `\\${escaped}`)
      else {
        value += String.fromCodePoint(Number.parseInt(this.text.slice(this.at + 1, this.at + 1 + code), 16))
        this.at += code
      }
    }
    this.at += 1
    return value
  }

  private peek(): string | undefined {
    this.match(SPACE)
    return this.text[this.at]
  }

  private match(pattern: RegExp): string | undefined {
    pattern.lastIndex = this.at
    const found = pattern.exec(this.text)?.[0]
    this.at += found?.length ?? 0
    return found
  }
}
