/*
 * exact_match as lm-evaluation-harness computes it (lm_eval/api/metrics.py, filters/extraction.py, transformation.py):
 * filters take the answer out of the reply, then what is to be ignored goes from the answer and the target alike.
 */
import type { LmEvalStep, Scorer } from '../../server/contracts/index.js'
import { referencesOf, textFigure } from './corpus.js'
import type { NamedScorer } from './named-scorers.js'
import { foundIn, multiChoiceFilter } from './lm-eval-choices.js'
import { compilePythonRegex } from './python-regex.js'

type Change = (text: string) => string
/** Of a reply to an item. */
type Filter = (text: string, item: Readonly<Record<string, unknown>>) => string

/** What Python calls None: no answer. */
const NOTHING = '[invalid]'
/** Python's string.punctuation. */
const PUNCTUATION = /[!-/:-@[-`{-~]/g

export function lmEvalExactMatch({ steps, ignoreCase, ignorePunctuation, ignoreNumbers, regexesToIgnore }: Extract<Scorer, { type: 'lm_eval' }>): NamedScorer {
  const filters = steps.map(filterOf)
  const ignored = regexesToIgnore.map((pattern) => compilePythonRegex(pattern, 'g'))
  const plain: Change = (text) => {
    let rest = ignored.reduce((left, regex) => left.replace(regex, ''), text)
    if (ignoreCase) rest = rest.toLowerCase()
    if (ignorePunctuation) rest = rest.replaceAll(PUNCTUATION, '')
    return ignoreNumbers ? rest.replaceAll(/[0-9]/g, '') : rest
  }
  return ({ answer, target, item }) => {
    if (!hasTarget(item)) return null
    const given = plain(filters.reduce((text, filter) => filter(text, item), answer))
    return Number(referencesOf(item, target).some((right) => plain(right) === given))
  }
}

/** BLEU, chrF or TER of the corpus over what the filters leave of each reply. */
export function lmEvalCorpus({ figure, steps }: Extract<Scorer, { type: 'corpus' }>): NamedScorer {
  const filters = steps.map(filterOf)
  return ({ answer, target, item }) => !hasTarget(item) ? null : textFigure(figure, filters.reduce((text, filter) => filter(text, item), answer), referencesOf(item, target))
}

/** Of imported answers not every item is known whole. */
function hasTarget(item: Readonly<Record<string, unknown>>): boolean {
  return item['target'] !== undefined || item['targets'] !== undefined
}

function filterOf(step: LmEvalStep): Filter {
  switch (step.function) {
    case 'take_first':
      return (text) => text
    case 'remove_whitespace':
      return (text) => text.trim()
    case 'lowercase':
      return (text) => text.toLowerCase()
    case 'uppercase':
      return (text) => text.toUpperCase()
    case 'map':
      return (text) => (Object.hasOwn(step.mapping, text) ? (step.mapping[text] ?? '') : (step.otherwise ?? NOTHING))
    case 'regex':
      return regexFilter(step)
    case 'multi_choice_regex':
      return multiChoiceFilter(step)
  }
}

function regexFilter({ pattern, groupSelect, fallback }: Extract<LmEvalStep, { function: 'regex' }>): Change {
  const regex = compilePythonRegex(pattern, 'g')
  return (text) => foundIn(text, regex, { groupSelect, none: fallback, empty: fallback })
}
