/* What earlier runs tell of the time a run will take, and how far that can be trusted. */
import type { ParameterValue, PastRun, TimeBasis, TimeRange } from '../../server/contracts/index.js'
import { quantile } from '../statistics/quantiles.js'

export type Params = Readonly<Record<string, ParameterValue>>

/** The workers that have the device of a run, as one machine. */
export interface Machine {
  workers: number
  hosts: ReadonlySet<string>
  /** Of the largest of them; null: not a CPU, or nobody is at work. */
  threads: number | null
  /** Measured speed of a matrix product; null: not measured. */
  gflops: number | null
}

/** Where a run stands as evidence: of the same work on this machine, or further away. */
export type Nearness = Extract<TimeBasis, 'same' | 'model' | 'device' | 'elsewhere'>

export interface Sample {
  nearness: Nearness
  range: TimeRange
}

/** Factors by which a run may well differ from its evidence: chosen generously, since what else the machine does is not known. */
const SPREAD: Readonly<Record<Nearness, number>> = { same: 1.4, model: 1.8, device: 2.5, elsewhere: 4 }
/** Older runs say less: the machine, the program and the load were others. Samples come newest first. */
const MOST_SAMPLES = 12

/** The nearest evidence there is; null without any. */
export function nearest<S extends Sample>(samples: readonly S[]): { nearness: Nearness; samples: S[] } | null {
  for (const nearness of ['same', 'model', 'device', 'elsewhere'] as const) {
    const found = samples.filter((sample) => sample.nearness === nearness).slice(0, MOST_SAMPLES)
    if (found.length > 0) return { nearness, samples: found }
  }
  return null
}

/** Median of the samples, with their least and greatest set apart by how far the evidence lies. */
export function combined(ranges: readonly TimeRange[], nearness: Nearness): TimeRange {
  const spread = SPREAD[nearness]
  const sorted = ranges.map(({ seconds }) => seconds).toSorted((a, b) => a - b)
  return {
    seconds: quantile(sorted, 0.5),
    low: Math.min(...ranges.map(({ low }) => low)) / spread,
    high: Math.max(...ranges.map(({ high }) => high)) * spread,
  }
}

export const exactly = (seconds: number): TimeRange => ({ seconds, low: seconds, high: seconds })

export function times(range: TimeRange, factor: TimeRange | number): TimeRange {
  const by = typeof factor === 'number' ? exactly(factor) : factor
  return { seconds: range.seconds * by.seconds, low: range.low * by.low, high: range.high * by.high }
}

export function plus(one: TimeRange, two: TimeRange): TimeRange {
  return { seconds: one.seconds + two.seconds, low: one.low + two.low, high: one.high + two.high }
}

/** A CPU's work is shared by its threads; a run that names its threads gets no more. */
export function threadsOf(params: Params, given: number): number {
  return Math.min(given, Number(params['threads'] ?? given))
}

export function isHere({ hosts }: Machine, run: PastRun): boolean {
  return hosts.size === 0 || hosts.has(run.host)
}

/** Whether two runs have the same values of these parameters. */
export function agree(one: Params, two: Params, names: readonly string[]): boolean {
  return names.every((name) => JSON.stringify(one[name]) === JSON.stringify(two[name]))
}
