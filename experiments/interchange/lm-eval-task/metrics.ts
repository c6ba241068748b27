/* What a task scores, as metrics and scorers of ours: each filter of a generated text with each metric is one. */
import type { Findings } from '../findings.js'
import { slug } from '../slug.js'
import { PythonCode, type Setting, type TaskFile } from './task-file.js'

export interface TaskMetrics {
  metrics: string[]
  scorers: Record<string, unknown>
}

export const OUTPUT_TYPES = ['multiple_choice', 'generate_until', 'loglikelihood', 'loglikelihood_rolling'] as const
export type OutputType = (typeof OUTPUT_TYPES)[number]

/** The metric of ours, and how the harness sums it up unless told otherwise. */
type Known = ReadonlyMap<string, { metric: string; aggregation: string }>
const means = (names: Record<string, string>): [string, { metric: string; aggregation: string }][] => Object.entries(names).map(([name, metric]) => [name, { metric, aggregation: 'mean' }])

const LIKELIHOOD_METRICS: Readonly<Record<Exclude<OutputType, 'generate_until'>, { known: Known; usual: readonly string[] }>> = {
  multiple_choice: {
    known: new Map([...means({ acc: 'accuracy', acc_norm: 'acc_norm', acc_bytes: 'acc_bytes', acc_mutual_info: 'acc_mutual_info', exact_match: 'greedy_match' }), ['f1', { metric: 'choice_f1', aggregation: 'f1' }], ['mcc', { metric: 'mcc', aggregation: 'matthews_corrcoef' }], ['brier_score', { metric: 'brier_score', aggregation: 'brier_score' }]]),
    usual: ['acc', 'acc_norm'],
  },
  loglikelihood: { known: new Map([...means({ acc: 'greedy_match' }), ['perplexity', { metric: 'target_perplexity', aggregation: 'perplexity' }]]), usual: ['perplexity', 'acc'] },
  loglikelihood_rolling: {
    known: new Map([['word_perplexity', { metric: 'word_perplexity', aggregation: 'weighted_perplexity' }], ['byte_perplexity', { metric: 'byte_perplexity', aggregation: 'weighted_perplexity' }], ['bits_per_byte', { metric: 'bits_per_byte', aggregation: 'bits_per_byte' }]]),
    usual: ['word_perplexity', 'byte_perplexity', 'bits_per_byte'],
  },
}
const CHOICE_OPTIONS = new Set(['regex_pattern', 'group_select', 'fallback', 'ignore_case', 'ignore_punctuation', 'regexes_to_ignore'])
/** What the harness looks for where a task names no pattern. */
const DEFAULT_PATTERN = String.raw`#### (\-?[0-9\.\,]+)`
const SINGLE = new Set(['take_first', 'majority_vote', 'remove_whitespace', 'lowercase', 'uppercase'])
const EXACT_MATCH_OPTIONS = new Set(['metric', 'aggregation', 'higher_is_better', 'ignore_case', 'ignore_punctuation', 'ignore_numbers', 'regexes_to_ignore', 'weight_by_size'])

/** Figures of the whole corpus: the metric of ours, and what a scorer with filters of its own is told. */
const TEXT_FIGURES: ReadonlyMap<string, TextFigure> = new Map([
  ['bleu', { metric: 'corpus_bleu', figure: 'bleu' }],
  ['chrf', { metric: 'corpus_chrf', figure: 'chrf' }],
  ['chrf++', { metric: 'corpus_chrf_pp', figure: 'chrf++' }],
  ['ter', { metric: 'ter', figure: 'ter' }],
])

interface TextFigure {
  metric: string
  figure: string
}

interface Entry {
  place: Setting
  fields: Record<string, unknown>
}

export function metricsOf(file: TaskFile, type: OutputType, findings: Findings): TaskMetrics {
  const entries = entriesOf(file.get('metric_list'))
  const usual = type === 'generate_until' ? ['exact_match'] : LIKELIHOOD_METRICS[type].usual
  const named = entries.length > 0 ? entries : usual.map((metric): Entry => ({ place: file.get('output_type'), fields: { metric } }))
  return type === 'generate_until' ? textMetrics(named, filtersOf(file, findings), findings) : likelihoodMetrics(named, type, findings)
}

function entriesOf(place: Setting): Entry[] {
  const list: unknown[] = Array.isArray(place.value) ? place.value : []
  return list.map((fields, index) => ({ place: { ...place, key: `${place.key}[${index}]` }, fields: typeof fields === 'object' && fields !== null ? (fields as Record<string, unknown>) : {} }))
}

function likelihoodMetrics(entries: readonly Entry[], type: Exclude<OutputType, 'generate_until'>, findings: Findings): TaskMetrics {
  const { known: all } = LIKELIHOOD_METRICS[type]
  const metrics = entries.flatMap(({ place, fields }) => {
    const known = all.get(nameOf(fields['metric']))
    if (known !== undefined && (fields['aggregation'] === undefined || fields['aggregation'] === known.aggregation)) return [known.metric]
    findings.leaveOut(place, `the metric ${nameOf(fields['metric'])} of ${type}${known === undefined ? '' : ` by ${nameOf(fields['aggregation'])}`} is not known here; known are ${[...all.keys()].join(', ')} as the harness sums them up`, 'take it out of metric_list')
    return []
  })
  return { metrics: [...new Set(metrics)], scorers: {} }
}

