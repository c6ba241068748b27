/*
 * Evaluations by lm-evaluation-harness as finished runs: samples_<task>_<date>.jsonl, with the
 * results_<date>.json beside it for the model and the directions of metrics. A task is an experiment,
 * a file of samples a run of it; documents pair up by their doc_hash.
 */
import { z } from 'zod'
import type { Example, ImportedExperiment, ImportedRun } from '../../server/contracts/index.js'
import { brierIn, CorpusPairs } from './lm-eval-corpus.js'
import { sanitizeName } from './lm-eval-report.js'
import { check, distinctNames, type Imported, ItemIds, metricName, parseJson, type Place, refuse, scoreIn, type SourceFile } from './source-file.js'

const TOOL = 'lm-eval'
const SAMPLES = /(?:^|[/\\])samples_(?<task>.+)_(?<date>\d{4}-\d{2}-\d{2}T[\d.-]+)\.jsonl$/
const RESULTS = /(?:^|[/\\])results_(?<date>\d{4}-\d{2}-\d{2}T[\d.-]+)\.json$/

/** Of metrics whose results file is not there; others are refused rather than taken for better when higher. */
const HIGHER_IS_BETTER = new Set(['acc', 'acc_norm', 'acc_bytes', 'acc_mutual_info', 'exact_match', 'f1'])

const SampleSchema = z.looseObject({
  doc_id: z.number().int(),
  doc_hash: z.string().min(1),
  target: z.unknown(),
  arguments: z.union([z.record(z.string(), z.record(z.string(), z.unknown())), z.array(z.array(z.unknown()))]),
  resps: z.array(z.unknown()).default([]),
  filtered_resps: z.array(z.unknown()),
  filter: z.string().default('none'),
  metrics: z.array(z.string().min(1)),
  error: z.string().optional(),
})
type Sample = z.infer<typeof SampleSchema>

const ResultsSchema = z.looseObject({
  model_name: z.string().optional(),
  higher_is_better: z.record(z.string(), z.record(z.string(), z.unknown())).default({}),
  results: z.record(z.string(), z.record(z.string(), z.unknown())).default({}),
  configs: z.record(z.string(), z.looseObject({ metric_list: z.array(z.looseObject({ metric: z.string(), aggregation: z.string().optional().catch('code') })).optional().catch(undefined) })).default({}),
  'n-shot': z.record(z.string(), z.unknown()).default({}),
  total_evaluation_time_seconds: z.coerce.number().nonnegative().optional().catch(undefined),
})
type Results = z.infer<typeof ResultsSchema>

interface Evaluation {
  file: SourceFile
  task: string
  run: ImportedRun
  /** Direction by metric. */
  metrics: Map<string, boolean>
}

export function isLmEvalFile(path: string): boolean {
  return SAMPLES.test(path) || RESULTS.test(path)
}

/** The results file of the evaluation that wrote these samples, or null where the name is not that of samples. */
export function resultsBeside(path: string): string | null {
  return SAMPLES.test(path) ? path.replace(/samples_[^/\\]+_([^_]+)\.jsonl$/, 'results_$1.json') : null
}

/** @throws AppError `invalid_request` naming file, line and field of what does not fit */
export function readLmEval(files: readonly SourceFile[]): Imported {
  const notes = new Set<string>()
  const results = new Map(files.filter(({ path }) => RESULTS.test(path)).map((file) => [besideOf(file.path), check(ResultsSchema, parseJson(file.text, file), file)]))
  const evaluations = files.filter(({ path }) => SAMPLES.test(path)).map((file) => evaluationOf(file, results.get(besideOf(file.path)), notes))
  const tasks = Map.groupBy(evaluations, ({ task }) => task)
  return { experiments: [...tasks].map(([task, same]) => experimentOf(task, same)), notes: [...notes] }
}

/** What a file of samples and its results file have in common: the folder and the date. */
function besideOf(path: string): string {
  const date = (SAMPLES.exec(path) ?? RESULTS.exec(path))?.groups?.['date'] ?? ''
  return `${folderOf(path)}|${date}`
}

function folderOf(path: string): string {
  return path.split(/[/\\]/).slice(0, -1).join('/')
}

