/** Free of schemas, so that the dashboard's charts need none. */

/**
 * A float on the wire. JSON has no NaN or infinity and would turn them into null,
 * so they travel by name: a diverged loss is data and must arrive as what it is.
 */
export type Float = number | 'NaN' | 'Infinity' | '-Infinity'

export function toWire(value: number): Float {
  if (Number.isFinite(value)) return value
  if (Number.isNaN(value)) return 'NaN'
  return value > 0 ? 'Infinity' : '-Infinity'
}

export function fromWire(value: Float): number {
  return Number(value)
}
