/*
 * The scorers an experiment file names: made once per run, so that a broken pattern, schema or file is told before
 * anything is paid for, then applied to each answer. Pure, but for custom ones, which are the user's own code.
 */
import { stat } from 'node:fs/promises'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import { Ajv2020 } from 'ajv/dist/2020.js'
import type { Scorer, Scorers } from '../../server/contracts/index.js'
import { RunFailure } from '../run-context.js'
import type { CorpusScore } from '../../experiments/text-figures/text-figure.js'
import { lmEvalCorpus, lmEvalExactMatch } from './lm-eval.js'
import { lastNumber } from './numeric.js'
import { findPersonalData } from './personal-data.js'
import { compilePythonRegex, RegexError } from './python-regex.js'
import { isRefusal } from './refusal.js'
import { plainWords } from '../../experiments/text-figures/words.js'

/** What a scorer sees of one answered item. */
export interface ScoredAnswer {
  /** The answer, extracted where the run extracts it. */
  answer: string
  /** All answers that were drawn, the first of them `answer`; left out: it is the only one. */
  samples?: readonly string[]
  /** All that the model wrote. */
  output: string
  target: string
  /** Every field of the dataset's item. */
  item: Readonly<Record<string, unknown>>
  language: string
  /** Null where not known, and for replies that were found stored. */
  latencyMs: number | null
  ttftMs: number | null
  costUsd: number | null
  tokensOut: number | null
  /** Why the answer ended, in the model’s own word; null or left out where it does not say. */
  finishReason?: string | null
}

/** What a scorer gives: a figure of the whole corpus comes with what the answer adds to it. */
export type Given = number | CorpusScore | null
export type NamedScorer = (scored: ScoredAnswer) => Given | Promise<Given>
/** Types that ask models, or read what others must open. */
const ASKING = ['judge', 'pairwise', 'similarity', 'perplexity', 'moderation', 'assertions'] as const
type AskingType = (typeof ASKING)[number]

type SimpleScorer = Exclude<Scorer, { type: AskingType | 'custom' }>
type Maker<T extends SimpleScorer['type']> = (options: Extract<SimpleScorer, { type: T }>) => NamedScorer

/** One maker per type; those that ask models are made elsewhere. */
const MAKERS: { [T in SimpleScorer['type']]: Maker<T> } = {
  regex: ({ pattern, flags, absent }) => {
    const regex = compilePythonRegex(pattern, flags)
    return ({ answer }) => Number(regex.test(answer) !== absent)
  },
  contains: ({ texts, all, ignoreCase }) => {
    const has = finder(ignoreCase)
    return ({ answer }) => Number(all ? texts.every((text) => has(answer, text)) : texts.some((text) => has(answer, text)))
  },
  absent: ({ texts, ignoreCase }) => {
    const words = texts.map((text) => new RegExp(`(?<![\\p{L}\\p{N}])${text.normalize('NFC').replace(/[\\^$.*+?()[\]{}|/-]/g, '\\$&')}(?![\\p{L}\\p{N}])`, ignoreCase ? 'iu' : 'u'))
    return ({ answer }) => Number(!words.some((word) => word.test(answer.normalize('NFC'))))
  },
  numeric: ({ absolute, relative }) => ({ answer, target, language }) => {
    const wanted = lastNumber(target, language)
    if (wanted === null) return null
    const given = lastNumber(answer, language)
    return Number(given !== null && Math.abs(given - wanted) <= Math.max(absolute, relative * Math.abs(wanted)) + 1e-9 * Math.max(1, Math.abs(wanted)))
  },
  json: ({ schema }) => {
    const validate = schema === undefined ? null : new Ajv2020({ strict: false, allErrors: false, validateFormats: false }).compile(schema)
    return ({ answer }) => {
      const value = readJson(answer)
      return Number(value !== undefined && (validate === null || validate(value.json)))
    }
  },
  length: ({ unit, min, max }) => ({ answer }) => {
    const length = unit === 'words' ? plainWords(answer).length : [...answer].length
    return Number(length >= min && length <= (max ?? Infinity))
  },
  lm_eval: lmEvalExactMatch,
  corpus: lmEvalCorpus,
  no_refusal: () => ({ answer }) => Number(!isRefusal(answer)),
  no_personal_data: ({ kinds }) => ({ output }) => Number(findPersonalData(output, kinds).length === 0),
  at_most: ({ of, value }) => (scored) => {
    const figure = scored[of]
    return figure === null ? null : Number(figure <= value)
  },
}

