import type { NestExpressApplication } from '@nestjs/platform-express'
import type { IncomingMessage } from 'node:http'

/** Batches of examples carry whole prompts and answers. */
const WORKER_LIMIT = '64mb'
/** Imported results are all the prompts and answers of whole evaluations. */
const IMPORT_LIMIT = '256mb'
const LIMIT = '1mb'

const pathOf = (request: IncomingMessage): string => (request.url ?? '').split('?')[0] ?? ''
const isJson = (request: IncomingMessage): boolean => /^application\/([\w.-]+\+)?json\b/i.test(request.headers['content-type'] ?? '')
const isExperimentFile = (request: IncomingMessage): boolean => request.method === 'POST' && /^\/api\/(experiments(\/estimate)?|(experiments|runs)\/[^/]+\/rescore)\/?$/.test(pathOf(request))
const isWorkerCall = (request: IncomingMessage): boolean => pathOf(request).startsWith('/api/worker/')
const isImport = (request: IncomingMessage): boolean => request.method === 'POST' && /^\/api\/import\/?$/.test(pathOf(request))
/** Uploads of workers are streams, whatever type they name. */
const isUpload = (request: IncomingMessage): boolean => request.method === 'PUT' && isWorkerCall(request)

/** An experiment file stays text, so that problems can name its lines; all else is JSON. */
export function readBodies(app: NestExpressApplication): void {
  app.useBodyParser('text', { limit: LIMIT, type: isExperimentFile })
  app.useBodyParser('json', { limit: WORKER_LIMIT, type: (request: IncomingMessage) => isJson(request) && isWorkerCall(request) && !isUpload(request) })
  app.useBodyParser('json', { limit: IMPORT_LIMIT, type: (request: IncomingMessage) => isJson(request) && isImport(request) })
  app.useBodyParser('json', { limit: LIMIT, type: (request: IncomingMessage) => isJson(request) && !isWorkerCall(request) && !isExperimentFile(request) && !isImport(request) })
}
