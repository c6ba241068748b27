/* Answers that are a number, as in school mathematics: the last number of the text is the answer. */

/** A minus only where it cannot be a hyphen ("10-5"), digits, then groups joined by dots, commas or thin spaces. */
const NUMBER = /(?<![\p{L}\p{N}])[-−]?\d+(?:[.,\u00a0\u202f]\d+)*/gu
const RELATIVE_TOLERANCE = 1e-9

/** 1 where the last number of the answer equals the last number of the target, else 0; null where the target has none. */
export function numericMatch(answer: string, target: string, language: string): number | null {
  const wanted = lastNumber(target, language)
  if (wanted === null) return null
  const given = lastNumber(answer, language)
  if (given === null) return 0
  return Math.abs(given - wanted) <= RELATIVE_TOLERANCE * Math.max(1, Math.abs(wanted)) ? 1 : 0
}

/** The last number of a text, or null. Its separators are read by the language where they alone do not tell. */
export function lastNumber(text: string, language: string): number | null {
  const last = [...text.matchAll(NUMBER)].at(-1)?.[0]
  return last === undefined ? null : parseNumber(last.replace('−', '-'), language)
}

/**
 * Two kinds of separator: the last one is the decimal one. One kind, several times: thousands. Once: thousands
 * where three digits follow and the language writes thousands so ("1,000" in English, "1.000" in Portuguese).
 */
function parseNumber(digits: string, language: string): number {
  const text = digits.replace(/[\u00a0\u202f]/gu, '')
  const dots = text.split('.').length - 1
  const commas = text.split(',').length - 1
  const thousands = language.toLowerCase().startsWith('en') ? ',' : '.'
  if (dots + commas === 0) return Number(text)
  if (dots > 0 && commas > 0) {
    const decimal = text.lastIndexOf('.') > text.lastIndexOf(',') ? '.' : ','
    return Number(text.replaceAll(decimal === '.' ? ',' : '.', '').replace(decimal, '.'))
  }
  const separator = dots > 0 ? '.' : ','
  const isGrouping = dots + commas > 1 || (separator === thousands && /\d{3}$/.test(text) && /^-?[1-9]\d{0,2}\D/.test(text) && text.split(separator)[1]?.length === 3)
  return Number(isGrouping ? text.replaceAll(separator, '') : text.replace(separator, '.'))
}
