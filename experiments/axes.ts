import type { ParameterValue, Range } from '../server/contracts/index.js'

/** An axis as files write it: a list of values, or a range of numbers. */
export type Axis = readonly ParameterValue[] | Range

/** Twelve digits keep every figure that a person writes and drop what binary fractions add to it. */
function withoutDust(value: number): number {
  return Number(value.toPrecision(12))
}

function stepsOf(range: Range, step: number): number {
  return (range.to - range.from) / step
}

/** What is wrong with a range, in words; undefined when nothing is. */
export function rangeProblem(range: Range): string | undefined {
  const { from, to, step, count, scale = 'linear' } = range
  if (to <= from) return `to must be above from, got from ${from} to ${to}`
  if (scale === 'log') {
    if (from <= 0) return `a log scale needs from above 0, got ${from}`
    return count === undefined || step !== undefined ? 'a log scale needs count, and no step' : undefined
  }
  if ((step === undefined) === (count === undefined)) return 'a range needs either step or count'
  if (step === undefined) return undefined
  const steps = stepsOf(range, step)
  if (Math.abs(steps - Math.round(steps)) <= 1e-9 * Math.max(1, steps)) return undefined
  const below = withoutDust(from + Math.floor(steps) * step)
  return `step ${step} does not lead from ${from} to ${to}: end at ${below} or ${withoutDust(below + step)}, or give count instead`
}

/** How many values an axis has, without making them. */
export function axisLength(axis: Axis): number {
  if (!('from' in axis)) return axis.length
  if (axis.count !== undefined) return axis.count
  return Math.round(stepsOf(axis, axis.step ?? axis.to - axis.from)) + 1
}

/** The values of an axis in order; both ends of a range are included and are exactly as written. */
export function axisValues(axis: Axis): ParameterValue[] {
  if (!('from' in axis)) return [...axis]
  const { from, to } = axis
  const last = axisLength(axis) - 1
  return Array.from({ length: last + 1 }, (_, index) => {
    if (index === 0) return from
    if (index === last) return to
    if (axis.scale === 'log') return withoutDust(from * (to / from) ** (index / last))
    return withoutDust(axis.step === undefined ? from + ((to - from) * index) / last : from + index * axis.step)
  })
}
