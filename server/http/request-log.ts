import { randomUUID } from 'node:crypto'
import type { NextFunction, Request, Response } from 'express'
import { requestContext, type Logger } from '../logger.js'

/** Requests slower than this are worth a line even when they only read. */
const SLOW_MS = 1_000
const GIVEN_ID = /^[\w.-]{1,100}$/

/** Gives every request an id, its own or a new one, under which the answer and all log lines can be found. */
export function logRequests(logger: Logger) {
  return (request: Request, response: Response, next: NextFunction): void => {
    const given = request.headers['x-request-id']
    const requestId = typeof given === 'string' && GIVEN_ID.test(given) ? given : randomUUID()
    response.setHeader('x-request-id', requestId)
    const startedMs = performance.now()
    response.on('finish', () => {
      const durationMs = Math.round(performance.now() - startedMs)
      const isRoutine = response.statusCode < 400 && (request.method === 'GET' || request.path.startsWith('/api/worker/'))
      const isSlow = durationMs > SLOW_MS && !request.path.startsWith('/api/worker/claim') && request.path !== '/api/events'
      logger.write(isRoutine && !isSlow ? 'debug' : 'info', 'request', { method: request.method, path: request.path, status: response.statusCode, durationMs, requestId })
    })
    requestContext.run({ requestId }, next)
  }
}
