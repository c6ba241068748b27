import { parseArgs } from 'node:util'

export const USAGE = `Usage: worker --server URL [--token T] [--name N] [--threads N] [--parallel N]

  --server URL   the server to work for, for example http://127.0.0.1:4400
  --token T      the server's worker token (or environment variable BANCADA_TOKEN)
  --name N       how the worker is shown; left out: host and process id
  --threads N    CPU threads the worker may use; left out: all
  --parallel N   runs side by side when several wait, sharing the threads; left out: as many as threads
  --help         this text`

export interface WorkerArguments {
  server: string
  token: string | null
  name: string | null
  threads: number | null
  parallel: number | null
}

/** Says which argument is wrong, what was seen and what would be right. */
export class ArgumentError extends Error {
  constructor(message: string) {
    super(message)
    this.name = 'ArgumentError'
  }
}

export function parseWorkerArguments(argv: string[], env: NodeJS.ProcessEnv): WorkerArguments | 'help' {
  const values = readOptions(argv)
  if (values.help === true) return 'help'
  if (values.server === undefined) throw new ArgumentError('--server is missing; give the address of the server, for example --server http://127.0.0.1:4400')
  const url = URL.canParse(values.server) ? new URL(values.server) : null
  if (url === null || !['http:', 'https:'].includes(url.protocol)) throw new ArgumentError(`--server is "${values.server}"; give a URL such as http://127.0.0.1:4400`)
  if (values.name !== undefined && !/^[\w.:-]{1,100}$/.test(values.name)) throw new ArgumentError(`--name is "${values.name}"; use up to 100 letters, digits and . : _ -`)
  return {
    server: values.server.replace(/\/+$/, ''),
    token: values.token ?? env['BANCADA_TOKEN'] ?? null,
    name: values.name ?? null,
    threads: values.threads === undefined ? null : readCount('--threads', values.threads),
    parallel: values.parallel === undefined ? null : readCount('--parallel', values.parallel),
  }
}

function readOptions(argv: string[]): { server?: string; token?: string; name?: string; threads?: string; parallel?: string; help?: boolean } {
  try {
    return parseArgs({
      args: argv,
      options: { server: { type: 'string' }, token: { type: 'string' }, name: { type: 'string' }, threads: { type: 'string' }, parallel: { type: 'string' }, help: { type: 'boolean', short: 'h' } },
    }).values
  } catch (cause) {
    throw new ArgumentError(cause instanceof Error ? cause.message : String(cause))
  }
}

function readCount(option: string, text: string): number {
  const count = Number(text)
  if (!Number.isInteger(count) || count < 1) throw new ArgumentError(`${option} is "${text}"; give a whole number from 1 up`)
  return count
}
