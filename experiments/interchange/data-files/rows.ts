/* Rows of a user's own data file: JSON Lines, a JSON list, CSV, TSV, or the paragraphs of a plain text. */
import { extname } from 'node:path'
import { readCsv } from '../csv.js'
import { type Place, refuse } from '../source-file.js'

/** A file as it lies: nothing is known of its encoding yet. */
export interface DataFile {
  path: string
  bytes: Uint8Array
}

export interface Row {
  /** Its line; of a JSON list, whose rows have no lines of their own, its number. */
  place: Place
  fields: Record<string, unknown>
}

export const DATA_ENDINGS = ['.jsonl', '.ndjson', '.json', '.csv', '.tsv', '.txt'] as const

/** The text of a file, without a byte order mark. @throws {AppError} naming the first line that is not UTF-8 */
export function textOf({ path, bytes }: DataFile): string {
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(bytes)
  } catch {
    return refuse({ path, line: firstBrokenLine(bytes) }, '', 'the line is not UTF-8; save the file as UTF-8 (iconv -f latin1 -t utf-8)')
  }
}

/** @throws {AppError} naming file and line */
export function rowsOf(path: string, text: string): Row[] {
  const ending = extname(path).toLowerCase()
  if (ending === '.jsonl' || ending === '.ndjson') return jsonLines(path, text)
  if (ending === '.json') return jsonList(path, text)
  if (ending === '.csv' || ending === '.tsv') return table(path, text, ending === '.tsv' ? '\t' : separatorOf(text))
  if (ending === '.txt') return paragraphs(path, text)
  return refuse({ path }, '', `a data file ends in ${DATA_ENDINGS.join(', ')}`, ending)
}

/** @throws {AppError} where the text is no JSON */
export function parsed(path: string, text: string, line?: number): unknown {
  try {
    return JSON.parse(text)
  } catch (cause) {
    return refuse({ path, ...(line === undefined ? {} : { line }) }, '', `not JSON: ${cause instanceof Error ? cause.message : String(cause)}`)
  }
}

function jsonLines(path: string, text: string): Row[] {
  return text.split('\n').flatMap((content, index) => (content.trim() === '' ? [] : [rowOf({ path, line: index + 1 }, parsed(path, content, index + 1))]))
}

function jsonList(path: string, text: string): Row[] {
  const value = parsed(path, text)
  if (Array.isArray(value)) return value.map((entry, index) => rowOf(inList(path, index), entry))
  // Tools wrap their list of rows in an object of one list: {"data": […]}, {"rows": […]}.
  const lists = typeof value === 'object' && value !== null ? Object.values(value).filter((entry) => Array.isArray(entry)) : []
  const [only] = lists
  if (only === undefined || lists.length > 1) return refuse({ path }, '', 'the file holds neither a list of objects nor an object with one such list; write JSON Lines, one object a line')
  return only.map((entry: unknown, index) => rowOf(inList(path, index), entry))
}

function inList(path: string, index: number): Place {
  return { path: `${path}, row ${index + 1}` }
}

function rowOf(place: Place, value: unknown): Row {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return refuse(place, '', 'each row is a JSON object', value)
  return { place, fields: value as Record<string, unknown> }
}

/** Spreadsheets write semicolons where the comma is the decimal sign. */
function separatorOf(text: string): ',' | ';' {
  const head = /^.*/.exec(text)?.[0] ?? ''
  return head.includes(';') && !head.includes(',') ? ';' : ','
}

function table(path: string, text: string, separator: ',' | ';' | '\t'): Row[] {
  try {
    return readCsv(text, separator).map(({ line, cells, count, columns }) => {
      if (count > columns) throw new Error(`line ${line}: ${count} cells, and the first line names ${columns} columns; put quotation marks around a cell with commas in it`)
      return { place: { path, line }, fields: cells }
    })
  } catch (cause) {
    return refuse({ path }, '', cause instanceof Error ? cause.message : String(cause))
  }
}

function paragraphs(path: string, text: string): Row[] {
  const rows: Row[] = []
  let line = 1
  for (const part of text.split(/(\r?\n[^\S\n]*\r?\n\s*)/)) {
    if (part.trim() !== '') rows.push({ place: { path, line }, fields: { text: part.trim() } })
    line += part.split('\n').length - 1
  }
  return rows
}

function firstBrokenLine(bytes: Uint8Array): number {
  const decoder = new TextDecoder('utf-8', { fatal: true })
  let [line, start] = [1, 0]
  for (let end = bytes.indexOf(10); end !== -1; end = bytes.indexOf(10, start)) {
    try {
      decoder.decode(bytes.subarray(start, end))
    } catch {
      return line
    }
    ;[line, start] = [line + 1, end + 1]
  }
  return line
}
