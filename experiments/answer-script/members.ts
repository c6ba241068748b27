/* What a script may touch of values: plain data and a list of harmless methods. Nothing leads to the host. */

export class ScriptFailed extends Error {}

type Callable = (...given: unknown[]) => unknown

const STRING_METHODS = new Set(['includes', 'startsWith', 'endsWith', 'trim', 'trimStart', 'trimEnd', 'toLowerCase', 'toUpperCase', 'split', 'slice', 'substring', 'indexOf', 'lastIndexOf', 'replace', 'replaceAll', 'match', 'search', 'at', 'charAt', 'charCodeAt', 'codePointAt', 'concat', 'normalize', 'localeCompare', 'toString', 'valueOf'])
const ARRAY_METHODS = new Set(['includes', 'indexOf', 'lastIndexOf', 'join', 'slice', 'at', 'concat', 'flat', 'some', 'every', 'filter', 'map', 'flatMap', 'find', 'findIndex', 'findLast', 'reduce', 'toString'])
const NUMBER_METHODS = new Set(['toFixed', 'toString', 'valueOf'])

const pick = (holder: object, names: readonly string[]): Record<string, unknown> => Object.fromEntries(names.map((name) => [name, (holder as Record<string, unknown>)[name]]))

/** Names that are there without being declared. */
export const GLOBALS: Readonly<Record<string, unknown>> = {
  undefined,
  NaN,
  Infinity,
  Math: pick(Math, ['max', 'min', 'abs', 'round', 'floor', 'ceil', 'trunc', 'sign', 'sqrt', 'log', 'log2', 'log10', 'exp', 'pow', 'PI', 'E']),
  JSON: pick(JSON, ['parse', 'stringify']),
  Object: pick(Object, ['keys', 'values', 'entries']),
  Array: pick(Array, ['isArray']),
  Number: Object.assign((value: unknown) => Number(value), pick(Number, ['isFinite', 'isInteger', 'isNaN', 'parseFloat', 'parseInt'])),
  String: (value: unknown) => String(value),
  Boolean: (value: unknown) => Boolean(value),
  parseInt: (text: unknown, radix?: unknown) => Number.parseInt(String(text), radix as number | undefined),
  parseFloat: (text: unknown) => Number.parseFloat(String(text)),
  isNaN: (value: unknown) => Number.isNaN(Number(value)),
  isFinite: (value: unknown) => Number.isFinite(Number(value)),
}

export function memberOf(value: unknown, key: unknown): unknown {
  const name = String(key)
  if (value === null || value === undefined) throw new ScriptFailed(`cannot read ${name} of ${String(value)}`)
  if (typeof value === 'string') return ofString(value, name)
  if (typeof value === 'number') return bound(value, name, NUMBER_METHODS)
  if (Array.isArray(value)) return name === 'length' || /^\d+$/.test(name) ? (value as unknown as Record<string, unknown>)[name] : bound(value, name, ARRAY_METHODS)
  if (value instanceof RegExp) return name === 'test' ? (text: unknown) => value.test(String(text)) : undefined
  if (typeof value === 'object' || typeof value === 'function') return Object.hasOwn(value, name) ? (value as Record<string, unknown>)[name] : undefined
  return undefined
}

/** Where a model was asked for JSON promptfoo hands its object over: a field of the text is one of the object in it. */
function ofString(text: string, name: string): unknown {
  if (name === 'length') return text.length
  if (/^\d+$/.test(name)) return text[Number(name)]
  const method = bound(text, name, STRING_METHODS)
  if (method !== undefined || !/^\s*\{/.test(text)) return method
  try {
    return memberOf(JSON.parse(text) as unknown, name)
  } catch {
    return undefined
  }
}

function bound(value: unknown, name: string, allowed: ReadonlySet<string>): Callable | undefined {
  if (!allowed.has(name)) return undefined
  const method = (value as Record<string, Callable>)[name]
  return method === undefined ? undefined : (...given) => method.apply(value, given)
}

export function call(target: unknown, given: unknown[], name: string): unknown {
  if (typeof target !== 'function') throw new ScriptFailed(`${name} is no function that is known here`)
  return (target as Callable)(...given)
}
