import type { z } from 'zod'
import { AppError, AxisSchema, BudgetSchema, ExperimentSpecSchema, KINDS, type ExperimentSpec, type Kind, MAX_RUNS, PARAMETERS_BY_KIND } from '../server/contracts/index.js'
import { type Axis, axisLength, axisValues, rangeProblem } from './axes.js'
import { cellProblem } from './cell-rules.js'
import { cellsOf, completeParams } from './expand.js'
import { METRICS, metricsOfKind } from './metrics.js'
import { ProblemList, showValue, suggestion } from './problems.js'
import { raceProblems } from './race-rules.js'
import { type Path, readSource } from './source.js'

type Fields = Record<string, unknown>

const KEYS = ['name', 'kind', 'dataset', 'model', 'axes', 'fixed', 'metrics', 'strategy', 'race', 'repeats', 'seed', 'budget', 'errorCostUsd', 'tags', 'notes']
const KEYS_AT = { budget: Object.keys(BudgetSchema.shape), race: ['error', 'calls'] }
const RUN_REFERENCE = /^run:[\w-]+(@\d+)?$/

function isFields(value: unknown): value is Fields {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

/**
 * Reads an experiment file and checks all of it, down to the combination of parameters in every
 * cell. Throws AppError `invalid_spec` whose problems name path, line, the value seen and the
 * values allowed.
 * @param options.datasets names of the datasets that exist
 */
export function parseExperiment(text: string, options: { format: 'yaml' | 'json'; datasets: readonly string[] }): ExperimentSpec {
  const source = readSource(text, options.format)
  const found = new ProblemList(source)
  const spec = check(source.value, found, options.datasets)
  if (found.problems.length > 0 || !spec) throw refusal(found)
  for (const { path, ...problem } of raceProblems(spec)) found.add(path, problem)
  checkCells(spec, found)
  if (found.problems.length > 0) throw refusal(found)
  return spec
}

function refusal({ problems }: ProblemList): AppError {
  const [first] = problems
  const where = first ? `${first.line === undefined ? '' : `line ${first.line}, `}${first.path || 'file'}: ${first.message}` : 'unknown problem'
  const more = problems.length > 1 ? ` (and ${problems.length - 1} more)` : ''
  return new AppError('invalid_spec', `the experiment file is refused: ${where}${more}`, { problems })
}

function check(value: unknown, found: ProblemList, datasets: readonly string[]): ExperimentSpec | undefined {
  if (!isFields(value)) {
    found.add([], { message: `an experiment is a mapping with the keys ${KEYS.join(', ')}`, seen: showValue(value), allowed: KEYS.join(', ') })
    return undefined
  }
  const kind = KINDS.find((name) => name === value['kind'])
  if (kind === undefined) {
    const seen = value['kind']
    const hint = typeof seen === 'string' ? suggestion(seen, KINDS) : ''
    const message = seen === undefined ? 'is missing' : `there is no kind ${showValue(seen)}${hint}`
    found.add(['kind'], { message, seen: showValue(seen), allowed: KINDS.join(', ') })
    return undefined
  }
  checkDataset(value['dataset'], found, datasets)
  checkParameters(kind, value, found)
  checkMetrics(kind, value, found)
  const parsed = ExperimentSpecSchema.safeParse(value)
  if (parsed.success) return parsed.data
  addStrayKeys(kind, value, found)
  // Axes, fixed parameters, the model and keys have been checked above, one by one and in more detail.
  const rest = parsed.error.issues.filter(({ path, code }) => !((code === 'unrecognized_keys' && path.length === 0) || (path[0] === 'model' && value['model'] !== undefined) || (path[0] === 'axes' && isFields(value['axes'])) || (path[0] === 'fixed' && isFields(value['fixed']))))
  found.addIssues(rest, { base: [], value, keysAt: KEYS_AT })
  return undefined
}

/** Keys that are none: often parameters, which stand one level further in. */
function addStrayKeys(kind: Kind, value: Fields, found: ProblemList): void {
  const parameters = Object.keys(PARAMETERS_BY_KIND[kind].shape)
  for (const key of Object.keys(value).filter((name) => !KEYS.includes(name))) {
    const message = parameters.includes(key) ? `${key} is a parameter of the run: write it under fixed, or several values of it under axes` : `unknown key ${key}${suggestion(key, [...KEYS, ...parameters])}`
    found.add([key], { message, seen: key, allowed: KEYS.join(', ') })
  }
}

function checkDataset(dataset: unknown, found: ProblemList, datasets: readonly string[]): void {
  if (typeof dataset !== 'string' || dataset.trim() === '' || datasets.includes(dataset.trim())) return
  found.add(['dataset'], { message: `there is no dataset ${dataset}${suggestion(dataset, datasets)}`, seen: dataset, allowed: datasets.join(', ') || 'none is there yet: add a folder in datasets/' })
}

function checkMetrics(kind: Kind, { metrics, fixed }: Fields, found: ProblemList): void {
  const named = isFields(fixed) && isFields(fixed['scorers']) ? Object.keys(fixed['scorers']) : []
  for (const name of named) {
    if (Object.hasOwn(METRICS, name)) found.add(['fixed', 'scorers', name], { message: `${name} is a metric of Bancada; give the scorer another name`, seen: name })
  }
  if (!Array.isArray(metrics)) return
  const allowed = [...metricsOfKind(kind), ...named]
  metrics.forEach((metric: unknown, index) => {
    if (typeof metric !== 'string' || metric === '') return
    if (metrics.indexOf(metric) !== index) found.add(['metrics', index], { message: `${metric} is named twice`, seen: metric })
    if (allowed.includes(metric)) return
    const message = Object.hasOwn(METRICS, metric) ? `a ${kind} run has no metric ${metric}` : `there is no metric ${metric}${suggestion(metric, allowed)}`
    found.add(['metrics', index], { message, seen: metric, allowed: allowed.join(', ') })
  })
}

/** `model`, `fixed` and `axes`: each name is a parameter of the kind, each value one that it takes, and none is given twice. */
function checkParameters(kind: Kind, value: Fields, found: ProblemList): void {
  const fixed = isFields(value['fixed']) ? value['fixed'] : {}
  const axes = isFields(value['axes']) ? value['axes'] : {}
  const names = Object.keys(PARAMETERS_BY_KIND[kind].shape)
  if (value['model'] !== undefined) {
    if (!names.includes('model')) found.add(['model'], { message: `a ${kind} run has no model`, seen: showValue(value['model']), allowed: KEYS.filter((key) => key !== 'model').join(', ') })
    else checkValue(kind, { name: 'model', value: value['model'], path: ['model'] }, found)
    if ('model' in fixed) found.add(['fixed', 'model'], { message: 'the model is given twice: as model and in fixed', seen: showValue(fixed['model']) })
    if ('model' in axes) found.add(['axes', 'model'], { message: 'the model is given twice: as model and as an axis', seen: showValue(axes['model']) })
  }
  for (const [name, given] of Object.entries(fixed)) {
    if (isParameter(kind, { name, path: ['fixed', name] }, found)) checkValue(kind, { name, value: given, path: ['fixed', name] }, found)
  }
  for (const [name, axis] of Object.entries(axes)) {
    if (!isParameter(kind, { name, path: ['axes', name] }, found)) continue
    if (Object.hasOwn(fixed, name)) found.add(['axes', name], { message: `${name} is both fixed and an axis; it can be only one of them`, seen: showValue(fixed[name]) })
    checkAxis(kind, { name, axis }, found)
  }
}

function isParameter(kind: Kind, { name, path }: { name: string; path: Path }, found: ProblemList): boolean {
  const names = Object.keys(PARAMETERS_BY_KIND[kind].shape)
  if (names.includes(name)) return true
  found.add(path, { message: `a ${kind} run has no parameter ${name}${suggestion(name, names)}`, seen: name, allowed: names.join(', ') })
  return false
}

function checkAxis(kind: Kind, { name, axis }: { name: string; axis: unknown }, found: ProblemList): void {
  const path = ['axes', name]
  if (Array.isArray(axis) && axis.length === 0) return found.add(path, { message: 'the axis is empty; give at least one value', seen: '[]', allowed: 'a list of values, or {from, to, step}' })
  if (!Array.isArray(axis) && !isFields(axis)) {
    return found.add(path, { message: `an axis is a list of values or a range; for one value write [${showValue(axis)}] or put it in fixed`, seen: showValue(axis), allowed: 'a list of values, or {from, to, step}, or {from, to, count, scale: log}' })
  }
  const parsed = AxisSchema.safeParse(axis)
  if (!parsed.success) return found.addIssues(parsed.error.issues, { base: path, value: axis, keys: ['from', 'to', 'step', 'count', 'scale'] })
  const range: Axis = parsed.data
  const problem = 'from' in range ? rangeProblem(range) : undefined
  if (problem !== undefined) return found.add(path, { message: problem, seen: showValue(axis) })
  if (axisLength(range) > MAX_RUNS) return found.add(path, { message: `the axis has ${axisLength(range)} values; an experiment has at most ${MAX_RUNS} runs`, seen: showValue(axis), allowed: `at most ${MAX_RUNS}` })
  const seen = new Map<string, number>()
  axisValues(range).forEach((value, index) => {
    const at = Array.isArray(axis) ? [...path, index] : path
    const twin = seen.get(JSON.stringify(value))
    if (twin !== undefined) found.add(at, { message: `${showValue(value)} stands twice on the axis (also at ${twin})`, seen: showValue(value) })
    seen.set(JSON.stringify(value), index)
    checkValue(kind, { name, value, path: at }, found)
  })
}

function checkValue(kind: Kind, { name, value, path }: { name: string; value: unknown; path: Path }, found: ProblemList): void {
  const shape: Readonly<Record<string, z.ZodType>> = PARAMETERS_BY_KIND[kind].shape
  const parsed = shape[name]?.safeParse(value)
  if (parsed?.error) found.addIssues(parsed.error.issues, { base: path, value, keys: [] })
  else if (name === 'model' && typeof value === 'string' && value.startsWith('run:') && !RUN_REFERENCE.test(value)) {
    found.add(path, { message: `${value} does not name a run`, seen: value, allowed: 'run:ID for its picked or best checkpoint, run:ID@STEP for a given one' })
  }
}

/** The size of the sweep, and the rules that tie parameters to each other, in every cell. */
function checkCells(spec: ExperimentSpec, found: ProblemList): void {
  const sizes = Object.entries(spec.axes).map(([name, axis]) => ({ name, size: axisLength(axis) }))
  const runs = sizes.reduce((product, { size }) => product * size, spec.repeats)
  if (runs > MAX_RUNS) {
    const factors = [...sizes.map(({ name, size }) => `${name} ${size}`), ...(spec.repeats > 1 ? [`repeats ${spec.repeats}`] : [])].join(' × ')
    return found.add(['axes'], { message: `the sweep has ${runs} runs (${factors}); at most ${MAX_RUNS} are allowed`, seen: String(runs), allowed: `at most ${MAX_RUNS}` })
  }
  const broken: { name: string; parameter: string; message: string }[] = []
  for (const { varied, name } of cellsOf(spec)) {
    const problem = cellProblem(spec.kind, completeParams(spec, varied))
    if (problem) broken.push({ name, ...problem })
  }
  const [first] = broken
  if (!first) return
  const where = [first.parameter in spec.axes ? 'axes' : 'fixed', first.parameter]
  const cells = first.name === '' ? '' : ` in the cell ${first.name}`
  const count = broken.length > 1 ? ` (and in ${broken.length - 1} more cells)` : ''
  found.add(where, { message: `${first.message}${cells}${count}` })
}