/**
 * Scorers by name, those that ask models left out. Throws RunFailure `invalid_params` naming the scorer and what is wrong with it.
 * @param folder where custom scorers' files lie
 */
export async function makeScorers(scorers: Scorers, folder: string): Promise<Map<string, NamedScorer>> {
  const made = new Map<string, NamedScorer>()
  for (const [name, scorer] of Object.entries(scorers)) {
    if (scorer.type === 'custom') made.set(name, await loadCustom(name, { path: join(folder, scorer.file), bounded: scorer.bounded }))
    else if (isSimple(scorer)) made.set(name, makeSimple(name, scorer))
  }
  return made
}

function isSimple(scorer: Exclude<Scorer, { type: 'custom' }>): scorer is SimpleScorer {
  return !ASKING.some((type) => type === scorer.type)
}

function makeSimple(name: string, scorer: SimpleScorer): NamedScorer {
  try {
    const make = MAKERS[scorer.type] as Maker<SimpleScorer['type']>
    return make(scorer as never)
  } catch (error) {
    if (error instanceof RegexError) throw new RunFailure('invalid_params', `scorers.${name}: ${error.message}`, { cause: error })
    throw new RunFailure('invalid_params', `scorers.${name}: the JSON schema is broken: ${error instanceof Error ? error.message : String(error)}`, { cause: error })
  }
}

/** A module whose default export takes a ScoredAnswer and gives a number from 0 to 1 (any, where it is not bounded), true or false, or null where it does not apply. */
async function loadCustom(name: string, { path, bounded }: { path: string; bounded: boolean }): Promise<NamedScorer> {
  if (!(await stat(path).catch(() => null))?.isFile()) throw new RunFailure('invalid_params', `scorers.${name}: there is no file ${path}; put it there`)
  let score: unknown
  try {
    const loaded: { default?: unknown } = await import(pathToFileURL(path).href)
    score = loaded.default
  } catch (error) {
    throw new RunFailure('invalid_params', `scorers.${name}: ${path} cannot be loaded: ${error instanceof Error ? error.message : String(error)}`, { cause: error })
  }
  if (typeof score !== 'function') throw new RunFailure('invalid_params', `scorers.${name}: ${path} has no default export that is a function; export default ({ answer, target, item }) => 0 to 1`)
  const call = score as (scored: ScoredAnswer) => unknown
  return async (scored) => checked(await call(scored), { path, bounded })
}

function checked(value: unknown, { path, bounded }: { path: string; bounded: boolean }): number | null {
  if (value === null || value === undefined) return null
  const number = typeof value === 'boolean' ? Number(value) : value
  if (typeof number === 'number' && (bounded ? number >= 0 && number <= 1 : Number.isFinite(number))) return number
  const wanted = bounded ? 'a number from 0 to 1 (bounded: false allows any)' : 'a finite number'
  throw new RangeError(`${path} gave ${typeof value === 'number' ? String(value) : JSON.stringify(value)}; a score is ${wanted}, true, false or null`)
}

function finder(ignoreCase: boolean): (text: string, part: string) => boolean {
  const fold = (text: string): string => (ignoreCase ? text.normalize('NFC').toLowerCase() : text.normalize('NFC'))
  return (text, part) => fold(text).includes(fold(part))
}

/** The JSON an answer is or, in a code fence, holds; undefined where there is none. */
export function readJson(answer: string): { json: unknown } | undefined {
  const fenced = /```(?:json)?\s*\n([\s\S]*?)\n\s*```/i.exec(answer)?.[1]
  for (const text of [answer, fenced]) {
    if (text === undefined) continue
    try {
      return { json: JSON.parse(text) as unknown }
    } catch {
      // The next form is tried.
    }
  }
  return undefined
}
