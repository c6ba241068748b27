/** Reads what the database packs: overviews by metric_overview() and points by array_send(), both as base64. */
import { type MetricBucket, toWire } from '../contracts/index.js'
import type { PointArrays } from './metric-buckets.js'

const GROUP_BYTES = 48

export function readOverview(base64: string): MetricBucket[] {
  const view = viewOf(base64)
  const groups: MetricBucket[] = []
  for (let at = 0; at + GROUP_BYTES <= view.byteLength; at += GROUP_BYTES) {
    const [n, nonFinite] = [view.getInt32(at + 40), view.getInt32(at + 44)]
    groups.push({
      firstStep: view.getInt32(at),
      lastStep: view.getInt32(at + 4),
      min: nonFinite === n ? null : view.getFloat64(at + 8),
      max: nonFinite === n ? null : view.getFloat64(at + 16),
      last: toWire(view.getFloat64(at + 24)),
      lastTime: view.getFloat64(at + 32),
      n,
      nonFinite,
    })
  }
  return groups
}

export interface PackedPoints {
  steps: string
  values: string
  times: string
}

/** Appends the points of a chunk that lie in the range. */
export function readPoints(into: PointArrays, chunk: PackedPoints, range: { from: number; to: number }): void {
  const steps = numbersOf(chunk.steps, 4)
  const values = numbersOf(chunk.values, 8)
  const times = numbersOf(chunk.times, 8)
  for (const [index, step] of steps.entries()) {
    if (step < range.from || step > range.to) continue
    into.steps.push(step)
    into.values.push(values[index] ?? Number.NaN)
    into.times.push(times[index] ?? Number.NaN)
  }
}

/** Of array_send() for one dimension without NULL: five header words, the fourth of them the length; before each element its size. */
const [HEADER_BYTES, SIZE_BYTES, LENGTH_AT] = [20, 4, 12]

function numbersOf(base64: string, bytes: 4 | 8): number[] {
  const view = viewOf(base64)
  const numbers: number[] = []
  const count = view.getInt32(LENGTH_AT)
  for (let index = 0; index < count; index += 1) {
    const at = HEADER_BYTES + index * (SIZE_BYTES + bytes) + SIZE_BYTES
    numbers.push(bytes === 4 ? view.getInt32(at) : view.getFloat64(at))
  }
  return numbers
}

function viewOf(base64: string): DataView {
  const { buffer, byteOffset, byteLength } = Buffer.from(base64, 'base64')
  return new DataView(buffer, byteOffset, byteLength)
}
