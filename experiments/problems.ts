import type { z } from 'zod'
import type { Problem } from '../server/contracts/index.js'
import { nearestName } from './nearest.js'
import { type Path, pathText, type Source } from './source.js'

const LONGEST_SEEN = 80

/** A value as a message shows it: JSON, shortened. */
export function showValue(value: unknown): string {
  // JSON has no NaN and no infinity: it would show null, which nobody wrote.
  const text = value === undefined ? 'nothing' : typeof value === 'number' ? String(value) : (JSON.stringify(value) ?? String(value))
  return text.length > LONGEST_SEEN ? `${text.slice(0, LONGEST_SEEN - 1)}…` : text
}

/** "did you mean rank?" or nothing. */
export function suggestion(word: string, names: readonly string[]): string {
  const nearest = nearestName(word, names)
  return nearest === undefined ? '' : `; did you mean ${nearest}?`
}

/** The value that was checked, and where in the file it stands. */
interface Checked {
  base: Path
  value: unknown
  /** Names that are known at the top of the value, and at paths further in. */
  keys?: readonly string[]
  keysAt?: Readonly<Record<string, readonly string[]>>
}

/** Collects what is wrong with a file, each with its path and line. */
export class ProblemList {
  readonly problems: Problem[] = []

  constructor(private readonly source: Source) {}

  add(path: Path, problem: Omit<Problem, 'path' | 'line'>): void {
    const line = this.source.lineOf(path)
    this.problems.push({ path: pathText(path), ...(line === undefined ? {} : { line }), ...problem })
  }

  /** Every issue of a zod check of the value that stands at `base`. */
  addIssues(issues: readonly z.core.$ZodIssue[], options: Checked): void {
    for (const issue of issues) this.addIssue(issue, options)
  }

  private addIssue(issue: z.core.$ZodIssue, { base, value, keys = [], keysAt = {} }: Checked): void {
    const inner = issue.path.map((part) => (typeof part === 'symbol' ? String(part) : part))
    const path = [...base, ...inner]
    const seen = valueAt(value, inner)
    if (issue.code === 'unrecognized_keys') {
      const known = inner.length === 0 ? keys : (keysAt[pathText(inner)] ?? [])
      for (const key of issue.keys) this.add([...path, key], { message: `unknown key ${key}${suggestion(key, known)}`, seen: key, ...(known.length > 0 ? { allowed: known.join(', ') } : {}) })
      return
    }
    if (issue.code === 'invalid_union') {
      const branch = likeliestBranch(issue.errors)
      if (branch) return this.addIssues(branch.map((nested) => Object.assign({}, nested, { path: [...inner, ...nested.path] })), { base, value, keys, keysAt })
      const named = namesIn(issue)
      if (named !== undefined) {
        const message = seen === undefined ? 'is missing' : `${showValue(seen)} is refused: it is not known here${typeof seen === 'string' ? suggestion(seen, named) : ''}`
        return this.add(path, { message, seen: showValue(seen), allowed: named.join(', ') })
      }
    }
    const allowed = allowedBy(issue)
    const message = seen === undefined ? 'is missing' : `${showValue(seen)} is refused: ${allowed ?? issue.message}`
    this.add(path, { message, seen: showValue(seen), ...(allowed === undefined ? {} : { allowed }) })
  }
}

function valueAt(value: unknown, path: Path): unknown {
  let current = value
  for (const part of path) {
    if (typeof current !== 'object' || current === null || !Object.hasOwn(current, part)) return undefined
    current = Reflect.get(current, part)
  }
  return current
}

/** What tells the alternatives of a union apart, where none was named: zod lists it in its message alone. */
function namesIn(issue: z.core.$ZodIssueInvalidUnion): string[] | undefined {
  const names = [...issue.message.matchAll(/'([^']+)'/g)].flatMap(([, name]) => name ?? [])
  return issue.errors.length === 0 && names.length > 0 ? names : undefined
}

/** The one alternative of a union whose outer type fits the value, if there is one. */
function likeliestBranch(branches: readonly (readonly z.core.$ZodIssue[])[]): readonly z.core.$ZodIssue[] | undefined {
  const fitting = branches.filter((issues) => !issues.some((issue) => issue.code === 'invalid_type' && issue.path.length === 0))
  return fitting.length === 1 ? fitting[0] : undefined
}

const UNIT_OF_SIZE: Record<string, string> = { string: ' characters', array: ' entries', set: ' entries', map: ' entries' }

/** What would be right, from what zod says was wrong. */
function allowedBy(issue: z.core.$ZodIssue): string | undefined {
  switch (issue.code) {
    case 'invalid_type':
      return issue.expected === 'int' ? 'a whole number' : `a value of type ${issue.expected}`
    case 'too_small':
      return `${issue.inclusive ? 'at least' : 'more than'} ${issue.minimum}${UNIT_OF_SIZE[issue.origin] ?? ''}`
    case 'too_big':
      return `${issue.inclusive ? 'at most' : 'less than'} ${issue.maximum}${UNIT_OF_SIZE[issue.origin] ?? ''}`
    case 'invalid_value':
      return `one of ${issue.values.map(String).join(', ')}`
    case 'invalid_union': {
      const alternatives = issue.errors.flatMap((issues) => issues.slice(0, 1).map(allowedBy)).filter((text) => text !== undefined)
      return alternatives.length > 0 ? [...new Set(alternatives)].join(', or ') : undefined
    }
    case 'invalid_format':
      return issue.format === 'url' ? 'an http or https address' : issue.message
    default:
      return undefined
  }
}
