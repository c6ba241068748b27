/** What a bench is: a file tests/bench/NAME.ts that exports `bench`. */
import type { Machine } from './machine.js'
import type { Spread } from './samples.js'

export interface Bench {
  /** One line for the list. */
  about: string
  /** What --only may choose, where the bench can run in parts. */
  parts?: readonly string[]
  run(context: BenchContext): Promise<BenchReport>
}

export interface BenchContext {
  /** Leave out what takes minutes. */
  isQuick: boolean
  /** Whether a part of the bench is to run: all of them, or the one that --only names. */
  includes: (part: string) => boolean
  /** A bench adds the versions of its peers. */
  machine: Machine
  say: (line: string) => void
}

export interface BenchReport {
  /** Headline numbers by name. What could not be measured is left out and said in a line, never made up. */
  figures: Record<string, number>
  /** Minimum, median and maximum over the rounds behind a figure, or of a raw measurement with its unit in the name. */
  spreads?: Record<string, Spread>
}

/** The last line of the output, with four significant digits. */
export function finish(name: string, machine: Machine, { figures, spreads = {} }: BenchReport): string {
  return JSON.stringify({ bench: name, machine, figures, spreads }, (_, value: unknown) => (typeof value === 'number' && !Number.isInteger(value) ? Number(value.toPrecision(4)) : value))
}
