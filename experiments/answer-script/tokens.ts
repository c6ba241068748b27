/* The words of a script about an answer. */

export class UnknownScript extends Error {
  constructor(source: string, problem: string) {
    super(`${JSON.stringify(source.length > 120 ? `${source.slice(0, 119)}…` : source)} is JavaScript that is not known here: ${problem}`)
  }
}

export interface Token {
  kind: 'name' | 'number' | 'string' | 'regex' | 'sign' | 'end'
  text: string
  value?: unknown
  /** A new line begins before it. */
  breaks: boolean
}

const SPACE = /(?:\s|\/\/[^\n]*|\/\*[\s\S]*?\*\/)+/y
const NAME = /[A-Za-z_$][\w$]*/y
const NUMBER = /\d+(?:_\d+)*(?:\.\d+)?(?:[eE][+-]?\d+)?|\.\d+/y
const STRING = /"(?:[^"\\\n]|\\[\s\S])*"|'(?:[^'\\\n]|\\[\s\S])*'|`(?:[^`\\$]|\\[\s\S]|\$(?!\{))*`/y
const REGEX = /\/((?:[^/\\[\n]|\\.|\[(?:[^\]\\\n]|\\.)*\])+)\/([gimsuy]*)/y
const SIGN = /===|!==|\.\.\.|=>|&&|\|\||\?\?|\?\.(?!\d)|==|!=|<=|>=|\*\*|[-+*/%<>=!?:.,;(){}[\]]/y
/** After these a slash divides; elsewhere it begins a pattern. */
const ENDS_VALUE = new Set([')', ']', '}'])
const WORDS_BEFORE_VALUES = new Set(['return', 'typeof', 'in', 'of', 'case'])

export function tokensOf(source: string): Token[] {
  const tokens: Token[] = []
  let [at, breaks] = [0, false]
  const take = (pattern: RegExp): RegExpExecArray | null => {
    pattern.lastIndex = at
    const match = pattern.exec(source)
    if (match !== null) at = pattern.lastIndex
    return match
  }
  while (at < source.length) {
    const space = take(SPACE)?.[0]
    if (space !== undefined) {
      breaks ||= space.includes('\n')
      continue
    }
    const last = tokens.at(-1)
    const divides = last !== undefined && (ENDS_VALUE.has(last.text) || ['number', 'string', 'regex'].includes(last.kind) || (last.kind === 'name' && !WORDS_BEFORE_VALUES.has(last.text)))
    const pattern = divides ? null : take(REGEX)
    if (pattern !== null) {
      tokens.push({ kind: 'regex', text: pattern[0], value: patternOf(pattern, source), breaks })
      breaks = false
      continue
    }
    const [name, number, text] = [take(NAME), take(NUMBER), take(STRING)]
    const sign = name === null && number === null && text === null ? take(SIGN) : null
    const found = name ?? number ?? text ?? sign
    if (found === null) throw new UnknownScript(source, `${JSON.stringify(source.slice(at, at + 12))} at character ${at + 1}`)
    tokens.push({ breaks, ...tokenOf(found[0], { name: name !== null, number: name === null && number !== null, text: name === null && number === null && text !== null }) })
    breaks = false
  }
  return [...tokens, { kind: 'end', text: 'the end', breaks }]
}

function tokenOf(text: string, is: { name: boolean; number: boolean; text: boolean }): Omit<Token, 'breaks'> {
  if (is.name) return { kind: 'name', text }
  if (is.number) return { kind: 'number', text, value: Number(text.replaceAll('_', '')) }
  return is.text ? { kind: 'string', text, value: unquoted(text.slice(1, -1)) } : { kind: 'sign', text }
}

const ESCAPES: Readonly<Record<string, string>> = { n: '\n', t: '\t', r: '\r', b: '\b', f: '\f', v: '\v', 0: '\0', '\n': '' }

function unquoted(text: string): string {
  return text.replace(/\\(?:u\{([0-9A-Fa-f]+)\}|u([0-9A-Fa-f]{4})|x([0-9A-Fa-f]{2})|([\s\S]))/g, (_, braced?: string, four?: string, two?: string, one = '') => {
    const code = braced ?? four ?? two
    return code === undefined ? (ESCAPES[one] ?? one) : String.fromCodePoint(Number.parseInt(code, 16))
  })
}

function patternOf([, body = '', flags = '']: RegExpExecArray, source: string): RegExp {
  try {
    return new RegExp(body, flags)
  } catch (cause) {
    throw new UnknownScript(source, cause instanceof Error ? cause.message : String(cause))
  }
}