function experimentOf(task: string, evaluations: readonly Evaluation[]): ImportedExperiment {
  const names = distinctNames(evaluations.map(({ run }) => run.name))
  const metrics = new Map(evaluations.flatMap((one) => [...one.metrics]))
  return {
    name: `${task} (lm-eval)`.slice(-120),
    dataset: (task.startsWith(`${TOOL}:`) ? task : `${TOOL}:${task}`).slice(0, 200),
    source: { tool: TOOL, files: evaluations.map(({ file }) => file.path) },
    metrics: [...metrics].map(([id, higherIsBetter]) => ({ id, higherIsBetter })),
    tags: ['imported', TOOL],
    notes: '',
    runs: evaluations.map(({ run }, index) => ({ ...run, name: names[index] ?? run.name })),
  }
}

function evaluationOf(file: SourceFile, results: Results | undefined, notes: Set<string>): Evaluation {
  const task = taskOf(file, results)
  const model = results?.model_name ?? (folderOf(file.path).split('/').at(-1) || 'unknown model')
  const metrics = new Map<string, boolean>()
  const examples = new Map<number, Example>()
  const ids = new ItemIds()
  const pairs = new CorpusPairs()
  for (const [index, line] of file.text.split('\n').entries()) {
    if (line.trim() === '') continue
    const place = { path: file.path, line: index + 1 }
    const sample = check(SampleSchema, parseJson(line, place), place)
    const known = examples.get(sample.doc_id)
    const example = known ?? exampleOf(sample, ids)
    examples.set(sample.doc_id, example)
    if (example.details['docHash'] !== sample.doc_hash) refuse(place, 'doc_hash', `another document than the earlier line with doc_id ${sample.doc_id}`, sample.doc_hash)
    addScores({ sample, example, task, place, metrics, results, notes, pairs })
  }
  addFigures(pairs, { task, metrics, results, notes })
  if (examples.size === 0) refuse(file, '', 'no sample in it')
  if (metrics.size === 0) refuse(file, 'metrics', 'no metric with a number per sample')
  const run: ImportedRun = {
    name: model,
    params: { model, importedFrom: TOOL, importedFile: file.path, shots: shotsOf(results, task) },
    durationMs: (results?.total_evaluation_time_seconds ?? 0) * 1000,
    examples: [...examples.values()].map((example) => (example.status === 'error' || Object.keys(example.scores).length > 0 ? example : { ...example, status: 'unscored' })),
  }
  return { file, task, run, metrics }
}

/** Characters that have no place in a file name stand as they are in the results. */
function taskOf({ path }: SourceFile, results: Results | undefined): string {
  const named = SAMPLES.exec(path)?.groups?.['task'] ?? ''
  return Object.keys(results?.higher_is_better ?? {}).find((task) => sanitizeName(task) === named) ?? named
}

function shotsOf(results: Results | undefined, task: string): number | null {
  const shots = results?.['n-shot'][task]
  return typeof shots === 'number' ? shots : null
}

/** Each filter's metrics under `metric,filter`, or the bare name for the filter "none". */
function addScores(at: { sample: Sample; example: Example; task: string; place: Place; metrics: Map<string, boolean>; results: Results | undefined; notes: Set<string>; pairs: CorpusPairs }): void {
  const { sample, example, task, place, metrics, results, notes, pairs } = at
  const responses = example.details['filteredResponses'] as Record<string, unknown>
  if (sample.filter in responses) refuse(place, 'doc_id', `a second line of this document with the filter "${sample.filter}"`, sample.doc_id)
  responses[sample.filter] = sample.filtered_resps
  for (const name of sample.metrics) {
    const value = sample[name]
    const bare = metricName(TOOL, name)
    const id = sample.filter === 'none' ? bare : `${bare},${sample.filter}`
    const aggregation = results?.configs[task]?.metric_list?.find(({ metric }) => metric === name)?.aggregation
    if (pairs.take(id, name, { example, value, aggregation })) continue
    const score = scoreIn(name === 'brier_score' ? (brierIn(value) ?? value) : value)
    if (score === undefined) {
      if (!(name in sample)) refuse(place, name, `"metrics" names it, but the sample has no such field`)
      notes.add(`${name} of ${task} is not one number per sample and was left out.`)
      continue
    }
    const direction = results?.higher_is_better[task]?.[name] ?? (HIGHER_IS_BETTER.has(name) ? true : null)
    if (typeof direction !== 'boolean') refuse(place, name, `whether higher is better is not known: put the results_*.json of the same evaluation beside this file`)
    metrics.set(id, direction)
    if (score !== null) example.scores[id] = score
  }
}

