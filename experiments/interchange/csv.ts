/* Comma-separated values (RFC 4180), read and written. */

export interface CsvRow {
  line: number
  cells: Record<string, string>
  /** Cells that the row has, and columns that the first line names. */
  count: number
  columns: number
}

/** RFC 4180, with the first line as the names of the columns; spreadsheets of many countries write semicolons. Empty lines are passed over. @throws {Error} naming the line of a quotation that does not end */
export function readCsv(text: string, separator: ',' | ';' | '\t' = ','): CsvRow[] {
  const [head, ...rows] = recordsOf(text, separator)
  if (head === undefined) return []
  return rows.map(({ line, fields }) => ({ line, count: fields.length, columns: head.fields.length, cells: Object.fromEntries(head.fields.map((name, column) => [name.trim(), fields[column] ?? ''])) }))
}

function recordsOf(text: string, separator: string): { line: number; fields: string[] }[] {
  const records: { line: number; fields: string[] }[] = []
  const pattern = new RegExp(`(?:"((?:[^"]|"")*)"|([^"${separator}\\r\\n][^${separator}\\r\\n]*)?)(${separator}|\\r?\\n|$)`, 'gy')
  let [fields, start, line]: [string[], number, number] = [[], 1, 1]
  while (pattern.lastIndex < text.length) {
    const at = pattern.lastIndex
    const match = pattern.exec(text)
    if (match === null) throw new Error(`line ${line}: a quotation mark that does not end, or text after it`)
    fields.push(match[1]?.replaceAll('""', '"') ?? match[2] ?? '')
    line += text.slice(at, pattern.lastIndex).split('\n').length - 1
    if (match[3] === separator) {
      if (pattern.lastIndex >= text.length) fields.push('')
      else continue
    }
    if (fields.some((field) => field.trim() !== '')) records.push({ line: start, fields })
    ;[fields, start] = [[], line]
  }
  if (fields.length > 0) records.push({ line: start, fields })
  return records
}

/** One row without its line break. What has commas, quotation marks, line breaks or white space at its ends is quoted. */
export function csvRow(cells: readonly string[]): string {
  return cells.map((cell) => (/[",\r\n]|^\s|\s$/.test(cell) ? `"${cell.replaceAll('"', '""')}"` : cell)).join(',')
}
