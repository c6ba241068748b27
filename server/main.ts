/* The server's process: arguments, signals, exit codes. What a server is made of is in start.ts. */
import { AppError } from './contracts/index.js'
import { errorFields, Logger } from './logger.js'
import { HELP, readSettings } from './settings.js'
import { startServer, type RunningServer } from './start.js'
import { databaseFault } from './store/database-error.js'

/** A shutdown that takes longer than this is stuck; what is stored is whole anyhow. */
const SHUTDOWN_MS = 8_000

async function main(): Promise<void> {
  const settings = readSettings(process.argv.slice(2), process.env)
  if (settings === null) {
    process.stdout.write(HELP)
    return
  }
  const logger = new Logger(settings.logLevel)
  const server = await startServer(settings, logger)
  process.stdout.write(`Bancada is ready at ${server.url}\n`)
  for (const signal of ['SIGINT', 'SIGTERM'] as const) process.on(signal, () => void stop(server, logger))
  process.on('unhandledRejection', (error) => logger.error('a promise failed unheard', errorFields(error)))
}

let isStopping = false

async function stop(server: RunningServer, logger: Logger): Promise<void> {
  if (isStopping) return
  isStopping = true
  const stuck = setTimeout(() => process.exit(1), SHUTDOWN_MS)
  stuck.unref()
  try {
    await server.close()
    process.exit(0)
  } catch (error) {
    logger.error('the server did not stop cleanly', errorFields(error))
    process.exit(1)
  }
}

main().catch((error: unknown) => {
  const known = error instanceof AppError ? error : databaseFault(error)
  process.stderr.write(known === null ? `Bancada could not start: ${error instanceof Error ? (error.stack ?? error.message) : String(error)}\n` : `${known.message}\n`)
  process.exit(1)
})
