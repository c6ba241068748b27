/*
 * Puts a server together and takes it apart again: lock, database, queue, application, worker,
 * and in the opposite order. Nothing here knows arguments or signals; main.ts does.
 */
import 'reflect-metadata'
import { existsSync } from 'node:fs'
import { readFile } from 'node:fs/promises'
import { createServer } from 'node:net'
import { join } from 'node:path'
import { NestFactory } from '@nestjs/core'
import type { NestExpressApplication } from '@nestjs/platform-express'
import type { NextFunction, Request, Response } from 'express'
import { AppModule } from './app.module.js'
import { Closers } from './closers.js'
import { AppError } from './contracts/index.js'
import { ExperimentsService } from './experiments/experiments.service.js'
import { HomeLock } from './home-lock.js'
import { guardAccess } from './http/access.js'
import { compressAnswers } from './http/compression.js'
import { ErrorFilter } from './http/error-filter.js'
import { serveOpenApi } from './http/openapi.js'
import { readBodies } from './http/request-bodies.js'
import { logRequests } from './http/request-log.js'
import { SchemaPipe } from './http/schema-pipe.js'
import { serveWebApp } from './http/web-app.js'
import { errorFields, Logger, reportSeldom } from './logger.js'
import { openQueue } from './queue/open-queue.js'
import type { RunQueue } from './queue/run-queue.js'
import { localWorkerName, type Settings } from './settings.js'
import { Database } from './store/database.js'
import { ExperimentStore } from './store/experiment-store.js'
import { LocalWorker } from './system/local-worker.js'
import { Recovery } from './system/recovery.js'
import { Watch } from './system/watch.js'
import { Claims } from './worker/claims.js'

export interface RunningServer {
  url: string
  app: NestExpressApplication
  close(): Promise<void>
}

const EXAMPLES = ['lora-rank-sweep.yaml', 'prompt-few-shot.yaml', 'rag-chunk-size.yaml']
/** A queue that is away fails at every try to reach it. */
const QUEUE_FAULT_MS = 30_000
/** Within this the local worker gives its run back; then it is ended, and its run is queued all the same. */
const WORKER_PATIENCE_MS = 3_000

export async function startServer(settings: Settings, logger = new Logger(settings.logLevel)): Promise<RunningServer> {
  // What was opened is closed in the opposite order, also when a later step fails.
  const closers = new Closers()
  try {
    await assertFreePort(settings)
    const lock = await HomeLock.take(settings.home, urlOf(settings, settings.port))
    closers.add(() => lock.release())
    const database = await Database.open({ folder: join(settings.home, 'db'), url: settings.databaseUrl, migrationsFolder: join(settings.root, 'prisma/migrations') })
    closers.add(() => database.close())
    const queue = await openQueue({ redisUrl: settings.redisUrl, database }, reportSeldom(logger, 'the queue reports a fault', QUEUE_FAULT_MS))
    closers.add(() => queue.close())
    const app = await createApp(settings, { logger, database, queue })
    closers.add(() => app.close())
    const url = await listen(app, settings)
    await beginWork(app, settings, closers, { url, logger })
    return { url, app, close: () => closers.close() }
  } catch (error) {
    // What made the start fail is the news; a failure to close after it is not.
    await closers.close().catch((second: unknown) => logger.warn('not everything could be closed', errorFields(second)))
    throw error
  }
}

async function createApp(settings: Settings, opened: { logger: Logger; database: Database; queue: RunQueue }): Promise<NestExpressApplication> {
  const { logger } = opened
  const app = await NestFactory.create<NestExpressApplication>(AppModule.of({ settings, ...opened }), { logger, bodyParser: false, abortOnError: false })
  const failures = new ErrorFilter(logger)
  app.set('case sensitive routing', true)
  app.set('etag', false)
  app.disable('x-powered-by')
  app.use(logRequests(logger))
  const guard = guardAccess(settings)
  app.use((request: Request, response: Response, next: NextFunction) => {
    try {
      guard(request, response, next)
    } catch (error) {
      failures.answer(error, request, response)
    }
  })
  app.use(compressAnswers)
  serveWebApp(app, join(settings.root, 'dist/web'))
  readBodies(app)
  app.useGlobalPipes(new SchemaPipe())
  app.useGlobalFilters(failures)
  serveOpenApi(app, settings.version)
  await app.init()
  return app
}

