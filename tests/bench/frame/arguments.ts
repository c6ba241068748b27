/** The command line of the benches. */
import { parseArgs } from 'node:util'

export const USAGE = `Usage: npm run bench -- NAME [--quick] [--only PART]

  --quick       leave out what takes minutes
  --only PART   run one part of a bench that has parts
  --help        this text

Exit codes: 0 done, 1 failed, 2 bad input.
`

export interface BenchArguments {
  /** null: the list is asked for. */
  name: string | null
  isQuick: boolean
  only: string | null
}

/** A word that means nothing here; the message names it. */
export class ArgumentError extends Error {}

/** @throws ArgumentError at an unknown option or a second name */
export function parseBenchArguments(argv: string[]): BenchArguments {
  const { positionals, values } = parsed(argv)
  const [name = null, ...others] = positionals
  if (others.length > 0) throw new ArgumentError(`one bench at a time; after ${name} came "${others.join(' ')}"`)
  return { name: values.help === true ? null : name, isQuick: values.quick === true, only: values.only ?? null }
}

function parsed(argv: string[]) {
  try {
    return parseArgs({ args: argv, allowPositionals: true, options: { quick: { type: 'boolean' }, only: { type: 'string' }, help: { type: 'boolean', short: 'h' } } })
  } catch (error) {
    throw new ArgumentError(error instanceof Error ? (error.message.split('. To specify')[0] ?? '') : String(error))
  }
}
