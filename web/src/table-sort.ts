/** Sorting of tables; the order stands in the address as `sort=column` or `sort=-column`. */

export interface Sort {
  column: string
  isDescending: boolean
}

export type SortValue = number | string | null | undefined

export function parseSort(text: string | null, fallback: Sort): Sort {
  if (text === null || text === '' || text === '-') return fallback
  return text.startsWith('-') ? { column: text.slice(1), isDescending: true } : { column: text, isDescending: false }
}

export const writeSort = (sort: Sort): string => (sort.isDescending ? `-${sort.column}` : sort.column)

/** The order after a click on a column's head: the other way round when it was sorted by it already. */
export function nextSort(current: Sort, column: string, startsDescending = false): Sort {
  if (current.column !== column) return { column, isDescending: startsDescending }
  return { column, isDescending: !current.isDescending }
}

/** Sorted copy; equal rows keep their order, and what has no value stands last in either direction, NaN included. */
export function sortRows<T>(rows: readonly T[], valueOf: (row: T) => SortValue, isDescending: boolean): T[] {
  const keyed = rows.map((row) => ({ row, value: valueOf(row) }))
  keyed.sort((a, b) => compareValues(a.value, b.value, isDescending))
  return keyed.map(({ row }) => row)
}

const isMissing = (value: SortValue): value is null | undefined => value === null || value === undefined || Number.isNaN(value)

function compareValues(a: SortValue, b: SortValue, isDescending: boolean): number {
  if (isMissing(a) || isMissing(b)) return Number(isMissing(a)) - Number(isMissing(b))
  const order = typeof a === 'number' && typeof b === 'number' ? a - b : String(a).localeCompare(String(b), 'en', { numeric: true })
  return isDescending ? -order : order
}
