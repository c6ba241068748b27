/*
 * multi_choice_regex of lm-evaluation-harness (lm_eval/filters/extraction.py): which of the row's choices a reply
 * means, as (A), (B) and so on.
 */
import type { LmEvalStep } from '../../server/contracts/index.js'
import { compilePythonRegex } from './python-regex.js'

type Step = Extract<LmEvalStep, { function: 'multi_choice_regex' }>

const FIRST_LETTER = 'A'.charCodeAt(0)
/** What Python's re.escape puts a backslash before; the harness sorts its alternatives by their escaped length. */
const ESCAPED_BY_PYTHON = /[\t\n\v\f\r #$&()*+\-.?[\\\]^{|}~]/g

/** Python's findall: the whole match, the one group, or the first group with text. `empty`: several groups, none with text. */
export function foundIn(text: string, regex: RegExp, { groupSelect, none, empty }: { groupSelect: number; none: string; empty: string }): string {
  const match = [...text.matchAll(regex)].at(groupSelect)
  if (match === undefined) return none
  const groups = match.slice(1)
  return (groups.length === 0 ? match[0] : groups.length === 1 ? (groups[0] ?? '') : (groups.find((group) => group !== undefined && group !== '') ?? empty)).trim()
}

/** @throws {Error} from the filter where the row has no choices */
export function multiChoiceFilter({ pattern, groupSelect, fallback, ignoreCase, ignorePunctuation, regexesToIgnore }: Step): (text: string, item: Readonly<Record<string, unknown>>) => string {
  const regex = compilePythonRegex(pattern, 'g')
  const ignored = regexesToIgnore.map((one) => compilePythonRegex(one, 'g'))
  const plain = (text: string): string => {
    let rest = ignored.reduce((left, one) => left.replace(one, ''), text)
    if (ignoreCase) rest = rest.toLowerCase()
    return ignorePunctuation ? rest.replaceAll(/\p{P}/gu, '') : rest
  }
  return (text, item) => {
    const found = (sought: RegExp, within: string): string => foundIn(within, sought, { groupSelect, none: '', empty: '' })
    const choices = choicesIn(item).map((choice) => plain(choice.trim()))
    const letters = choices.map((_, place) => String.fromCharCode(FIRST_LETTER + place))
    const direct = found(regex, text)
    if (direct !== '') return direct
    const spoken = found(anyOf([...choices].sort((one, other) => escapedLength(other) - escapedLength(one))), plain(text))
    // Of two choices that read alike the harness means the last.
    if (spoken !== '') return choices.includes(spoken) ? `(${letters[choices.lastIndexOf(spoken)]})` : spoken
    const letter = found(new RegExp(`:\\s*(${letters.map(escaped).join('|')})`, 'g'), text)
    return letter === '' ? fallback : `(${letter})`
  }
}

function choicesIn({ doc }: Readonly<Record<string, unknown>>): string[] {
  const choices: unknown = typeof doc === 'object' && doc !== null && 'choices' in doc ? doc.choices : undefined
  if (Array.isArray(choices) && choices.length > 0 && choices.every((choice) => typeof choice === 'string')) return choices
  throw new Error(`multi_choice_regex looks for the choices of the row, and doc.choices is ${JSON.stringify(choices)?.slice(0, 120) ?? 'not there'}; a list of texts is wanted`)
}

function anyOf(texts: readonly string[]): RegExp {
  return new RegExp(texts.map(escaped).join('|'), 'g')
}

function escaped(text: string): string {
  return text.replaceAll(/[\\^$.*+?()[\]{}|/]/g, String.raw`\$&`)
}

function escapedLength(text: string): number {
  return [...text].length + (text.match(ESCAPED_BY_PYTHON)?.length ?? 0)
}
