/* Which columns of a table are the question and its answer: as the user says, else by their usual names. */
import { AppError } from '../../../server/contracts/index.js'
import { refuse } from '../source-file.js'
import type { Row } from './rows.js'

/** Columns by the field of an item that they become. */
export type Columns = Partial<Record<'id' | 'input' | 'target' | 'cluster', string>>

const USUAL: Readonly<Record<'input' | 'target', readonly string[]>> = {
  input: ['input', 'question', 'prompt', 'instruction', 'query', 'text', 'sentence', 'pergunta', 'texto'],
  target: ['target', 'answer', 'completion', 'output', 'response', 'label', 'resposta', 'rotulo', 'rótulo', 'classe'],
}
const FIELDS = ['id', 'input', 'target', 'cluster'] as const

/** `input=question,target=label` as the command line gives it. @throws {AppError} */
export function parseColumns(text: string): Columns {
  const columns: Columns = {}
  for (const part of text.split(',')) {
    const [name = '', ...rest] = part.split('=')
    const field = FIELDS.find((candidate) => candidate === name.trim())
    const column = rest.join('=').trim()
    if (field === undefined || column === '') throw new AppError('invalid_request', `--fields is "${text}", and "${part}" in it is not FIELD=COLUMN with a FIELD of ${FIELDS.join(', ')}; write, for example, --fields input=question,target=label`)
    columns[field] = column
  }
  return columns
}

/** What every row has. @throws {AppError} naming a column that is not there */
export function chooseColumns(rows: readonly Row[], given: Columns): Columns {
  const present = new Set(rows.flatMap(({ fields }) => Object.keys(fields)))
  for (const column of Object.values(given)) {
    if (!present.has(column)) throw new AppError('invalid_request', `Nothing was imported: --fields names the column "${column}"; there are ${[...present].join(', ')}.`)
  }
  const usual = (field: 'input' | 'target'): string | undefined => {
    const candidates = USUAL[field].flatMap((name) => [...present].filter((column) => column.trim().toLowerCase() === name && column !== given[field === 'input' ? 'target' : 'input']))
    return candidates.find((column) => rows.every(({ fields }) => isGiven(fields[column]))) ?? candidates[0]
  }
  const [input, target] = [given.input ?? usual('input'), given.target ?? usual('target')]
  return { ...given, ...(input === undefined ? {} : { input }), ...(target === undefined ? {} : { target }) }
}

export function isGiven(value: unknown): boolean {
  return value !== undefined && value !== null && value !== ''
}

/** A column of a row as text. @throws {AppError} naming file, line and column where there is none */
export function textIn({ fields, place }: Row, column: string): string {
  const value = fields[column]
  if (typeof value === 'string' && value !== '') return value
  if (typeof value === 'number' || typeof value === 'boolean') return String(value)
  const what = isGiven(value) ? 'is no text or number' : 'is empty'
  return refuse(place, column, `${what}; correct the row, name another column with --fields, or leave such rows out with --skip-unsupported`, value)
}
