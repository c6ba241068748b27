/* What a server is told from outside: arguments, environment, and where its files are. */
import { createHash } from 'node:crypto'
import { existsSync, readFileSync } from 'node:fs'
import { hostname } from 'node:os'
import { dirname, join, resolve } from 'node:path'
import { parseArgs } from 'node:util'
import { fileURLToPath } from 'node:url'
import { AppError } from './contracts/index.js'
import { type LogLevel, LOG_LEVELS } from './logger.js'

export interface Settings {
  host: string
  port: number
  /** Where everything is kept that must outlive the server. */
  home: string
  /** The folder of the repository: prisma/, datasets/, models/, experiments/. */
  root: string
  databaseUrl: string | undefined
  redisUrl: string | undefined
  token: string | undefined
  withWorker: boolean
  withExamples: boolean
  /** The least that is logged. */
  logLevel: LogLevel
  heartbeatMs: number
  /** A run whose worker was silent for this long is given to another one. */
  staleMs: number
  version: string
}

export const SETTINGS = Symbol('Settings')

/** What the server runs on. */
export interface Machinery {
  database: 'pglite' | 'postgresql'
  queue: 'pg-boss' | 'bullmq'
}

export const MACHINERY = Symbol('Machinery')

export const HELP = `Bancada: a workbench for LLM experiments.

Usage: npm start -- [options]

  --port N        port to listen on (default 4400, or PORT)
  --no-examples   do not queue the shipped experiments when the workbench is empty
  --no-worker     do not start the local worker
  --help          show this text

Environment:
  PORT            port to listen on
  HOST            address to listen on (default 127.0.0.1; any other needs BANCADA_TOKEN)
  BANCADA_HOME    folder of the data (default .bancada)
  BANCADA_TOKEN   secret that every request must show, as "Authorization: Bearer …" or by /?token=…
  BANCADA_PACKAGES  folder whose node_modules holds optional packages (default BANCADA_HOME)
  LOG_LEVEL       debug, info, warn or error (default info)
  DATABASE_URL    PostgreSQL instead of the embedded database
  REDIS_URL       Redis for the queue instead of the database
`

const LOOPBACK = new Set(['127.0.0.1', '::1', 'localhost'])

export function isLoopback(host: string): boolean {
  return LOOPBACK.has(host)
}

/** Reads arguments and environment; refuses what it does not know, with the mend. Null: help was asked for. */
export function readSettings(args: string[], env: NodeJS.ProcessEnv): Settings | null {
  const options = readArguments(args)
  if (options.help === true) return null
  const { databaseUrl, redisUrl } = readServices(env)
  const host = env['HOST'] || '127.0.0.1'
  const token = env['BANCADA_TOKEN'] || undefined
  if (!isLoopback(host) && token === undefined) {
    throw new AppError('invalid_request', `HOST is "${host}", which other machines can reach, and there is no login. Set BANCADA_TOKEN to a secret of your own, or leave HOST out to listen on 127.0.0.1 only.`)
  }
  const root = findRoot()
  return {
    host,
    port: readPort(options.port ?? env['PORT'] ?? '4400'),
    home: resolve(env['BANCADA_HOME'] || '.bancada'),
    root,
    databaseUrl,
    redisUrl,
    token,
    withWorker: options['no-worker'] !== true,
    withExamples: options['no-examples'] !== true,
    logLevel: readLogLevel(env['LOG_LEVEL'] || 'info'),
    heartbeatMs: 2_000,
    staleMs: 15_000,
    version: readVersion(root),
  }
}

/** Folders in which datasets are looked for; the user's own come last, the shipped ones win. */
export function datasetRoots(settings: Settings): string[] {
  return [join(settings.root, 'datasets'), join(settings.home, 'datasets')]
}

/** The name of the worker that this server starts: the same after every restart with the same data. */
export function localWorkerName(settings: Settings): string {
  const home = createHash('sha256').update(settings.home).digest('hex').slice(0, 8)
  return `local:${hostname().replaceAll(/[^\w.-]/g, '-').slice(0, 60)}:${home}`
}

function readArguments(args: string[]): { help?: boolean; port?: string; 'no-worker'?: boolean; 'no-examples'?: boolean } {
  try {
    return parseArgs({
      args,
      options: { help: { type: 'boolean', short: 'h' }, port: { type: 'string' }, 'no-worker': { type: 'boolean' }, 'no-examples': { type: 'boolean' } },
    }).values
  } catch (error) {
    throw new AppError('invalid_request', `${error instanceof Error ? error.message.split('. To specify')[0] : String(error)}. Options are --port N, --no-examples, --no-worker and --help.`, { cause: error })
  }
}

function readServices(env: NodeJS.ProcessEnv): { databaseUrl: string | undefined; redisUrl: string | undefined } {
  if (env['ARTIFACTS_URL']) {
    throw new AppError('invalid_request', 'ARTIFACTS_URL is set, but a bucket for artifacts is not supported yet: files are kept in BANCADA_HOME/artifacts. Unset ARTIFACTS_URL.')
  }
  const databaseUrl = env['DATABASE_URL'] || undefined
  if (databaseUrl !== undefined && !/^postgres(ql)?:\/\//.test(databaseUrl)) {
    throw new AppError('invalid_request', `DATABASE_URL must begin with postgresql:// (or postgres://); it begins with "${databaseUrl.split(':')[0]}:". Unset it to use the embedded database.`)
  }
  const redisUrl = env['REDIS_URL'] || undefined
  if (redisUrl !== undefined && !/^rediss?:\/\//.test(redisUrl)) {
    throw new AppError('invalid_request', `REDIS_URL must begin with redis:// (or rediss://); it begins with "${redisUrl.split(':')[0]}:". Unset it to use the queue in the database.`)
  }
  return { databaseUrl, redisUrl }
}

function readPort(text: string): number {
  const port = Number(text)
  if (Number.isInteger(port) && port >= 0 && port <= 65_535 && text.trim() !== '') return port
  throw new AppError('invalid_request', `The port is "${text}"; it must be a whole number from 0 to 65535 (0: any free one).`)
}

function readLogLevel(text: string): LogLevel {
  const level = LOG_LEVELS.find((known) => known === text)
  if (level !== undefined) return level
  throw new AppError('invalid_request', `LOG_LEVEL is "${text}"; it must be one of ${LOG_LEVELS.join(', ')}.`)
}

/** The server runs compiled, two folders below the repository, or as source in tests, one below. */
function findRoot(): string {
  let folder = dirname(fileURLToPath(import.meta.url))
  while (!existsSync(join(folder, 'package.json'))) {
    const parent = dirname(folder)
    if (parent === folder) throw new AppError('internal', 'The folder of Bancada (with package.json and prisma/) was not found above the server; was it moved?')
    folder = parent
  }
  return folder
}

function readVersion(root: string): string {
  const manifest = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')) as { version: string }
  return manifest.version
}
