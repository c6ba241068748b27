/* Assertions that read nothing but the answer's text. Their semantics are promptfoo's, whose names they bear. */
import { isDeepStrictEqual } from 'node:util'
import { Ajv, type ValidateFunction } from 'ajv'
import type { Assertion } from '../../../server/contracts/index.js'
import { isRefusal } from '../refusal.js'
import { AssertionError, holds, textValue, textValues, type Check, type CheckMaker } from './check.js'

/** Case and form are kept as they are: no normalisation, as in promptfoo. */
const same = (text: string): string => text
const lower = (text: string): string => text.toLowerCase()

export const contains = (fold = same): CheckMaker => (assertion) => {
  const wanted = fold(textValue(assertion))
  return ({ output }) => holds(fold(output).includes(wanted) !== assertion.not)
}

export const containsSome = (all: boolean, fold = same): CheckMaker => (assertion) => {
  const wanted = textValues(assertion).map(fold)
  return ({ output }) => {
    const text = fold(output)
    const has = (part: string): boolean => text.includes(part)
    return holds((all ? wanted.every(has) : wanted.some(has)) !== assertion.not)
  }
}

export const icontains = contains(lower)
export const icontainsSome = (all: boolean): CheckMaker => containsSome(all, lower)

/** A text is compared letter by letter; an object or a list with the JSON that the answer is. */
export function equals(assertion: Assertion): Check {
  const { value, not } = assertion
  if (value === undefined) throw new AssertionError('equals needs a value')
  if (typeof value !== 'object' || value === null) return ({ output }) => holds((output === String(value)) !== not)
  return ({ output }) => {
    const given = parsed(output)
    return holds((given !== undefined && isDeepStrictEqual(given.json, value)) !== not)
  }
}

export function startsWith(assertion: Assertion): Check {
  const wanted = textValue(assertion)
  return ({ output }) => holds(output.startsWith(wanted) !== assertion.not)
}

/** A pattern of JavaScript, without flags. */
export function regex(assertion: Assertion): Check {
  let pattern: RegExp
  try {
    pattern = new RegExp(textValue(assertion))
  } catch (cause) {
    throw new AssertionError(`regex: ${cause instanceof Error ? cause.message : String(cause)}`)
  }
  return ({ output }) => holds(pattern.test(output) !== assertion.not)
}

/** All of the answer is JSON and, where there is a schema (draft-07), fits it. */
export function isJson(assertion: Assertion): Check {
  const validate = schemaIn(assertion)
  return ({ output }) => {
    const given = parsed(output)
    return holds((given !== undefined && (validate === null || validate(given.json))) !== assertion.not)
  }
}

/** An object stands somewhere in the answer that fits the schema; turned round: none does. */
export function containsJson(assertion: Assertion): Check {
  const validate = schemaIn(assertion)
  return ({ output }) => holds(objectsIn(output).some((json) => validate === null || validate(json)) !== assertion.not)
}

/** A count, or `{min, max}`; words are what white space parts. */
export function wordCount({ value, not }: Assertion): Check {
  const { min, max } = typeof value === 'object' && value !== null ? (value as { min?: unknown; max?: unknown }) : { min: Number(value), max: Number(value) }
  const [least, most] = [min === undefined ? 0 : Number(min), max === undefined ? Infinity : Number(max)]
  if (!(least <= most)) throw new AssertionError('word-count needs a number in value, or {min, max}')
  return ({ output }) => {
    const count = output.split(/\s+/).filter((word) => word !== '').length
    return holds((count >= least && count <= most) !== not)
  }
}

/** By set phrases (see refusal.ts); an empty answer is a refusal. */
export function refuses({ not }: Assertion): Check {
  return ({ output }) => holds((output.trim() === '' || isRefusal(output)) !== not)
}

/** Compiled by their JSON: thousands of items share one, and compiling takes milliseconds. */
const SCHEMAS = new Map<string, ValidateFunction>()

function schemaIn({ type, value }: Assertion): ValidateFunction | null {
  if (value === undefined || value === null || value === '') return null
  if (typeof value !== 'object' && typeof value !== 'boolean') throw new AssertionError(`${type} takes a JSON Schema as value`)
  const key = JSON.stringify(value)
  const known = SCHEMAS.get(key)
  if (known !== undefined) return known
  try {
    const validate = new Ajv({ strict: false, validateFormats: false }).compile(value)
    SCHEMAS.set(key, validate)
    return validate
  } catch (cause) {
    throw new AssertionError(`${type}: the JSON Schema is broken: ${cause instanceof Error ? cause.message : String(cause)}`)
  }
}

function parsed(text: string): { json: unknown } | undefined {
  try {
    return { json: JSON.parse(text) as unknown }
  } catch {
    return undefined
  }
}

/** Every outermost {…} or […] that is JSON, in order. */
export function objectsIn(text: string): unknown[] {
  const found: unknown[] = []
  for (let start = 0; start < text.length; start++) {
    if (text[start] !== '{' && text[start] !== '[') continue
    const end = closingOf(text, start)
    const value = end === -1 ? undefined : parsed(text.slice(start, end + 1))
    if (value === undefined) continue
    found.push(value.json)
    start = end
  }
  return found
}

/** Where the bracket at `start` is closed, texts passed over; -1 where it is not. */
function closingOf(text: string, start: number): number {
  let depth = 0
  let isText = false
  for (let at = start; at < text.length; at++) {
    const character = text[at] ?? ''
    if (isText) {
      if (character === '\\') at += 1
      else if (character === '"') isText = false
    } else if (character === '"') isText = true
    else if ('{['.includes(character)) depth += 1
    else if ('}]'.includes(character) && --depth === 0) return at
  }
  return -1
}
