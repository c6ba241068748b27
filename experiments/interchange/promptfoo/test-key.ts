import { createHash } from 'node:crypto'

/**
 * The id of a test by its variables, without those that promptfoo adds itself: results that are imported and runs of
 * an imported config pair up by it. 64 bits of SHA-256 as hex, short enough to be read in a table.
 * @param index place of the test, for one without variables
 */
export function testKey(vars: Readonly<Record<string, unknown>>, index: number): string {
  const own = Object.entries(vars).filter(([name]) => !name.startsWith('_') && name !== 'sessionId')
  if (own.length === 0) return `test-${index}`
  own.sort(([a], [b]) => (a < b ? -1 : 1))
  return createHash('sha256').update(JSON.stringify(own)).digest('hex').slice(0, 16)
}
