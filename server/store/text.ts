/**
 * PostgreSQL text holds neither a NUL nor half of a surrogate pair. A model may still emit the one, and whoever cuts a
 * text the other; both are kept visible as the replacement character instead of losing the whole example.
 */
export function storable(text: string): string {
  const whole = text.isWellFormed() ? text : text.toWellFormed()
  return whole.includes('\0') ? whole.replaceAll('\0', '\uFFFD') : whole
}

export function storableOrNull(text: string | null): string | null {
  return text === null ? null : storable(text)
}

/** Escapes in JSON: those of a NUL and, since whole pairs are never escaped, of half a pair; and any other, so that \\u0000 is none. */
const ESCAPES = /\\(u0000|ud[89a-f][\da-f]{2}|[^])/g

/** A JSON document for a json column: its texts and names as `storable` makes them. */
export function storableJson(value: unknown): string {
  const json = JSON.stringify(value)
  if (!json.includes('\\u0000') && !json.includes('\\ud')) return json
  return json.replaceAll(ESCAPES, (escape: string) => (escape.length > 2 ? '\\ufffd' : escape))
}

/** An array literal of PostgreSQL: reading one costs the database less than a list in JSON. */
export function textArrayLiteral(texts: readonly string[]): string {
  return `{${texts.map((text) => `"${storable(text).replaceAll(/["\\]/g, '\\$&')}"`).join(',')}}`
}

/** An array literal of PostgreSQL, the one form in which NaN and infinity reach float8[] through JSON. */
export function arrayLiteral(values: readonly number[]): string {
  return `{${values.join(',')}}`
}

/** @param hex bytes as hexadecimal digits */
export function byteaArrayLiteral(hex: readonly string[]): string {
  return `{${hex.map((digits) => `"\\\\x${digits}"`).join(',')}}`
}
