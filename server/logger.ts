/* Structured logs: one JSON line per entry on stderr, or a readable line where a person looks on. */
import { AsyncLocalStorage } from 'node:async_hooks'
import type { LoggerService } from '@nestjs/common'

export const LOG_LEVELS = ['debug', 'info', 'warn', 'error'] as const
export type LogLevel = (typeof LOG_LEVELS)[number]

/** The request in whose course a line is written. */
export const requestContext = new AsyncLocalStorage<{ requestId: string }>()

export class Logger implements LoggerService {
  readonly #lowest: number

  constructor(level: LogLevel = 'info') {
    this.#lowest = LOG_LEVELS.indexOf(level)
  }

  write(level: LogLevel, message: string, fields: Record<string, unknown> = {}): void {
    if (LOG_LEVELS.indexOf(level) < this.#lowest) return
    const requestId = requestContext.getStore()?.requestId
    const entry = { time: new Date().toISOString(), level, message, ...(requestId === undefined ? {} : { requestId }), ...fields }
    process.stderr.write(process.stderr.isTTY ? readable(entry) : `${JSON.stringify(entry)}\n`)
  }

  info(message: string, fields?: Record<string, unknown>): void {
    this.write('info', message, fields)
  }

  // The methods below are what Nest calls; its own chatter about modules is for debugging only.
  log(message: unknown): void {
    this.write('debug', String(message))
  }

  warn(message: unknown, fields?: unknown): void {
    this.write('warn', String(message), asFields(fields))
  }

  error(message: unknown, fields?: unknown): void {
    this.write('error', String(message), asFields(fields))
  }

  debug(message: unknown): void {
    this.write('debug', String(message))
  }

  verbose(message: unknown): void {
    this.write('debug', String(message))
  }
}

/** A reporter that writes each message once per `everyMs`, for faults that repeat many times a second. */
export function reportSeldom(logger: Logger, message: string, everyMs: number): (error: Error) => void {
  const toldMs = new Map<string, number>()
  return (error) => {
    const now = Date.now()
    if (now - (toldMs.get(error.message) ?? -Infinity) < everyMs) return
    if (toldMs.size > 100) toldMs.clear()
    toldMs.set(error.message, now)
    logger.warn(message, errorFields(error))
  }
}

/** How an error reads in a log: with its stack and the causes below it. */
export function errorFields(error: unknown): Record<string, unknown> {
  if (!(error instanceof Error)) return { error: String(error) }
  return { error: error.stack ?? error.message, ...(error.cause === undefined ? {} : { cause: errorFields(error.cause) }) }
}

function asFields(fields: unknown): Record<string, unknown> {
  if (fields === undefined) return {}
  return typeof fields === 'object' && fields !== null ? (fields as Record<string, unknown>) : { context: String(fields) }
}

function readable(entry: Record<string, unknown>): string {
  const { time, level, message, ...rest } = entry
  const fields = Object.entries(rest).map(([key, value]) => `${key}=${typeof value === 'string' ? value : JSON.stringify(value)}`)
  return `${String(time).slice(11, 19)} ${String(level)} ${String(message)}${fields.length > 0 ? `  ${fields.join(' ')}` : ''}\n`
}
