/*
 * Runs in the files that lm-evaluation-harness writes: results_<date>.json and
 * samples_<task>_<date>.jsonl, in a folder per model. A Bancada dataset is a task, its filter "none".
 */
import { createHash } from 'node:crypto'
import { type Example, fromWire, type MetricSummary, type Run } from '../../server/contracts/index.js'
import { clusterIndex, clusteredError, squaredError } from '../statistics/intervals.js'
import { scoreOf } from '../summary.js'
import { labelOf, modelOf, numberOrNull, type ReportedRun, type ReportFile } from './report.js'

const FILTER = 'none'

export function sha256(text: string): string {
  return createHash('sha256').update(text.toWellFormed()).digest('hex')
}

/** Names as lm-eval writes them in paths. */
export function sanitizeName(name: string): string {
  return name.replaceAll(/["<>:/\\|?*[\]]+/g, '__')
}

/** One folder per run, named by its model and its id: two runs of one model are two evaluations. */
export function lmEvalReport(reported: readonly ReportedRun[]): ReportFile[] {
  return reported.flatMap(({ run, examples }) => {
    const date = (run.finishedAt ?? run.createdAt).replace(/Z$/, '').replaceAll(':', '-')
    const folder = sanitizeName(`${modelOf(run)}/${run.id}`)
    return [
      { path: `${folder}/results_${date}.json`, pieces: [`${JSON.stringify(resultsOf(run, examples), null, 2)}\n`] },
      { path: `${folder}/samples_${sanitizeName(run.dataset)}_${date}.jsonl`, pieces: sampleLines(run, examples) },
    ]
  })
}

/** A document as Python's json.dumps(doc, indent=2, ensure_ascii=False) writes it: the same in every run, so that runs pair by its hash. */
function documentOf({ itemId, target }: Example): { id: string; target: string | null } {
  return { id: itemId, target }
}

function hashesOf(example: Example): { doc_hash: string; prompt_hash: string; target_hash: string } {
  return {
    doc_hash: sha256(JSON.stringify(documentOf(example), null, 2)),
    prompt_hash: sha256(example.input),
    target_hash: sha256(example.target ?? ''),
  }
}

function* sampleLines(run: Run, examples: readonly Example[]): Generator<string> {
  const kwargs = generationOf(run)
  for (const [index, example] of examples.entries()) {
    const scores = Object.entries(example.scores).map(([metric, score]) => [metric, numberOrNull(score)] as const)
    const sample = {
      doc_id: index,
      doc: documentOf(example),
      target: example.target ?? '',
      arguments: { gen_args_0: { arg_0: example.input, arg_1: kwargs } },
      resps: [[example.output]],
      filtered_resps: [example.output],
      filter: FILTER,
      metrics: scores.map(([metric]) => metric),
      ...hashesOf(example),
      ...Object.fromEntries(scores),
      ...(example.error === null ? {} : { error: example.error }),
    }
    yield `${JSON.stringify(sample)}\n`
  }
}

function generationOf({ params }: Run): Record<string, unknown> {
  return { until: params['stop'] ?? [], temperature: params['temperature'] ?? null, max_gen_toks: params['maxTokens'] ?? null }
}

function resultsOf(run: Run, examples: readonly Example[]): Record<string, unknown> {
  const task = run.dataset
  const metrics = Object.entries(run.summary?.metrics ?? {})
  const name = `${modelOf(run)}/${run.id}`
  const taskHash = sha256(examples.map((example) => Object.values(hashesOf(example)).join('')).join(''))
  return {
    results: { [task]: { name: task, alias: task, sample_len: examples.length, ...Object.fromEntries(metrics.flatMap(([metric, summary]) => figuresOf(metric, summary, examples))) } },
    group_subtasks: { [task]: [] },
    configs: { [task]: { task, dataset_path: task, num_fewshot: run.params['shots'] ?? 0, output_type: 'generate_until', generation_kwargs: generationOf(run), metadata: { params: run.params } } },
    versions: { [task]: run.environment?.datasetHash ?? 'N/A' },
    'n-shot': { [task]: run.params['shots'] ?? 0 },
    higher_is_better: { [task]: Object.fromEntries(metrics.map(([metric, summary]) => [metric, summary.higherIsBetter])) },
    'n-samples': { [task]: { original: examples.length, effective: examples.length } },
    config: {
      model: 'bancada', model_args: { model: modelOf(run), run: run.id, label: labelOf(run) }, batch_size: null, batch_sizes: [], device: run.environment?.device ?? null,
      use_cache: null, limit: null, bootstrap_iters: 0, gen_kwargs: null, random_seed: run.seed, numpy_seed: run.seed, torch_seed: run.seed, fewshot_seed: run.seed,
    },
    git_hash: run.environment?.commit ?? null,
    date: Date.parse(run.startedAt ?? run.createdAt) / 1000,
    task_hashes: { [task]: taskHash },
    model_source: 'bancada',
    model_name: name,
    model_name_sanitized: sanitizeName(name),
    system_instruction: run.params['system'] ?? null,
    total_evaluation_time_seconds: String((run.summary?.durationMs ?? 0) / 1000),
  }
}

function figuresOf(metric: string, summary: MetricSummary, examples: readonly Example[]): [string, unknown][] {
  const mean = fromWire(summary.mean)
  // Metrics that came from lm-eval still name their filter.
  const [name, filter = FILTER] = metric.split(',')
  return [
    [`${name},${filter}`, Number.isFinite(mean) ? mean : String(mean)],
    [`${name}_stderr,${filter}`, (summary.corpus === undefined ? standardError(metric, examples) : null) ?? 'N/A'],
  ]
}

/** Of the mean, with items of one cluster taken together; null where it cannot be told. */
function standardError(metric: string, examples: readonly Example[]): number | null {
  const scored = examples.flatMap((example) => {
    const value = scoreOf(example, metric)
    return value === null ? [] : [{ value, cluster: example.cluster }]
  })
  const values = scored.map(({ value }) => value)
  const clusters = clusterIndex(scored.map(({ cluster }) => cluster))
  const error = clusters ? clusteredError(values, clusters) : Math.sqrt(squaredError(values))
  return Number.isFinite(error) ? error : null
}
