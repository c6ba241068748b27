/** What the command line's texts mean; a text that means nothing is a UsageError with the mend. */
import type { Budget } from '../contracts/index.js'

export class UsageError extends Error {}

const TEXT = { type: 'string' } as const
const SWITCH = { type: 'boolean' } as const

/** Every option of any command; which command takes which stands in its row of the command table. */
export const OPTIONS = {
  json: SWITCH,
  help: { type: 'boolean', short: 'h' },
  server: TEXT,
  token: TEXT,
  accuracy: TEXT,
  all: SWITCH,
  alpha: TEXT,
  'answer-variance': TEXT,
  calls: TEXT,
  comparisons: TEXT,
  correlation: TEXT,
  data: TEXT,
  difference: TEXT,
  dtype: TEXT,
  embedder: TEXT,
  moderator: TEXT,
  'error-cost': TEXT,
  experiment: TEXT,
  fields: TEXT,
  format: TEXT,
  grader: TEXT,
  language: TEXT,
  licence: TEXT,
  limit: TEXT,
  markdown: SWITCH,
  'max-tokens': TEXT,
  metric: TEXT,
  metrics: TEXT,
  minutes: TEXT,
  model: TEXT,
  name: TEXT,
  'non-inferior': TEXT,
  'older-than': TEXT,
  out: TEXT,
  parallel: TEXT,
  passage: TEXT,
  pool: SWITCH,
  power: TEXT,
  repeats: TEXT,
  run: SWITCH,
  scorers: TEXT,
  shots: TEXT,
  processed: SWITCH,
  'skip-unsupported': SWITCH,
  step: TEXT,
  task: TEXT,
  threads: TEXT,
  threshold: TEXT,
  train: TEXT,
  undo: SWITCH,
  unused: SWITCH,
  usd: TEXT,
  validation: TEXT,
  wait: SWITCH,
} as const

type Options = typeof OPTIONS
export type OptionName = keyof Options
/** Given options; a switch that is not given is undefined. */
export type Values = { [Name in OptionName]?: Options[Name]['type'] extends 'boolean' ? boolean : string }

export function required<T>(value: T | undefined, what: string): T {
  if (value === undefined) throw new UsageError(`${what} is missing`)
  return value
}

/** @returns one of the words */
export function oneOf<Word extends string>(text: string | undefined, words: readonly Word[], what: string): Word {
  const word = words.find((candidate) => candidate === text)
  if (word === undefined) throw new UsageError(`${what} is one of ${words.join(', ')}${text === undefined ? '' : `, not "${text}"`}`)
  return word
}

export function wholeNumber(text: string | undefined, option: string, least = 0): number | undefined {
  if (text === undefined) return undefined
  if (!/^\d+$/.test(text) || Number(text) < least) throw new UsageError(`${option} takes a whole number from ${least} up, not "${text}"`)
  return Number(text)
}

export function positive(text: string | undefined, option: string): number | undefined {
  return checked(text, (value) => value > 0, `${option} takes a number above 0, such as 0.02`)
}

export function notNegative(text: string | undefined, option: string): number | undefined {
  return checked(text, (value) => value >= 0, `${option} takes a number from 0 up, such as 0.5`)
}

export function finite(text: string | undefined, option: string): number | undefined {
  return checked(text, () => true, `${option} takes a number`)
}

/** Only the limits that are given: the new budget holds no others. */
export function budgetOf({ usd, calls, minutes }: Values): Budget {
  return onlyGiven({ usd: positive(usd, '--usd'), calls: positive(calls, '--calls'), minutes: positive(minutes, '--minutes') })
}

/** Without what is undefined. */
export function onlyGiven<T extends Record<string, unknown>>(values: T): { [Key in keyof T]?: Exclude<T[Key], undefined> } {
  return Object.fromEntries(Object.entries(values).filter(([, value]) => value !== undefined)) as { [Key in keyof T]?: Exclude<T[Key], undefined> }
}

function checked(text: string | undefined, isGood: (value: number) => boolean, demand: string): number | undefined {
  if (text === undefined) return undefined
  const value = text.trim() === '' ? NaN : Number(text)
  if (!Number.isFinite(value) || !isGood(value)) throw new UsageError(`${demand}, not "${text}"`)
  return value
}
