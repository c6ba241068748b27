/*
 * The language in which experiments are looked for. Words must all occur; a condition is a name, an
 * operator and a value; - in front of either turns it round:
 *   spam "few-shot"  kind:lora  tag:example  is:starred  rank>=16  accuracy>0.8  -status:failed
 * Conditions on parameters and metrics speak of runs: one and the same run must meet all of them.
 */
import { ExperimentStatusSchema, KINDS, PARAMETERS_BY_KIND, SEARCH_FIELDS, SEARCH_FLAGS, type SearchCondition, type SearchRelation, type SearchTerm } from '../server/contracts/index.js'
import { nearestName } from './nearest.js'

type Operator = '>=' | '<=' | '!=' | '>' | '<' | '=' | ':'

export interface SearchProblem {
  /** Where in the query the part begins, counted from 0. */
  at: number
  part: string
  message: string
}

export interface Search {
  terms: SearchTerm[]
  problems: SearchProblem[]
}

const PARAMETERS: ReadonlySet<string> = new Set(KINDS.flatMap((kind) => Object.keys(PARAMETERS_BY_KIND[kind].shape)))
const NAME = /^[A-Za-z_][\w.@/-]*$/
const MOST_TERMS = 20

interface Part {
  at: number
  text: string
}

/** Parts between spaces; quotes keep spaces together. */
function partsOf(query: string): Part[] {
  return [...query.matchAll(/(?:[^\s"]|"[^"]*"?)+/g)].map((match) => ({ at: match.index, text: match[0] }))
}

const bare = (text: string): string => text.replaceAll('"', '')

/** Reads a query. A part that cannot be read is told in `problems` and left out of the terms. */
export function parseSearch(query: string): Search {
  const search: Search = { terms: [], problems: [] }
  for (const part of partsOf(query)) {
    const isNegated = part.text.startsWith('-') && part.text.length > 1
    const body = isNegated ? part.text.slice(1) : part.text
    const read = termOf(body)
    if (typeof read === 'string') search.problems.push({ at: part.at, part: part.text, message: read })
    else if (read !== null) search.terms.push({ ...read, isNegated })
  }
  if (search.terms.length > MOST_TERMS) search.problems.push({ at: 0, part: query, message: `at most ${MOST_TERMS} parts are read, and there are ${search.terms.length}` })
  return search
}

/** The term, a sentence on why there is none, or null for what says nothing. */
function termOf(body: string): SearchCondition | string | null {
  const split = splitAtOperator(body)
  if (split === null) {
    const text = bare(body).trim()
    return text === '' ? null : { on: 'text', text }
  }
  const { name, operator, value } = split
  if (value === '') return `${name}${operator} has no value after it`
  if (name === 'is') return flagOf(value, operator)
  const field = SEARCH_FIELDS.find((one) => one === name)
  if (field !== undefined) return fieldTerm(field, operator, value)
  if (name === 'runs' || name === 'created') return figureTerm(name, operator, value)
  return runTerm(name, operator, value)
}

function splitAtOperator(body: string): { name: string; operator: Operator; value: string } | null {
  const match = /^([^\s"<>=!:]+)(>=|<=|!=|>|<|=|:)(.*)$/s.exec(body)
  if (match === null || !NAME.test(match[1] ?? '')) return null
  return { name: match[1] ?? '', operator: match[2] as Operator, value: bare(match[3] ?? '').trim() }
}

const relationOf = (operator: Operator): SearchRelation => (operator === ':' ? 'contains' : operator)

function flagOf(value: string, operator: Operator): SearchCondition | string {
  const flag = SEARCH_FLAGS.find((one) => one === value)
  if (flag === undefined || (operator !== ':' && operator !== '=')) return `is: takes ${SEARCH_FLAGS.join(', ')}, not "${value}"`
  return { on: 'flag', flag }
}

function fieldTerm(field: (typeof SEARCH_FIELDS)[number], operator: Operator, value: string): SearchCondition | string {
  if (!['=', '!=', ':'].includes(operator)) return `${field} is a text: it takes :, = or !=`
  const known: readonly string[] = field === 'kind' ? KINDS : field === 'status' ? ExperimentStatusSchema.options : []
  if (known.length > 0 && !known.includes(value)) {
    const near = nearestName(value, known)
    return `there is no ${field} "${value}"; ${near === undefined ? `there are ${known.join(', ')}` : `did you mean ${near}?`}`
  }
  // Kinds, states and tags are whole words: tag:a must not find every tag with an a in it.
  const isWhole = known.length > 0 || field === 'tag'
  return { on: 'field', field, relation: operator === ':' && isWhole ? '=' : relationOf(operator), text: value }
}

function figureTerm(name: 'runs' | 'created', operator: Operator, value: string): SearchCondition | string {
  const relation = operator === ':' ? '=' : relationOf(operator)
  if (name === 'runs') return /^\d{1,9}$/.test(value) ? { on: 'count', relation, count: Number(value) } : `runs takes a whole number, not "${value}"`
  const isDay = /^\d{4}-\d{2}-\d{2}$/.test(value) && !Number.isNaN(Date.parse(`${value}T00:00:00Z`))
  return isDay ? { on: 'created', relation, day: value } : `created takes a day such as 2026-01-31, not "${value}"`
}

function runTerm(name: string, operator: Operator, text: string): SearchCondition | string {
  const isParameter = name.startsWith('param.') || PARAMETERS.has(name)
  const bareName = name.replace(/^(param|metric)\./, '')
  const value = valueOf(text)
  const relation = operator === ':' && typeof value !== 'string' ? '=' : relationOf(operator)
  const isOrder = ['>', '>=', '<', '<='].includes(relation)
  if (isOrder && typeof value !== 'number') return `${name}${operator} takes a number, not "${text}"`
  if (isParameter) return { on: 'parameter', name: bareName, relation, value }
  if (typeof value !== 'number') return `there is no field or parameter "${name}", and a metric takes a number, not "${text}"; to look for the text itself, put it in quotes`
  return { on: 'metric', name: bareName, relation, value }
}

function valueOf(text: string): string | number | boolean | null {
  if (text === 'true' || text === 'false') return text === 'true'
  if (text === 'null' || text === 'none') return null
  return /^[+-]?(\d+\.?\d*|\.\d+)(e[+-]?\d+)?$/i.test(text) ? Number(text) : text
}
