/*
 * Templates of nunjucks, which promptfoo writes in, as Jinja templates that render to the same text. What the two
 * read alike is passed on, what can be said in Jinja is translated, the rest is refused by name.
 */
import { Template } from '@huggingface/jinja'

export class Untranslatable extends Error {}

/** Values that a template needs besides the variables: `x | dump` and `x | load` are made when the item is. */
export interface Derived {
  name: string
  of: string
  by: 'dump' | 'load'
}

export interface Translated {
  template: string
  derived: Derived[]
}

const STATEMENTS = new Set(['if', 'elif', 'else', 'endif', 'for', 'endfor', 'set', 'endset', 'macro', 'endmacro', 'filter', 'endfilter'])
/** capitalize and title, among others, change letters here that they leave there. */
const FILTERS = new Set(['upper', 'lower', 'trim', 'length', 'first', 'last', 'join', 'replace', 'default', 'int', 'float', 'string', 'list', 'sort', 'reverse', 'abs', 'safe', 'indent', 'selectattr', 'rejectattr'])

const TAG = /\{\{-?[\s\S]*?-?\}\}|\{%-?[\s\S]*?-?%\}|\{#[\s\S]*?#\}/g
const RAW = /\{%-?\s*(raw|verbatim)\s*-?%\}([\s\S]*?)\{%-?\s*end\1\s*-?%\}/g
const STRING = /"(?:[^"\\]|\\.)*"|'(?:[^'\\]|\\.)*'/g

/**
 * @param options.isJson the text becomes JSON: `dump` may write it in any of its forms
 * @param options.isRequest of a service: `env` is read when it is asked, and `dump` may write JSON in any of its forms
 * @param options.env values of the config's env and the process's, for {{ env.NAME }}
 * @throws {Untranslatable}
 */
export function toJinja(source: string, { isJson = false, isRequest = false, env = {} }: { isJson?: boolean; isRequest?: boolean; env?: Readonly<Record<string, string | undefined>> } = {}): Translated {
  const derived: Derived[] = []
  const literal = source.replace(RAW, (_, __, text: string) => `{{ ${JSON.stringify(text)} }}`)
  const template = (isJson ? literal : keepWhitespace(literal)).replace(TAG, (tag) => (tag.startsWith('{#') ? tag : translateTag(tag, { isJson, isRequest, env, derived })))
  try {
    // Read at once, so that what Jinja cannot read is told with the prompt.
    void new Template(template)
    return { template, derived }
  } catch (cause) {
    throw new Untranslatable(`it is not read as Jinja: ${cause instanceof Error ? cause.message : String(cause)}`)
  }
}

interface TagContext {
  isJson: boolean
  isRequest: boolean
  env: Readonly<Record<string, string | undefined>>
  derived: Derived[]
}

function translateTag(tag: string, context: TagContext): string {
  const strings: string[] = []
  const masked = tag.replace(STRING, (text) => `"${strings.push(text) - 1}"`)
  const keyword = /^\{%-?\s*(\w+)/.exec(masked)?.[1]
  const known = keyword === 'elseif' ? 'elif' : keyword
  if (known !== undefined && !STATEMENTS.has(known)) throw new Untranslatable(`{% ${known} %} of nunjucks is not known here`)
  const text = masked
    .replace(/^(\{%-?\s*)elseif\b/, '$1elif')
    .replaceAll('===', '==')
    .replaceAll('!==', '!=')
    .replace(/\benv\.(\w+)/g, (read: string, name: string) => (context.isRequest ? read : quoted(context.env[name], name)))
    .replace(/(\w+)\s*\|\s*(dump|load)\b(?:\(\s*\d*\s*\))?/g, (_, of: string, by: 'dump' | 'load') => derive(of, by, context))
    .replace(/\|\s*dump\b(?:\(\s*\d*\s*\))?/g, () => dumped(context))
    .replace(/(?<!\|)\|(?!\|)\s*(\w+)/g, (_, name: string) => `| ${filter(name)}`)
    // A loop of two variables runs over an object's entries or over pairs.
    .replace(/^(\{%-?\s*for\s+\w+\s*,\s*\w+\s+in\s+)([\s\S]+?)(\s*-?%\})$/, '$1(($2) | items if ($2) is mapping else ($2))$3')
  return text.replace(/"(\d+)"/g, (_, index: string) => strings[Number(index)] ?? '')
}

function filter(name: string): string {
  const known = name === 'd' ? 'default' : name
  if (FILTERS.has(known) || known === 'tojson') return known
  throw new Untranslatable(`the filter ${name} of nunjucks has no counterpart here that gives the same text (there are ${[...FILTERS].join(', ')}, dump, load); put the finished text into the variables`)
}

/** JSON as promptfoo writes it is made with the item, since Jinja's tojson puts spaces where it puts none. */
function derive(of: string, by: 'dump' | 'load', context: TagContext): string {
  if (by === 'dump' && (context.isJson || context.isRequest)) return `${of} | tojson`
  if (context.isRequest) throw new Untranslatable('load reads a variable as JSON, which a request cannot; write the variable as JSON in the tests')
  const name = `${of}__${by}`
  if (!context.derived.some((other) => other.name === name)) context.derived.push({ name, of, by })
  return name
}

function dumped({ isJson, isRequest }: TagContext): string {
  if (isJson || isRequest) return '| tojson'
  throw new Untranslatable('dump of anything but a plain variable writes JSON in another form here; put the finished text into the variables')
}

function quoted(value: string | undefined, name: string): string {
  if (value === undefined) throw new Untranslatable(`it uses env.${name}, which is set neither in env of the config nor in the environment`)
  return JSON.stringify(value)
}

/** Jinja drops a line's indentation before a block, the line end after it, and the last line end of all; nunjucks keeps them. */
function keepWhitespace(source: string): string {
  return source
    .replace(/^([ \t]+)(?=\{[%#](?!-))/gm, (indent) => `{{ "${indent.replaceAll('\t', '\\t')}" }}`)
    .replace(/((?<!-)[%#]\})\n/g, '$1\n\n')
    .replace(/\n$/, '\n\n')
}

/** A short text with variables, such as an assertion's value. Names that are not there render as nothing. */
export function renderNow(source: string, vars: Readonly<Record<string, unknown>>, env: Readonly<Record<string, string | undefined>>): string {
  if (!/\{[{%#]/.test(source)) return source
  const { template, derived } = toJinja(source, { env })
  const values = { ...vars, ...Object.fromEntries(derived.map((one) => [one.name, derivedValue(one, vars)])) }
  try {
    return new Template(template).render(values)
  } catch (cause) {
    throw new Untranslatable(`it cannot be rendered: ${cause instanceof Error ? cause.message : String(cause)}`)
  }
}

/** @throws {Untranslatable} where `load` finds no JSON */
export function derivedValue({ of, by }: Derived, vars: Readonly<Record<string, unknown>>): unknown {
  const value = vars[of] ?? ''
  if (by === 'dump') return JSON.stringify(value)
  try {
    return typeof value === 'string' ? (JSON.parse(value) as unknown) : value
  } catch {
    throw new Untranslatable(`${of} | load: the value is no JSON`)
  }
}
