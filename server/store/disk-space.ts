import { statfs } from 'node:fs/promises'
import { AppError } from '../contracts/index.js'

/**
 * Kept free for the embedded database: on a disk without a byte left it cannot extend its
 * write-ahead log (16 MiB at a time) and would hang, so writes are refused well before.
 */
const RESERVED_BYTES = 64 * 1024 * 1024

/** Throws `storage_full` when the disk of `folder` has less than the reserve left. */
export async function assertDiskSpace(folder: string, reservedBytes = RESERVED_BYTES): Promise<void> {
  const { bavail, bsize } = await statfs(folder)
  const freeBytes = bavail * bsize
  if (freeBytes >= reservedBytes) return
  throw new AppError('storage_full', `The disk is nearly full: ${inMiB(freeBytes)} MiB are free where ${folder} is, and ${inMiB(reservedBytes)} MiB must stay free. Nothing was written, and what was stored before is whole. Free some space; then the work goes on.`)
}

function inMiB(bytes: number): number {
  return Math.floor(bytes / 1024 / 1024)
}
