/* Stored answers scored anew: what was asked for, and the experiment that it makes. */
import { AppError, type Experiment, type ParameterValue, type RescoreRequest, RescoreRequestSchema, type Run } from '../server/contracts/index.js'
import { METRICS, metricsOfKind } from './metrics.js'
import { ProblemList, showValue, suggestion } from './problems.js'
import { readSource } from './source.js'

const KEYS = ['scorers', 'metrics', 'extract', 'name']
const LONGEST_NAME = 120
const SUFFIX = ' (rescored)'
/** What no text tells without the labels of a dataset, the likelihoods of a model, or people. */
const NOT_OF_TEXTS = new Set(['accuracy', 'acc_norm', 'acc_bytes', 'loss', 'human'])

/**
 * Reads what shall be scored how: YAML or JSON with `scorers`, `metrics`, `extract` and `name`, each
 * where it changes. @throws AppError `invalid_spec` whose problems name path, line and what is allowed
 */
export function parseRescore(text: string, format: 'yaml' | 'json'): RescoreRequest {
  const source = readSource(text, format)
  const found = new ProblemList(source)
  const parsed = RescoreRequestSchema.safeParse(source.value)
  if (parsed.error) found.addIssues(parsed.error.issues, { base: [], value: source.value, keys: KEYS })
  const request = parsed.data ?? {}
  for (const name of Object.keys(request.scorers ?? {})) {
    if (Object.hasOwn(METRICS, name)) found.add(['scorers', name], { message: `${name} is a metric of Bancada; give the scorer another name`, seen: name })
  }
  if (request.scorers === undefined && request.metrics === undefined && request.extract === undefined && parsed.success) {
    found.add([], { message: 'nothing is to be scored in another way: name scorers, metrics or extract', seen: showValue(source.value), allowed: KEYS.join(', ') })
  }
  const [first] = found.problems
  if (first) throw new AppError('invalid_spec', `the scoring is refused: ${first.line === undefined ? '' : `line ${first.line}, `}${first.path || 'file'}: ${first.message}`, { problems: found.problems })
  return request
}

export interface Rescored {
  params: Record<string, ParameterValue>
  metrics: string[]
}

/**
 * The parameters and metrics of a run whose answers are scored anew.
 * @param metrics by which the answers were scored before
 * @throws AppError `invalid_spec` for a metric that this scoring does not give, or a parameter that was an axis
 */
export function rescoredRun(run: Pick<Run, 'params' | 'varied'>, metrics: readonly string[], request: RescoreRequest): Rescored {
  const varied = (['scorers', 'extract'] as const).find((name) => request[name] !== undefined && name in run.varied)
  if (varied !== undefined) throw refusal(varied, `${varied} is an axis of that experiment; rescore its runs one by one without it`)
  const before = Object.keys((run.params['scorers'] ?? {}) as Record<string, unknown>)
  const tool = run.params['importedFrom']
  const now = request.scorers === undefined ? before : Object.keys(request.scorers)
  // Another tool's metrics cannot be made here: they stay with the run that has them.
  const kept = metrics.filter((metric) => now.includes(metric) || (tool === undefined && !before.includes(metric)))
  const asked = request.metrics ?? [...kept, ...now.filter((name) => !kept.includes(name))]
  const allowed = [...metricsOfKind('prompt').filter((metric) => tool === undefined || !NOT_OF_TEXTS.has(metric)), ...now]
  const unknown = asked.find((metric) => !allowed.includes(metric))
  if (unknown !== undefined) throw refusal('metrics', `there is no metric ${unknown}${suggestion(unknown, allowed)}`, { seen: unknown, allowed: allowed.join(', ') })
  if (asked.length === 0) throw refusal('metrics', `the metrics of ${String(tool)} cannot be made here; name scorers, or metrics of Bancada`)
  const changed = { ...(request.scorers === undefined ? {} : { scorers: request.scorers }), ...(request.extract === undefined ? {} : { extract: request.extract }) }
  return { params: { ...run.params, ...changed }, metrics: [...new Set(asked)] }
}

/** The file that would ask and score like this; of a single run, with its cell alone. */
export function rescoredSpec(experiment: Pick<Experiment, 'name' | 'spec' | 'notes' | 'tags' | 'id'>, request: RescoreRequest, { metrics, run }: { metrics: string[]; run: Run | null }): Record<string, unknown> & { name: string; tags: string[]; notes: string } {
  const spec = experiment.spec as Record<string, unknown>
  const fixed = { ...(spec['fixed'] as Record<string, unknown> | undefined), ...(request.scorers === undefined ? {} : { scorers: request.scorers }), ...(request.extract === undefined ? {} : { extract: request.extract }) }
  const cell = run === null ? {} : { axes: Object.fromEntries(Object.entries(run.varied).map(([name, value]) => [name, [value]])), repeats: 1, seed: run.seed }
  const subject = run === null || run.name === experiment.name ? experiment.name : `${experiment.name}: ${run.name}`
  const name = request.name ?? `${subject.slice(0, LONGEST_NAME - SUFFIX.length)}${SUFFIX}`
  const { strategy: _strategy, race: _race, ...rest } = spec
  const notes = `Scores the answers of ${run === null ? `experiment ${experiment.id}` : `run ${run.id}`} anew; no model was asked for them again.${experiment.notes === '' ? '' : `\n\n${experiment.notes}`}`
  return { ...rest, ...cell, name, metrics, fixed, tags: experiment.tags, notes }
}

function refusal(path: string, message: string, more: { seen?: string; allowed?: string } = {}): AppError {
  return new AppError('invalid_spec', `the scoring is refused: ${path}: ${message}`, { problems: [{ path, message, ...more }] })
}
