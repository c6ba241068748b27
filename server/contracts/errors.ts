import { z } from 'zod'

/** Every error code of the product and the HTTP status it answers with. */
export const ERROR_STATUS = {
  invalid_request: 400,
  invalid_spec: 400,
  unauthorized: 401,
  forbidden: 403,
  not_found: 404,
  conflict: 409,
  fenced: 409,
  too_large: 413,
  unsupported_media_type: 415,
  dataset_invalid: 422,
  storage_full: 507,
  unavailable: 503,
  internal: 500,
} as const

export const ErrorCodeSchema = z.enum(Object.keys(ERROR_STATUS) as [ErrorCode, ...ErrorCode[]])
export type ErrorCode = keyof typeof ERROR_STATUS

/** One thing wrong with an input: where it is, what was seen and what would be right. */
export const ProblemSchema = z.object({
  path: z.string().describe('where in the document, for example axes.rank[2]'),
  line: z.number().int().positive().optional().describe('line in the file, counted from 1'),
  message: z.string(),
  seen: z.string().optional(),
  allowed: z.string().optional(),
})
export type Problem = z.infer<typeof ProblemSchema>

/** The body of every answer that is not a success. */
export const ErrorBodySchema = z.object({
  error: z.object({
    code: ErrorCodeSchema,
    message: z.string(),
    problems: z.array(ProblemSchema).optional(),
    requestId: z.string(),
  }),
})
export type ErrorBody = z.infer<typeof ErrorBodySchema>

/** An expected failure: its message tells the reader what happened, with which value, and what to do. */
export class AppError extends Error {
  readonly code: ErrorCode
  readonly problems: Problem[] | undefined

  constructor(code: ErrorCode, message: string, options: { problems?: Problem[]; cause?: unknown } = {}) {
    super(message, { cause: options.cause })
    this.name = 'AppError'
    this.code = code
    this.problems = options.problems
  }

  get status(): number {
    return ERROR_STATUS[this.code]
  }
}
