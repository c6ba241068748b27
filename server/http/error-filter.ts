import { Catch, HttpException, type ArgumentsHost, type ExceptionFilter } from '@nestjs/common'
import type { Request, Response } from 'express'
import { DatasetError } from '../../datasets/dataset-error.js'
import { fileFault } from '../artifacts/artifact-store.js'
import { AppError, type ErrorBody, type ErrorCode } from '../contracts/index.js'
import { errorFields, Logger, requestContext } from '../logger.js'
import { databaseFault } from '../store/database-error.js'

const CODE_OF_STATUS: Record<number, ErrorCode> = { 400: 'invalid_request', 401: 'unauthorized', 403: 'forbidden', 404: 'not_found', 413: 'too_large', 415: 'unsupported_media_type' }

/** The one place where a failure becomes an answer: expected ones speak for themselves, all others say only where to look. */
@Catch()
export class ErrorFilter implements ExceptionFilter {
  constructor(private readonly logger: Logger) {}

  catch(error: unknown, host: ArgumentsHost): void {
    const http = host.switchToHttp()
    this.answer(error, http.getRequest<Request>(), http.getResponse<Response>())
  }

  answer(error: unknown, request: Request, response: Response): void {
    const requestId = requestContext.getStore()?.requestId ?? String(response.getHeader('x-request-id') ?? '')
    const known = toAppError(error, request)
    if (known.status >= 500) this.logger.error(`${request.method} ${request.path} failed`, { code: known.code, requestId, ...errorFields(error) })
    if (response.headersSent) {
      // Half an answer is out: breaking the connection is the only way left to say that it failed.
      response.destroy()
      return
    }
    const body: ErrorBody = { error: { code: known.code, message: known.message, ...(known.problems === undefined ? {} : { problems: known.problems }), requestId } }
    response.status(known.status).json(body)
  }
}

function toAppError(error: unknown, request: Request): AppError {
  if (error instanceof AppError) return error
  if (error instanceof DatasetError) return fromDataset(error)
  return databaseFault(error) ?? fileFault(error) ?? fromHttp(error, request) ?? new AppError('internal', 'Something failed inside the server. Its log tells what, under this request id.', { cause: error })
}

function fromDataset(error: DatasetError): AppError {
  const isUnknown = error.code === 'dataset_unknown' || error.code === 'split_unknown'
  const { file, line, field, allowed } = error.details
  const problems = [{ path: [file, field].filter(Boolean).join(': '), ...(line === undefined ? {} : { line }), message: error.message, ...(allowed === undefined ? {} : { allowed: allowed.join(', ') }) }]
  return new AppError(isUnknown ? 'not_found' : 'dataset_invalid', error.message, { problems, cause: error })
}

/** Failures of the framework and of reading a body carry a status of their own. */
function fromHttp(error: unknown, request: Request): AppError | null {
  const { status, type, message } = describe(error)
  if (status === undefined || status >= 500) return null
  const code = CODE_OF_STATUS[status] ?? 'invalid_request'
  if (status === 413) return new AppError('too_large', `The body of ${request.method} ${request.path} is larger than this path takes. Send it in smaller pieces.`)
  if (type === 'entity.parse.failed') return new AppError('invalid_request', `The body is not valid JSON: ${message}.`)
  if (code === 'not_found') return new AppError('not_found', `There is no ${request.method} ${request.path}. GET /api/docs lists every path.`)
  return new AppError(code, message)
}

function describe(error: unknown): { status: number | undefined; type: string | undefined; message: string } {
  if (error instanceof HttpException) return { status: error.getStatus(), type: undefined, message: error.message }
  const fields = error as { status?: unknown; type?: unknown; message?: unknown } | null
  return {
    status: typeof fields?.status === 'number' && typeof fields.type === 'string' ? fields.status : undefined,
    type: typeof fields?.type === 'string' ? fields.type : undefined,
    message: String(fields?.message ?? ''),
  }
}
