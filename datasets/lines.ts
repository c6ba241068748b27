/*
 * The lines of a JSONL file, one at a time, so that a corpus larger than memory can be read.
 * Splits on bytes and decodes line by line: a byte that is not UTF-8 is reported at its own line.
 */
import { createReadStream } from 'node:fs'
import { isAbsolute, relative, sep } from 'node:path'
import { DatasetError } from './dataset-error.js'

const NEWLINE = 0x0a
/** A line above this is a file that is not JSONL; reading on would only fill the memory. */
const MAX_LINE_BYTES = 64 * 1024 * 1024

export interface NumberedLine {
  /** Counted from 1, blank lines included. */
  number: number
  text: string
}

/** The path as a person would write it: relative to the current folder where the file lies below it. */
export function shownPath(path: string): string {
  const short = relative(process.cwd(), path)
  if (short === '' || short.startsWith('..') || isAbsolute(short)) return path
  return short.split(sep).join('/')
}

/**
 * Yields every line that is not blank.
 * @throws {DatasetError} `dataset_file` when the file cannot be read, `dataset_line` on bytes that are not UTF-8.
 */
export async function* readLines(path: string): AsyncGenerator<NumberedLine> {
  let number = 0
  let pending: Buffer[] = []
  let pendingBytes = 0
  const take = (last: Buffer): NumberedLine => {
    number += 1
    const bytes = pending.length === 0 ? last : Buffer.concat([...pending, last])
    pending = []
    pendingBytes = 0
    return { number, text: decodeLine(bytes, path, number) }
  }
  for await (const chunk of chunksOf(path)) {
    let start = 0
    for (let end = chunk.indexOf(NEWLINE); end !== -1; end = chunk.indexOf(NEWLINE, start)) {
      const line = take(chunk.subarray(start, end))
      if (line.text.trim() !== '') yield line
      start = end + 1
    }
    pending.push(chunk.subarray(start))
    pendingBytes += chunk.length - start
    if (pendingBytes > MAX_LINE_BYTES) throw tooLong(path, number + 1)
  }
  if (pendingBytes > 0) {
    const line = take(Buffer.alloc(0))
    if (line.text.trim() !== '') yield line
  }
}

async function* chunksOf(path: string): AsyncGenerator<Buffer> {
  try {
    for await (const chunk of createReadStream(path, { highWaterMark: 1 << 20 })) yield chunk as Buffer
  } catch (cause) {
    const file = shownPath(path)
    const why = cause instanceof Error ? cause.message : String(cause)
    throw new DatasetError('dataset_file', `${file}: cannot be read (${why}); put the file there, or correct its name in dataset.yaml`, { file })
  }
}

/** Also drops a byte order mark at the start of the file. */
const decoder = new TextDecoder('utf-8', { fatal: true })

function decodeLine(bytes: Buffer, path: string, line: number): string {
  try {
    return decoder.decode(bytes)
  } catch {
    const file = shownPath(path)
    throw new DatasetError('dataset_line', `${file}:${line}: the line is not UTF-8; save the file as UTF-8`, { file, line })
  }
}

function tooLong(path: string, line: number): DatasetError {
  const file = shownPath(path)
  return new DatasetError('dataset_line', `${file}:${line}: the line is longer than ${MAX_LINE_BYTES / 2 ** 20} MiB; write one JSON object per line`, { file, line })
}
