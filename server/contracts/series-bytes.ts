/*
 * Series as a page with many charts reads them: what RunSeries says, in a tenth of the bytes and without text to parse.
 * Little-endian: u32 length of a header, the header (JSON: runs, keys, counts), then of each series its columns. A column is a
 * byte for its kind and, by kind, one number, a number for each bucket, or nothing where it equals that of the series before.
 */
import { type Float, toWire } from './float.js'
import type { RunSeries, SeriesColumns } from './metric.js'

export const SERIES_BYTES = 'application/vnd.bancada.series'

const KINDS = { same: 0, constant: 1, u8: 2, u16: 3, u32: 4, f32: 5, f64: 6 } as const
type Kind = keyof typeof KINDS
const WIDTHS: Record<Kind, number> = { same: 0, constant: 0, u8: 1, u16: 2, u32: 4, f32: 4, f64: 8 }
const KIND_OF = new Map<number, Kind>(Object.entries(KINDS).map(([kind, byte]) => [byte, kind as Kind]))
/** Significant digits that single precision keeps (24 bits), and the sizes at which it keeps them. */
const SINGLE = { digits: 7, least: 2 ** -126, most: 2 ** 127 }

interface Header {
  runs: { runId: string; series: { key: string; points: number; startTime: number; count: number; hasSpread: boolean }[] }[]
}

/** Whole numbers (counts and differences), then values. */
interface Columns {
  whole: number[][]
  values: number[][]
}

/** @param digits significant digits that the values need; undefined: all of them. Up to 7 they travel in single precision. */
export function writeSeries(runs: readonly RunSeries[], digits?: number): Uint8Array {
  const header: Header = {
    runs: runs.map(({ runId, series }) => ({ runId, series: series.map(({ key, points, startTime, lastSteps, spread }) => ({ key, points, startTime, count: lastSteps.length, hasSpread: spread !== null })) })),
  }
  const head = new TextEncoder().encode(JSON.stringify(header))
  const columns = runs.flatMap(({ series }) => series.map(columnsOf))
  const isSingle = digits !== undefined && digits <= SINGLE.digits
  const pieces: { kind: Kind; column: readonly number[] }[] = []
  for (const [index, { whole, values }] of columns.entries()) {
    const before = columns[index - 1]
    for (const [place, column] of whole.entries()) pieces.push({ kind: isSame(column, before?.whole[place]) ? 'same' : kindOfWhole(column), column })
    for (const column of values) pieces.push({ kind: isConstant(column) ? 'constant' : isSingle && column.every(fitsSingle) ? 'f32' : 'f64', column })
  }
  const size = pieces.reduce((sum, { kind, column }) => sum + 1 + (kind === 'constant' ? 8 : WIDTHS[kind] * column.length), 4 + head.length)
  const bytes = new Uint8Array(size)
  const view = new DataView(bytes.buffer)
  view.setUint32(0, head.length, true)
  bytes.set(head, 4)
  pieces.reduce((at, piece) => writeColumn(view, at, piece), 4 + head.length)
  return bytes
}

/** @throws {RangeError} where the bytes end too early or hold an unknown kind of column */
export function readSeries(buffer: ArrayBuffer): RunSeries[] {
  const view = new DataView(buffer)
  const length = view.getUint32(0, true)
  const { runs } = JSON.parse(new TextDecoder().decode(new Uint8Array(buffer, 4, length))) as Header
  let at = 4 + length
  let before: number[][] = []
  const next = (count: number, place?: number): number[] => {
    const kind = KIND_OF.get(view.getUint8(at))
    if (kind === undefined) throw new RangeError(`A column of series is of kind ${view.getUint8(at)}, which this page does not know. Load it again.`)
    at += 1
    if (kind === 'same') return before[place ?? -1] ?? []
    const column = readColumn(view, { at, kind, count })
    at += kind === 'constant' ? 8 : WIDTHS[kind] * count
    return column
  }
  return runs.map(({ runId, series }) => ({
    runId,
    series: series.map(({ key, points, startTime, count, hasSpread }) => {
      const whole = Array.from({ length: hasSpread ? 5 : 2 }, (_, place) => next(count, place))
      before = whole
      const values = Array.from({ length: hasSpread ? 3 : 1 }, () => next(count))
      return seriesOf({ key, points, startTime }, { whole, values })
    }),
  }))
}