function textMetrics(entries: readonly Entry[], filters: readonly Filter[], findings: Findings): TaskMetrics {
  const made: TaskMetrics = { metrics: [], scorers: {} }
  for (const { place, fields } of entries) {
    const name = nameOf(fields['metric'])
    const figure = TEXT_FIGURES.get(name)
    const unknown = Object.keys(fields).find((key) => !EXACT_MATCH_OPTIONS.has(key))
    if (figure !== undefined && isOwnAggregation(fields, name)) addFigures(made, { name, figure }, filters)
    else if (name === 'exact_match' && isMean(fields) && unknown === undefined) addExactMatch(made, { name, fields }, filters)
    else if (isEquality(fields)) addExactMatch(made, { name, fields: {} }, filters)
    else findings.leaveOut(place, name === 'exact_match' && unknown !== undefined ? `exact_match has the option ${unknown}, which is not known here` : `the metric ${name} of a generated text is not known here; known are exact_match with its mean, and ${[...TEXT_FIGURES.keys()].join(', ')} of the corpus`, 'take it out of metric_list, or name a metric of ours in the experiment file')
  }
  return made
}

/** Of Hugging Face's library, which takes each answer for a corpus of its own: there accuracy and micro-averaged F1 are 1 where both are equal, else 0. */
function isEquality({ metric, hf_evaluate: isTheirs, average, ...others }: Record<string, unknown>): boolean {
  return isTheirs === true && isMean(others) && (metric === 'accuracy' || (metric === 'f1' && average === 'micro'))
}

function addExactMatch(made: TaskMetrics, { name: metric, fields }: { name: string; fields: Record<string, unknown> }, filters: readonly Filter[]): void {
  const options = { ignoreCase: fields['ignore_case'] === true, ignorePunctuation: fields['ignore_punctuation'] === true, ignoreNumbers: fields['ignore_numbers'] === true, regexesToIgnore: textsIn(fields['regexes_to_ignore']) }
  for (const { name, steps } of filters) add(made, scorerName(metric, name), { type: 'lm_eval', steps, ...options })
}

/** Without a filter that changes anything it is a metric of ours. Other options of these metrics the harness reads over. */
function addFigures(made: TaskMetrics, { name, figure }: { name: string; figure: TextFigure }, filters: readonly Filter[]): void {
  for (const { name: filter, steps } of filters) {
    if (steps.every((step) => step['function'] === 'take_first')) made.metrics.push(...[figure.metric].filter((metric) => !made.metrics.includes(metric)))
    else add(made, scorerName(name, filter), { type: 'corpus', figure: figure.figure, steps })
  }
}

function add({ metrics, scorers }: TaskMetrics, name: string, scorer: Record<string, unknown>): void {
  if (!metrics.includes(name)) metrics.push(name)
  scorers[name] = scorer
}

function scorerName(metric: string, filter: string): string {
  return `${slug(metric.replace('++', '_pp'), '_')}_${slug(filter, '_').slice(0, 24) || 'none'}`
}

function isOwnAggregation({ aggregation }: Record<string, unknown>, metric: string): boolean {
  return aggregation === undefined || aggregation === metric
}

/** Means of scores are what a comparison is made of; other aggregations are of another kind. */
function isMean({ aggregation }: Record<string, unknown>): boolean {
  return aggregation === undefined || aggregation === 'mean'
}

interface Filter {
  name: string
  steps: Record<string, unknown>[]
}

function filtersOf(file: TaskFile, findings: Findings): Filter[] {
  const list = entriesOf(file.get('filter_list'))
  if (list.length === 0) return [{ name: 'none', steps: [] }]
  return list.flatMap(({ place, fields }) => {
    const given: unknown[] = Array.isArray(fields['filter']) ? fields['filter'] : []
    const steps = given.map((step) => stepOf(typeof step === 'object' && step !== null ? (step as Record<string, unknown>) : {}))
    const unknown = given[steps.indexOf(undefined)]
    if (!steps.includes(undefined)) return [{ name: nameOf(fields['name']), steps: steps.filter((step) => step !== undefined) }]
    findings.leaveOut(place, `the filter ${nameOf(fields['name'])} has the step ${JSON.stringify(unknown)}, which is not known here; known are regex, multi_choice_regex, map, take_first_k, ${[...SINGLE].join(', ')}`, 'take it out of filter_list')
    return []
  })
}

function stepOf({ function: name, ...options }: Record<string, unknown>): Record<string, unknown> | undefined {
  const kind = nameOf(name)
  if (SINGLE.has(kind) && Object.keys(options).length === 0) return { function: kind }
  if (kind === 'take_first_k' && typeof options['k'] === 'number') return { function: kind, k: options['k'] }
  if (kind === 'regex' && Object.keys(options).every((key) => ['regex_pattern', 'group_select', 'fallback'].includes(key))) {
    return { function: 'regex', pattern: options['regex_pattern'] ?? DEFAULT_PATTERN, groupSelect: options['group_select'] ?? 0, fallback: options['fallback'] ?? '[invalid]' }
  }
  if (kind === 'multi_choice_regex' && Object.keys(options).every((key) => CHOICE_OPTIONS.has(key))) {
    return { function: kind, pattern: options['regex_pattern'] ?? DEFAULT_PATTERN, groupSelect: options['group_select'] ?? 0, fallback: options['fallback'] ?? '[invalid]', ignoreCase: options['ignore_case'] === true, ignorePunctuation: options['ignore_punctuation'] === true, regexesToIgnore: textsIn(options['regexes_to_ignore']) }
  }
  if (kind === 'map' && typeof options['mapping_dict'] === 'object' && options['mapping_dict'] !== null) {
    const mapping = Object.fromEntries(Object.entries(options['mapping_dict']).map(([text, value]) => [text, String(value)]))
    return { function: 'map', mapping, ...(options['default_value'] == null ? {} : { otherwise: String(options['default_value']) }) }
  }
  return undefined
}

function textsIn(value: unknown): string[] {
  return Array.isArray(value) ? value.map(String) : []
}

function nameOf(value: unknown): string {
  return value instanceof PythonCode ? `!function ${value.name}` : String(value)
}
