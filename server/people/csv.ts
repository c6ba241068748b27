import { csvRow } from '../../experiments/interchange/csv.js'

export function csv(rows: readonly (readonly string[])[]): string {
  return `${rows.map(csvRow).join('\n')}\n`
}

/** Headers of a CSV file that browsers save. */
export const csvHeaders = (name: string): Record<string, string> => ({ 'content-type': 'text/csv; charset=utf-8', 'content-disposition': `attachment; filename="${name}.csv"` })