function columnsOf({ lastSteps, lasts, times, spread }: SeriesColumns): Columns {
  const whole = [lastSteps.map((step, index) => step - (lastSteps[index - 1] ?? 0)), times]
  const values = [lasts.map(Number)]
  if (spread === null) return { whole, values }
  const edge = (value: Float | null): number => (value === null ? Number.NaN : Number(value))
  return { whole: [...whole, spread.gaps, spread.ns, spread.nonFinites], values: [...values, spread.mins.map(edge), spread.maxs.map(edge)] }
}

function seriesOf(about: Pick<SeriesColumns, 'key' | 'points' | 'startTime'>, { whole, values }: Columns): SeriesColumns {
  const [steps = [], times = [], gaps, ns, nonFinites] = whole
  const [lasts = [], mins, maxs] = values
  let last = 0
  const columns = { ...about, lastSteps: steps.map((difference) => (last += difference)), lasts: lasts.map(toWire), times }
  if (gaps === undefined || ns === undefined || nonFinites === undefined || mins === undefined || maxs === undefined) return { ...columns, spread: null }
  // Without a finite value there is neither lowest nor highest.
  const edges = (column: readonly number[]): (Float | null)[] => column.map((value, index) => (nonFinites[index] === ns[index] ? null : toWire(value)))
  return { ...columns, spread: { gaps, mins: edges(mins), maxs: edges(maxs), ns, nonFinites } }
}

const isSame = (column: readonly number[], before: readonly number[] | undefined): boolean => before?.length === column.length && column.every((value, index) => value === before[index])
const isConstant = (column: readonly number[]): boolean => column.every((value) => Object.is(value, column[0]))
const fitsSingle = (value: number): boolean => !Number.isFinite(value) || value === 0 || (Math.abs(value) >= SINGLE.least && Math.abs(value) <= SINGLE.most)

function kindOfWhole(column: readonly number[]): Kind {
  if (isConstant(column)) return 'constant'
  let most = 0
  for (const value of column) {
    if (!Number.isInteger(value) || value < 0) return 'f64'
    if (value > most) most = value
  }
  return most < 2 ** 8 ? 'u8' : most < 2 ** 16 ? 'u16' : most < 2 ** 32 ? 'u32' : 'f64'
}

function writeColumn(view: DataView, start: number, { kind, column }: { kind: Kind; column: readonly number[] }): number {
  view.setUint8(start, KINDS[kind])
  let at = start + 1
  if (kind === 'same') return at
  for (const value of kind === 'constant' ? [column[0] ?? 0] : column) {
    if (kind === 'u8') view.setUint8(at, value)
    else if (kind === 'u16') view.setUint16(at, value, true)
    else if (kind === 'u32') view.setUint32(at, value, true)
    else if (kind === 'f32') view.setFloat32(at, value, true)
    else view.setFloat64(at, value, true)
    at += kind === 'constant' ? 8 : WIDTHS[kind]
  }
  return at
}

function readColumn(view: DataView, { at, kind, count }: { at: number; kind: Kind; count: number }): number[] {
  const column: number[] = []
  for (let index = 0; index < count; index += 1) {
    const place = at + index * WIDTHS[kind]
    column.push(kind === 'u8' ? view.getUint8(place) : kind === 'u16' ? view.getUint16(place, true) : kind === 'u32' ? view.getUint32(place, true) : kind === 'f32' ? view.getFloat32(place, true) : view.getFloat64(place, true))
  }
  return column
}
