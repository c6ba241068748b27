import { AppError } from '../contracts/index.js'

const DISK_FULL = /\b53100\b|ENOSPC|no space left on device|disk full/i
const UNREACHABLE = /ECONNREFUSED|ECONNRESET|ENOTFOUND|Can't reach database|connection terminated|too many clients/i
/** SQLSTATE of unique_violation, and Prisma's names for it. */
const DUPLICATE = /\b23505\b|\bP2002\b|UniqueConstraintViolation/

/**
 * What a failure of the database means for the user, or null when it means nothing known.
 * Drivers and Prisma wrap one another, so the whole chain of causes is read.
 */
export function databaseFault(error: unknown): AppError | null {
  const text = describeChain(error)
  if (DISK_FULL.test(text)) {
    return new AppError('storage_full', 'The disk is full: nothing was written, and what was stored before is whole. Free some space and try again.', { cause: error })
  }
  if (UNREACHABLE.test(text)) {
    return new AppError('unavailable', 'The database does not answer. Check that PostgreSQL runs and that DATABASE_URL is right; then try again.', { cause: error })
  }
  return null
}

/** Whether a row was refused because another has its key. */
export function isDuplicate(error: unknown): boolean {
  return DUPLICATE.test(describeChain(error))
}

function describeChain(error: unknown): string {
  const parts: string[] = []
  let current: unknown = error
  for (let depth = 0; depth < 8 && current !== null && typeof current === 'object'; depth += 1) {
    const fields = current as { code?: unknown; message?: unknown; meta?: unknown; originalMessage?: unknown; cause?: unknown }
    parts.push(String(fields.code ?? ''), String(fields.message ?? ''), String(fields.originalMessage ?? ''))
    if (fields.meta !== undefined) parts.push(safeJson(fields.meta))
    current = fields.cause
  }
  return parts.join(' ')
}

function safeJson(value: unknown): string {
  try {
    return JSON.stringify(value) ?? ''
  } catch {
    // A cyclic or BigInt-holding detail: the messages around it say enough.
    return ''
  }
}
