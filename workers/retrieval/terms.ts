const ASCII_ONLY = /^\p{ASCII}*$/u
const ASCII_TERM = /[a-z0-9]+/g
const TERM = /[\p{L}\p{N}]+/gu
const MARK = /\p{M}/gu

/**
 * Search terms of a text: lower case, runs of Unicode letters and digits, accents folded
 * (ação → acao). No stemming and no stop words, so that it is the same for every language.
 */
export function termsOf(text: string): string[] {
  const lower = text.toLowerCase()
  if (ASCII_ONLY.test(lower)) return lower.match(ASCII_TERM) ?? []
  return lower.normalize('NFD').replace(MARK, '').match(TERM) ?? []
}
