/* prices.yaml: what models cost, from which day on. Pure. */
import { AppError, PriceRowSchema, type Price, type PriceRow } from '../server/contracts/index.js'
import { ProblemList, showValue } from './problems.js'
import { type Path, readSource } from './source.js'

/** What is priced. */
export interface PricedModel {
  provider: string
  model: string
  baseUrl: string | null
}

const KEYS = Object.keys(PriceRowSchema.shape)

/**
 * Reads a table: `prices:` and a list of rows. Throws AppError `invalid_request` whose problems name line,
 * value and mend; two rows of one model whose days overlap are named both.
 */
export function parsePriceTable(text: string): PriceRow[] {
  const source = readSource(text, 'yaml')
  const found = new ProblemList(source)
  const rows = readRows(source.value, found)
  if (found.problems.length === 0) addOverlaps(rows, found)
  const [first] = found.problems
  if (first === undefined) return rows.map(({ row }) => row)
  const where = first.line === undefined ? first.path : `line ${first.line}, ${first.path}`
  throw new AppError('invalid_request', `prices.yaml is refused: ${where}: ${first.message}${found.problems.length > 1 ? ` (and ${found.problems.length - 1} more)` : ''}`, { problems: found.problems })
}

/** The price of a model on a day, from the row that names it most closely; undefined: not known. */
export function priceOf(rows: readonly PriceRow[], model: PricedModel, at: Date): Price | undefined {
  const day = at.toISOString().slice(0, 10)
  const fitting = rows.filter((row) => isOn(row, day) && fits(row, model))
  const [closest] = fitting.sort((a, b) => closeness(b) - closeness(a))
  if (closest === undefined) return undefined
  const { model: _model, provider: _provider, baseUrl: _baseUrl, from: _from, until: _until, ...price } = closest
  return price
}

interface PlacedRow {
  row: PriceRow
  path: Path
}

function readRows(value: unknown, found: ProblemList): PlacedRow[] {
  const isTable = typeof value === 'object' && value !== null && 'prices' in value && Array.isArray(value.prices)
  if (!isTable) {
    found.add([], { message: 'a price table is a mapping with the key prices and a list of rows', seen: showValue(value), allowed: 'prices: [{model, …}]' })
    return []
  }
  for (const key of Object.keys(value)) if (key !== 'prices') found.add([key], { message: `unknown key ${key}`, seen: key, allowed: 'prices' })
  return (value.prices as unknown[]).flatMap((entry, index) => {
    const path = ['prices', index]
    const parsed = PriceRowSchema.safeParse(entry)
    if (parsed.success) return [{ row: parsed.data, path }]
    found.addIssues(parsed.error.issues, { base: path, value: entry, keys: KEYS })
    return []
  })
}

function addOverlaps(rows: readonly PlacedRow[], found: ProblemList): void {
  const sameModel = Map.groupBy(rows, ({ row }) => JSON.stringify([row.model, row.provider, row.baseUrl]))
  for (const group of sameModel.values()) {
    const ordered = group.toSorted((a, b) => ((a.row.from ?? '') < (b.row.from ?? '') ? -1 : 1))
    ordered.forEach(({ row, path }, index) => {
      const before = ordered[index - 1]
      if (before === undefined || (before.row.until !== undefined && before.row.until <= (row.from ?? ''))) return
      found.add(path, {
        message: `row ${rowNumber(path)} (${daysOf(row)}) overlaps row ${rowNumber(before.path)} (${daysOf(before.row)}): both price ${row.model}, and a call of a day has one price; let the earlier row end with until`,
        seen: daysOf(row),
      })
    })
  }
}

function rowNumber(path: Path): string {
  return String(Number(path[1]) + 1)
}

function daysOf({ from, until }: PriceRow): string {
  return `${from ?? 'always'} to ${until ?? 'open'}`
}

function isOn({ from, until }: PriceRow, day: string): boolean {
  return (from === undefined || from <= day) && (until === undefined || day < until)
}

function fits(row: PriceRow, { provider, model, baseUrl }: PricedModel): boolean {
  if (row.provider !== undefined && row.provider !== provider) return false
  if (row.baseUrl !== undefined && withoutSlash(row.baseUrl) !== withoutSlash(baseUrl ?? '')) return false
  const pattern = row.model.split('*').map((part) => part.replaceAll(/[.+?^${}()|[\]\\]/g, '\\$&')).join('.*')
  return new RegExp(`^${pattern}$`).test(model)
}

/** An address tells most, then the whole name, then more letters of it, then the provider. */
function closeness({ model, provider, baseUrl }: PriceRow): number {
  const name = model.includes('*') ? Math.min(model.length, 998) : 999
  return (baseUrl === undefined ? 0 : 10_000) + name * 2 + (provider === undefined ? 0 : 1)
}

function withoutSlash(url: string): string {
  return url.replace(/\/+$/, '')
}