/** Figures of the corpus, each held against the one in the file of results where it is there. */
function addFigures(pairs: CorpusPairs, { task, metrics, results, notes }: { task: string; metrics: Map<string, boolean>; results: Results | undefined; notes: Set<string> }): void {
  for (const [id, told] of pairs.finish()) {
    if (told === null) {
      notes.add(`${id} of ${task} is neither a number nor a pair in some samples and was left out.`)
      continue
    }
    metrics.set(id, told.higherIsBetter)
    const [name = '', filter = 'none'] = id.replace(`${TOOL}/`, '').split(',')
    const theirs = results?.results[task]?.[`${name},${filter}`]
    if (typeof theirs === 'number' && Math.abs(theirs - told.value) > 1e-4 * Math.max(1, Math.abs(theirs))) notes.add(`${id} of ${task} is ${told.value.toPrecision(6)} made anew, and ${theirs.toPrecision(6)} in the file of results: it was made otherwise there.`)
  }
}

function exampleOf(sample: Sample, ids: ItemIds): Example {
  const requests = requestsOf(sample)
  const likelihoods = likelihoodsIn(sample)
  const output = likelihoods === null ? firstText(sample.filtered_resps) : choiceAt(requests, likelihoods.indexOf(Math.max(...likelihoods)))
  const response = likelihoods === null ? firstText(sample.resps) : null
  return {
    itemId: ids.next(sample.doc_hash),
    cluster: null,
    input: textOf(requests[0]?.[0]),
    output: output ?? '',
    target: targetOf(sample, likelihoods === null ? null : requests),
    status: sample.error === undefined ? 'scored' : 'error',
    scores: {},
    error: sample.error ?? null,
    latencyMs: null,
    ttftMs: null,
    tokensIn: null,
    tokensOut: null,
    costUsd: null,
    details: {
      docId: sample.doc_id, docHash: sample.doc_hash, filteredResponses: {},
      ...(output === null ? { hasNoOutput: true } : {}),
      // Filters may leave little of what was written; who scores it anew wants the whole.
      ...(response === null || response === output ? {} : { response }),
      ...(Array.isArray(sample.target) && likelihoods === null ? { targets: sample.target.map(textOf) } : {}),
    },
  }
}

/** Each request as [context, continuation or generation parameters]. */
function requestsOf({ arguments: given }: Sample): unknown[][] {
  return Array.isArray(given) ? given : Object.values(given).map((one) => [one['arg_0'], one['arg_1']])
}

/** Of each choice, where the model was asked for log-likelihoods; null where it wrote an answer. */
function likelihoodsIn({ filtered_resps: responses }: Sample): number[] | null {
  const likelihoods = responses.map((one) => (Array.isArray(one) && one.length === 2 && /^-?[\d.e+-]+$|^-?Infinity$/i.test(String(one[0])) ? Number(one[0]) : NaN))
  return likelihoods.length === 0 || likelihoods.some(Number.isNaN) ? null : likelihoods
}

function choiceAt(requests: unknown[][], index: number): string {
  return textOf(requests[index]?.[1]).trim()
}

function firstText([first]: readonly unknown[]): string | null {
  const one = Array.isArray(first) ? first[0] : first
  return one === undefined ? null : textOf(one)
}

/** Of choices the text of the right one, which the sample tells by its place. */
function targetOf({ target }: Sample, choices: unknown[][] | null): string | null {
  if (target === null || target === undefined) return null
  return choices !== null && typeof target === 'number' && target in choices ? choiceAt(choices, target) : textOf(target)
}

function textOf(value: unknown): string {
  return typeof value === 'string' ? value : (JSON.stringify(value) ?? '')
}
