/* Rows of a task's data, from files on this machine: one for each split, as JSON Lines, a JSON list or CSV. */
import { existsSync, readFileSync } from 'node:fs'
import { dirname, join, resolve } from 'node:path'
import { AppError } from '../../../server/contracts/index.js'
import { readCsv } from '../csv.js'
import type { Doc } from './fields.js'
import type { TaskFile } from './task-file.js'

export interface RowSource {
  file: TaskFile
  /** A folder with SPLIT.jsonl, SPLIT.json or SPLIT.csv. */
  data?: string
}

const ENDINGS = ['jsonl', 'json', 'csv']

/** @throws {AppError} saying where the rows were looked for, or which line is broken */
export function readRows({ file, data }: RowSource, split: string): Doc[] {
  const path = data === undefined ? namedFile(file, split) : ENDINGS.map((ending) => join(data, `${split}.${ending}`)).find((candidate) => existsSync(candidate))
  if (path === undefined || !existsSync(path)) {
    const wanted = data === undefined ? `the task’s data is ${JSON.stringify(file.text('dataset_path'))}, which is not on this machine; write its rows to DIR/${split}.jsonl, one JSON object a line, and add --data DIR` : `there is no ${split}.jsonl, ${split}.json or ${split}.csv in ${data}`
    throw new AppError('invalid_request', `Nothing was imported: ${path === undefined ? wanted : `there is no file ${path}, which dataset_kwargs names`}.`)
  }
  const text = readFileSync(path, 'utf8').replace(/^\uFEFF/, '')
  const rows = path.endsWith('.csv') ? readCsv(text).map(({ cells }) => cells) : path.endsWith('.jsonl') ? lines(text, path) : listIn(text, path)
  if (rows.length === 0) throw new AppError('invalid_request', `Nothing was imported: ${path} has no rows.`)
  return rows
}

/** `dataset_kwargs.data_files`, relative to the task's file. */
function namedFile(file: TaskFile, split: string): string | undefined {
  const kwargs = file.get('dataset_kwargs').value
  const files: unknown = typeof kwargs === 'object' && kwargs !== null ? (kwargs as Record<string, unknown>)['data_files'] : undefined
  const named: unknown = typeof files === 'string' ? files : typeof files === 'object' && files !== null ? (files as Record<string, unknown>)[split] : undefined
  return typeof named === 'string' ? resolve(dirname(file.path), named) : undefined
}

function lines(text: string, path: string): Doc[] {
  return text.split('\n').flatMap((line, index) => (line.trim() === '' ? [] : [objectIn(parsed(line, `${path}:${index + 1}`), `${path}:${index + 1}`)]))
}

function listIn(text: string, path: string): Doc[] {
  const value = parsed(text, path)
  const rows: unknown[] = Array.isArray(value) ? value : [value]
  return rows.map((row, index) => objectIn(row, `${path}, row ${index + 1}`))
}

function parsed(text: string, place: string): unknown {
  try {
    return JSON.parse(text)
  } catch (cause) {
    throw new AppError('invalid_request', `Nothing was imported: ${place} is not JSON: ${cause instanceof Error ? cause.message : String(cause)}`, { cause })
  }
}

function objectIn(value: unknown, place: string): Doc {
  if (typeof value === 'object' && value !== null && !Array.isArray(value)) return value as Doc
  throw new AppError('invalid_request', `Nothing was imported: ${place} is no JSON object, and each row is one.`)
}
