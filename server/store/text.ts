/**
 * PostgreSQL text holds no NUL. A model may still emit one; it is kept visible as the
 * replacement character instead of losing the whole example.
 */
export function storable(text: string): string {
  return text.includes('\0') ? text.replaceAll('\0', '\uFFFD') : text
}

export function storableOrNull(text: string | null): string | null {
  return text === null ? null : storable(text)
}

/** A JSON document for a json column, whose strings hold no NUL either; in JSON a NUL is always written as an escape. */
export function storableJson(value: unknown): string {
  const json = JSON.stringify(value)
  if (!json.includes('\\u0000')) return json
  return JSON.stringify(value, (_key, inner: unknown) => (typeof inner === 'string' ? storable(inner) : inner))
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