/** Asked first of all, because opening the database takes seconds. */
async function assertFreePort(settings: Settings): Promise<void> {
  const probe = createServer()
  try {
    await new Promise<void>((resolve, reject) => {
      probe.once('error', reject)
      probe.listen(settings.port, settings.host, resolve)
    })
  } catch (error) {
    throw portFault(error, settings) ?? error
  } finally {
    probe.close()
  }
}

function portFault(error: unknown, { port, host }: Settings): AppError | null {
  const code = (error as NodeJS.ErrnoException).code
  if (code === 'EADDRINUSE') return new AppError('conflict', `Port ${port} is in use, perhaps by another Bancada: see http://127.0.0.1:${port}. Choose another port: npm start -- --port ${port + 1} (or set PORT).`, { cause: error })
  if (code === 'EACCES') return new AppError('forbidden', `Port ${port} may not be used by this user. Choose one above 1023: npm start -- --port 4400.`, { cause: error })
  if (code === 'EADDRNOTAVAIL' || code === 'ENOTFOUND') return new AppError('invalid_request', `HOST is "${host}", which is no address of this machine. Leave it out to listen on 127.0.0.1.`, { cause: error })
  return null
}

async function listen(app: NestExpressApplication, settings: Settings): Promise<string> {
  try {
    await app.listen(settings.port, settings.host)
  } catch (error) {
    throw portFault(error, settings) ?? error
  }
  const address = app.getHttpServer().address() as { port: number }
  return urlOf(settings, address.port)
}

function urlOf(settings: Settings, port: number): string {
  const host = settings.host === '0.0.0.0' || settings.host === '::' ? '127.0.0.1' : settings.host
  return `http://${host.includes(':') ? `[${host}]` : host}:${port}`
}

/** From here on runs move: what earlier faults left is mended, and the local worker begins. */
async function beginWork(app: NestExpressApplication, settings: Settings, closers: Closers, { url, logger }: { url: string; logger: Logger }): Promise<void> {
  const watch = app.get(Watch, { strict: false })
  const claims = app.get(Claims, { strict: false })
  const name = localWorkerName(settings)
  // The folder is ours alone, so a local worker of an earlier start is dead or about to be.
  await watch.workerDied(name)
  await app.get(Recovery, { strict: false }).sendLost()
  watch.start()
  if (settings.withExamples) await queueExamples(app, settings)
  closers.add(async () => {
    claims.close()
    app.getHttpServer().closeIdleConnections()
    await endStreams(app)
  })
  if (!settings.withWorker) return
  const worker = new LocalWorker({ url, name, token: settings.token, logger, onDeath: (dead) => watch.workerDied(dead) })
  worker.start()
  closers.add(async () => {
    claims.close()
    await worker.stop(WORKER_PATIENCE_MS)
    await watch.workerDied(name)
  })
}

/** Event streams never end by themselves, and a server closes only when its connections have. */
async function endStreams(app: NestExpressApplication): Promise<void> {
  const server = app.getHttpServer()
  const force = setTimeout(() => server.closeAllConnections(), 200)
  force.unref()
}

async function queueExamples(app: NestExpressApplication, settings: Settings): Promise<void> {
  if (!(await app.get(ExperimentStore, { strict: false }).isEmpty())) return
  const experiments = app.get(ExperimentsService, { strict: false })
  for (const name of EXAMPLES) {
    const path = join(settings.root, 'experiments', name)
    if (!existsSync(path)) throw new AppError('internal', `The shipped experiment ${path} is missing. Restore it, or start with --no-examples.`)
    await experiments.create({ text: await readFile(path, 'utf8'), format: 'yaml' })
  }
}
