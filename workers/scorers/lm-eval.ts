/*
 * exact_match as lm-evaluation-harness computes it (lm_eval/api/metrics.py, filters/extraction.py, transformation.py):
 * filters take the answer out of the reply, then what is to be ignored goes from the answer and the target alike.
 */
import type { LmEvalStep, Scorer } from '../../server/contracts/index.js'
import { textFigure } from '../../experiments/text-figures/text-figure.js'
import { referencesOf } from './corpus.js'
import type { NamedScorer } from './named-scorers.js'
import { foundIn, multiChoiceFilter } from './lm-eval-choices.js'
import { compilePythonRegex } from './python-regex.js'
import { countOf } from '../../experiments/text-figures/words.js'

type Change = (text: string) => string
type Item = Readonly<Record<string, unknown>>
/** Of the replies to an item. */
type Filter = (texts: readonly string[], item: Item) => readonly string[]

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
  return ({ answer, samples = [answer], target, item }) => {
    if (!hasTarget(item)) return null
    const right = new Set(referencesOf(item, target).map(plain))
    const given = filtered(samples, item, filters)
    // Where no filter chooses among several replies, the harness takes the share of them that is right.
    return given.reduce((count, text) => count + Number(right.has(plain(text))), 0) / given.length
  }
}

/** Without filters the first reply stands. */
function filtered(samples: readonly string[], item: Item, filters: readonly Filter[]): readonly string[] {
  return filters.length === 0 ? samples.slice(0, 1) : filters.reduce((texts, filter) => filter(texts, item), samples)
}

/** BLEU, chrF or TER of the corpus over what the filters leave of each reply. */
export function lmEvalCorpus({ figure, steps }: Extract<Scorer, { type: 'corpus' }>): NamedScorer {
  const filters = steps.map(filterOf)
  return ({ answer, samples = [answer], target, item }) => (hasTarget(item) ? textFigure(figure, filtered(samples, item, filters)[0] ?? '', referencesOf(item, target)) : null)
}

/** Of imported answers not every item is known whole. */
function hasTarget(item: Item): boolean {
  return item['target'] !== undefined || item['targets'] !== undefined
}

function filterOf(step: LmEvalStep): Filter {
  switch (step.function) {
    case 'take_first':
      return (texts) => texts.slice(0, 1)
    case 'take_first_k':
      return (texts) => firstOf(texts, step.k)
    case 'majority_vote':
      return (texts) => [mostFrequent(texts)]
    case 'remove_whitespace':
      return ofEach((text) => text.trim())
    case 'lowercase':
      return ofEach((text) => text.toLowerCase())
    case 'uppercase':
      return ofEach((text) => text.toUpperCase())
    case 'map':
      return ofEach((text) => (Object.hasOwn(step.mapping, text) ? (step.mapping[text] ?? '') : (step.otherwise ?? NOTHING)))
    case 'regex':
      return ofEach(regexFilter(step))
    case 'multi_choice_regex':
      return ofEach(multiChoiceFilter(step))
  }
}

function ofEach(change: (text: string, item: Item) => string): Filter {
  return (texts, item) => texts.map((text) => change(text, item))
}

function firstOf(texts: readonly string[], k: number): readonly string[] {
  if (texts.length >= k) return texts.slice(0, k)
  throw new Error(`take_first_k wants ${k} answers, and ${texts.length} ${texts.length === 1 ? 'was' : 'were'} drawn; set samples to ${k} or more`)
}

/** Of equals the one that came first, as Python's Counter has it. */
function mostFrequent(texts: readonly string[]): string {
  const counts = countOf(texts)
  return texts.reduce((best, text) => ((counts.get(text) ?? 0) > (counts.get(best) ?? 0) ? text : best), texts[0] ?? '')
}

function regexFilter({ pattern, groupSelect, fallback }: Extract<LmEvalStep, { function: 'regex' }>): Change {
  const regex = compilePythonRegex(pattern, 'g')
  return (text) => foundIn(text, regex, { groupSelect, none: fallback, empty: fallback })
}
