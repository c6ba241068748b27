/* What a task scores, as metrics and scorers of ours: each filter of a generated text with each metric is one. */
import type { Findings } from '../findings.js'
import { slug } from '../slug.js'
import { PythonCode, type Setting, type TaskFile } from './task-file.js'

export interface TaskMetrics {
  metrics: string[]
  scorers: Record<string, unknown>
}

const CHOICE_METRICS = new Map([['acc', 'accuracy'], ['acc_norm', 'acc_norm'], ['acc_bytes', 'acc_bytes']])
const CHOICE_OPTIONS = new Set(['regex_pattern', 'group_select', 'fallback', 'ignore_case', 'ignore_punctuation', 'regexes_to_ignore'])
/** What the harness looks for where a task names no pattern. */
const DEFAULT_PATTERN = String.raw`#### (\-?[0-9\.\,]+)`
const SINGLE = new Set(['take_first', 'remove_whitespace', 'lowercase', 'uppercase'])
const EXACT_MATCH_OPTIONS = new Set(['metric', 'aggregation', 'higher_is_better', 'ignore_case', 'ignore_punctuation', 'ignore_numbers', 'regexes_to_ignore', 'weight_by_size'])

interface Entry {
  place: Setting
  fields: Record<string, unknown>
}

export function metricsOf(file: TaskFile, findings: Findings): TaskMetrics {
  const isChoice = file.get('output_type').value === 'multiple_choice'
  const entries = entriesOf(file.get('metric_list'))
  const named = entries.length > 0 ? entries : (isChoice ? ['acc', 'acc_norm'] : ['exact_match']).map((metric): Entry => ({ place: file.get('output_type'), fields: { metric } }))
  return isChoice ? choiceMetrics(named, findings) : textMetrics(named, filtersOf(file, findings), findings)
}

function entriesOf(place: Setting): Entry[] {
  const list: unknown[] = Array.isArray(place.value) ? place.value : []
  return list.map((fields, index) => ({ place: { ...place, key: `${place.key}[${index}]` }, fields: typeof fields === 'object' && fields !== null ? (fields as Record<string, unknown>) : {} }))
}

function choiceMetrics(entries: readonly Entry[], findings: Findings): TaskMetrics {
  const metrics = entries.flatMap(({ place, fields }) => {
    const known = CHOICE_METRICS.get(nameOf(fields['metric']))
    if (known !== undefined && isMean(fields)) return [known]
    findings.leaveOut(place, `the metric ${nameOf(fields['metric'])} of a choice is not known here; known are ${[...CHOICE_METRICS.keys()].join(', ')} with their mean`, 'take it out of metric_list')
    return []
  })
  return { metrics: [...new Set(metrics)], scorers: {} }
}

function textMetrics(entries: readonly Entry[], filters: readonly Filter[], findings: Findings): TaskMetrics {
  const scorers: Record<string, unknown> = {}
  for (const { place, fields } of entries) {
    const unknown = Object.keys(fields).find((key) => !EXACT_MATCH_OPTIONS.has(key))
    if (nameOf(fields['metric']) !== 'exact_match' || !isMean(fields) || unknown !== undefined) {
      findings.leaveOut(place, unknown === undefined ? `the metric ${nameOf(fields['metric'])} of a generated text is not known here; known is exact_match with its mean` : `exact_match has the option ${unknown}, which is not known here`, 'take it out of metric_list, or name a metric of ours in the experiment file')
      continue
    }
    const options = { ignoreCase: fields['ignore_case'] === true, ignorePunctuation: fields['ignore_punctuation'] === true, ignoreNumbers: fields['ignore_numbers'] === true, regexesToIgnore: textsIn(fields['regexes_to_ignore']) }
    for (const { name, steps } of filters) scorers[`exact_match_${slug(name, '_').slice(0, 24) || 'none'}`] = { type: 'lm_eval', steps, ...options }
  }
  return { metrics: Object.keys(scorers), scorers }
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
    findings.leaveOut(place, `the filter ${nameOf(fields['name'])} has the step ${JSON.stringify(unknown)}, which is not known here; known are regex, multi_choice_regex, map, ${[...SINGLE].join(', ')}`, 'take it out of filter_list')
    return []
  })
}

function stepOf({ function: name, ...options }: Record<string, unknown>): Record<string, unknown> | undefined {
  const kind = nameOf(name)
  if (SINGLE.has(kind) && Object.keys(options).length === 0) return { function: kind }
  if (kind === 'regex' && Object.keys(options).every((key) => ['regex_pattern', 'group_select', 'fallback'].includes(key))) {
    return { function: 'regex', pattern: options['regex_pattern'] ?? DEFAULT_PATTERN, groupSelect: options['group_select'] ?? 0, fallback: options['fallback'] ?? '[invalid]' }
  }
  if (kind === 'multi_choice_regex' && Object.keys(options).every((key) => CHOICE_OPTIONS.has(key))) {
    return { function: kind, pattern: options['regex_pattern'] ?? DEFAULT_PATTERN, groupSelect: options['group_select'] ?? 0, fallback: options['fallback'] ?? '[invalid]', ignoreCase: options['ignore_case'] === true, ignorePunctuation: options['ignore_punctuation'] === true, regexesToIgnore: textsIn(options['regexes_to_ignore']) }
  }
  if (kind === 'map' && typeof options['mapping_dict'] === 'object') return { function: 'map', mapping: options['mapping_dict'], ...(options['default_value'] === undefined ? {} : { otherwise: options['default_value'] }) }
  return undefined
}

function textsIn(value: unknown): string[] {
  return Array.isArray(value) ? value.map(String) : []
}

function nameOf(value: unknown): string {
  return value instanceof PythonCode ? `!function ${value.name}` : String(value)
}
