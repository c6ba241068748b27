// Bytes of files of weights: written whole or not at all, and read at a place, however many there are.

import { closeSync, fsyncSync, openSync, readSync, renameSync, rmSync, statSync, writeSync } from 'node:fs'
import { randomBytes } from 'node:crypto'
import { dirname } from 'node:path'
import { EngineError } from '../engine-error.js'

/** Of one call to the system, which takes no more than 2 GiB. */
const IO_CHUNK_BYTES = 1 << 28

/** Writes the parts to a temporary file beside `path`, syncs it and renames it, so a reader never sees half a file. */
export function writeAtomically(path: string, parts: Iterable<ArrayBufferView>): void {
  const temporary = `${path}.${process.pid}-${randomBytes(4).toString('hex')}.tmp`
  const fd = openSync(temporary, 'wx')
  try {
    for (const part of parts) writeFully(fd, part)
    fsyncSync(fd)
  } catch (error) {
    closeSync(fd)
    rmSync(temporary, { force: true })
    throw error
  }
  closeSync(fd)
  renameSync(temporary, path)
  const folder = openSync(dirname(path), 'r')
  try {
    fsyncSync(folder)
  } finally {
    closeSync(folder)
  }
}

function writeFully(fd: number, part: ArrayBufferView): void {
  const bytes = new Uint8Array(part.buffer, part.byteOffset, part.byteLength)
  let written = 0
  while (written < bytes.length) written += writeSync(fd, bytes, written, Math.min(IO_CHUNK_BYTES, bytes.length - written))
}

/** A file of weights, opened. Throws `file_unreadable`. */
export function openForRead(path: string): number {
  try {
    if (!statSync(path).isFile()) throw new Error('it is not a file')
    return openSync(path, 'r')
  } catch (cause) {
    throw new EngineError('file_unreadable', `cannot open the weights file ${path}: ${cause instanceof Error ? cause.message : String(cause)}`, { path }, cause)
  }
}

/** Fills `target` from `position` of the file on. Throws `weights_invalid` where the file ends before. */
export function readFully(fd: number, target: Uint8Array, position: number, path: string): void {
  let done = 0
  while (done < target.length) {
    const count = readSync(fd, target, done, Math.min(IO_CHUNK_BYTES, target.length - done), position + done)
    if (count === 0) throw new EngineError('weights_invalid', `weights file ${path}: ended at byte ${position + done} while ${target.length - done} more bytes were due; it changed while being read`, { path })
    done += count
  }
}
