/*
 * Decides which paragraphs are running text of a language, brings them to one spelling of quotes and spaces,
 * and packs them into documents of a few thousand characters.
 */
import type { Language } from './sources.js'

const MIN_CHARACTERS = 60
const MIN_WORDS = 9
const MAX_DOCUMENT_CHARACTERS = 3000
/** Share of letters and spaces below which a paragraph is a listing, a table of keys or a formula. */
const MIN_LETTER_SHARE = 0.86

/** Every manual repeats it; a model would learn it by heart. */
const LICENCE_NOTICE = /Free Documentation License|Licença de Documentação Livre|General Public License|Licença Pública Geral|Creative Commons/i

/** Frequent words that the other language does not have. */
const FREQUENT: Record<Language, Set<string>> = {
  pt: new Set(['de', 'que', 'e', 'o', 'da', 'em', 'um', 'para', 'é', 'com', 'não', 'uma', 'os', 'se', 'na', 'por', 'mais', 'dos', 'como', 'mas', 'ao', 'das', 'à', 'seu', 'sua', 'ou', 'ser', 'quando', 'muito', 'nos', 'está', 'você', 'este', 'esta', 'isso', 'ele', 'são', 'pode', 'nós', 'eu', 'meu', 'lhe', 'foi', 'há', 'aqui']),
  en: new Set(['the', 'of', 'and', 'to', 'in', 'is', 'that', 'for', 'it', 'with', 'on', 'be', 'this', 'are', 'by', 'you', 'not', 'or', 'from', 'have', 'can', 'will', 'we', 'our', 'was', 'they', 'but', 'has', 'i', 'your', 'what', 'my', 'his', 'he', 'which', 'if']),
}
const MIN_FREQUENT_SHARE: Record<Language, number> = { pt: 0.18, en: 0.16 }

export function normaliseText(text: string): string {
  return text
    .normalize('NFC')
    .replace(/[\u2018\u2019\u201a]/g, "'")
    .replace(/[\u201c\u201d\u201e]/g, '"')
    .replace(/[\u2010-\u2015\u2212]/g, '-')
    .replace(/\u2026/g, '...')
    .replace(/[\u00ad\u200b-\u200f\u2028-\u202e\ufeff]/g, '')
    .replace(/\s+/g, ' ')
    .replace(/ ([,.;:!?)])/g, '$1')
    .trim()
}

/** Whether a normalised paragraph is running text of the language. */
export function isProse(text: string, language: Language): boolean {
  if (text.length < MIN_CHARACTERS || text.includes('\uFFFD')) return false
  if (!/[.!?:;)"'…]$/.test(text) || /https?:|\w+\/\w+\/|[<>{}|\\=~@#$]/.test(text)) return false
  if (LICENCE_NOTICE.test(text)) return false
  const words = text.toLowerCase().match(/\p{L}+/gu) ?? []
  if (words.length < MIN_WORDS) return false
  const letters = text.match(/[\p{L} ]/gu)?.length ?? 0
  if (letters / text.length < MIN_LETTER_SHARE) return false
  const share = (of: Language): number => words.filter((word) => FREQUENT[of].has(word)).length / words.length
  const other: Language = language === 'pt' ? 'en' : 'pt'
  return share(language) >= MIN_FREQUENT_SHARE[language] && share(language) > 2 * share(other)
}

/** Joins paragraphs into documents, in order; a paragraph longer than a document is cut at sentence ends. */
export function packDocuments(paragraphs: string[]): string[] {
  const documents: string[] = []
  let current = ''
  for (const piece of paragraphs.flatMap(cutAtSentences)) {
    if (current !== '' && current.length + piece.length + 1 > MAX_DOCUMENT_CHARACTERS) {
      documents.push(current)
      current = ''
    }
    current = current === '' ? piece : `${current}\n${piece}`
  }
  if (current !== '') documents.push(current)
  return documents
}

function cutAtSentences(paragraph: string): string[] {
  if (paragraph.length <= MAX_DOCUMENT_CHARACTERS) return [paragraph]
  const pieces: string[] = []
  let current = ''
  for (const sentence of paragraph.split(/(?<=[.!?]"?) (?=["\p{Lu}])/u)) {
    if (current !== '' && current.length + sentence.length + 1 > MAX_DOCUMENT_CHARACTERS) {
      pieces.push(current)
      current = ''
    }
    current = current === '' ? sentence : `${current} ${sentence}`
  }
  return current === '' ? pieces : [...pieces, current]
}
