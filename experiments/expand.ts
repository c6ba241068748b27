import { type ExperimentSpec, type ParameterValue, PARAMETERS_BY_KIND } from '../server/contracts/index.js'
import { axisValues } from './axes.js'

export { axisValues } from './axes.js'

/** One run to be: a cell of the sweep and one repeat of it. */
export interface PlannedRun {
  cell: number
  repeat: number
  seed: number
  /** Unique within the experiment, for example `rank=4, learningRate=0.002`. */
  name: string
  /** Every parameter of the kind, defaults included. */
  params: Record<string, ParameterValue>
  varied: Record<string, ParameterValue>
}

const LONGEST_LABEL = 32

/**
 * Seed of a repeat: repeat 0 has the seed of the file, the others distinct ones. It depends on
 * nothing else, so all cells see the same draws and can be compared pairwise.
 */
export function repeatSeed(seed: number, repeat: number): number {
  return (seed + Math.imul(repeat, 0x9e3779b1)) & 0x7fffffff
}

function shortForm(value: ParameterValue): string | undefined {
  if (value === null) return 'none'
  if (typeof value === 'number' || typeof value === 'boolean') return String(value)
  if (typeof value === 'string') return value.length > 0 && value.length <= LONGEST_LABEL && !/[\n{}]/.test(value) ? value : undefined
  const text = Array.isArray(value) ? value.map(String).join('+') : (value['label'] ?? value['model'])
  return typeof text === 'string' && text.length > 0 && text.length <= LONGEST_LABEL ? text : undefined
}

/** What names each value of an axis: the value where it is short, else `template #2`. */
function axisLabels(axis: string, values: readonly ParameterValue[]): string[] {
  const forms = values.map(shortForm)
  return forms.map((form, index) => {
    if (form === undefined) return `${axis} #${index + 1}`
    const isUnique = forms.indexOf(form) === forms.lastIndexOf(form)
    return isUnique ? `${axis}=${form}` : `${axis}=${form} #${index + 1}`
  })
}

/** The cells of a sweep in order: the first axis changes slowest. Lazy, so that checks can stop early. */
export function* cellsOf(spec: Pick<ExperimentSpec, 'axes'>): Generator<{ varied: Record<string, ParameterValue>; name: string }> {
  const axes = Object.entries(spec.axes).map(([axis, written]) => {
    const values = axisValues(written)
    return { axis, values, labels: axisLabels(axis, values) }
  })
  const total = axes.reduce((product, { values }) => product * values.length, 1)
  for (let cell = 0; cell < total; cell++) {
    const varied: Record<string, ParameterValue> = {}
    const labels: string[] = []
    let block = total
    for (const axis of axes) {
      block /= axis.values.length
      const index = Math.floor(cell / block) % axis.values.length
      varied[axis.axis] = axis.values[index] ?? null
      labels.push(axis.labels[index] ?? '')
    }
    yield { varied, name: labels.join(', ') }
  }
}

/** All parameters of one cell, checked and completed by the schema of the kind. Throws ZodError for values it refuses. */
export function completeParams(spec: Pick<ExperimentSpec, 'kind' | 'model' | 'fixed'>, varied: Record<string, ParameterValue>): Record<string, ParameterValue> {
  const given = { ...(spec.model === undefined ? {} : { model: spec.model }), ...spec.fixed, ...varied }
  return Object.fromEntries(Object.entries(PARAMETERS_BY_KIND[spec.kind].parse(given)).filter(([, value]) => value !== undefined))
}

/** The runs of an experiment in order: cell by cell (the first axis slowest), the repeats of a cell together. Pure. */
export function expandRuns(spec: ExperimentSpec): PlannedRun[] {
  const runs: PlannedRun[] = []
  let cell = 0
  for (const { varied, name } of cellsOf(spec)) {
    const params = completeParams(spec, varied)
    for (let repeat = 0; repeat < spec.repeats; repeat++) {
      const suffix = spec.repeats > 1 ? ` (repeat ${repeat + 1})` : ''
      runs.push({ cell, repeat, seed: repeatSeed(spec.seed, repeat), name: `${name || spec.name}${suffix}`, params, varied })
    }
    cell++
  }
  return runs
}
