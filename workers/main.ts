/* Entry of a worker: arguments, signals, exit codes. 0: stopped as asked · 1: refused or broken · 2: bad arguments. */
import { hostname } from 'node:os'
import { ArgumentError, parseWorkerArguments, USAGE } from './arguments.js'
import { defaultThreads } from './devices.js'
import { findPlaces } from './places.js'
import { ServerClient } from './server-client.js'
import { Worker, WorkerRefused } from './worker.js'

async function main(argv: string[]): Promise<number> {
  const parsed = parseWorkerArguments(argv, process.env)
  if (parsed === 'help') {
    console.log(USAGE)
    return 0
  }
  const stop = new AbortController()
  const name = parsed.name ?? `${hostname().replace(/[^\w.-]/g, '-')}:${process.pid}`
  const log = (message: string): void => console.log(`[worker ${name}] ${message}`)
  for (const signal of ['SIGINT', 'SIGTERM'] as const) {
    process.on(signal, () => {
      if (stop.signal.aborted) return
      log(`${signal}: stopping`)
      stop.abort()
    })
  }
  // A worker started by a server ends with it, even when the server had no time to say so.
  if (process.connected) process.on('disconnect', () => stop.abort())

  const threads = parsed.threads ?? defaultThreads()
  const client = new ServerClient({ baseUrl: parsed.server, token: parsed.token })
  const worker = new Worker({
    client,
    name,
    threads,
    parallel: parsed.parallel ?? threads,
    places: findPlaces(),
    childModule: new URL('./child.js', import.meta.url),
    probeModule: new URL('./device-probe.js', import.meta.url),
    throughputModule: new URL('./throughput-probe.js', import.meta.url),
    stop: stop.signal,
    log,
  })
  log(`works for ${parsed.server}`)
  await worker.work()
  log('stopped')
  return 0
}

try {
  process.exit(await main(process.argv.slice(2)))
} catch (error) {
  if (error instanceof ArgumentError) {
    console.error(`${error.message}\n\n${USAGE}`)
    process.exit(2)
  }
  console.error(error instanceof WorkerRefused ? error.message : error)
  process.exit(1)
}
