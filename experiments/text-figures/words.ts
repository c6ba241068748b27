/* The words of a text as the scorers compare them. */

/** Dropped before comparing, as SQuAD's script does for English. */
const ARTICLES: Readonly<Record<string, ReadonlySet<string>>> = {
  en: new Set(['a', 'an', 'the']),
  pt: new Set(['o', 'a', 'os', 'as', 'um', 'uma', 'uns', 'umas']),
}

/**
 * Words in lower case without punctuation and articles (Rajpurkar et al. 2016, arXiv 1606.05250,
 * evaluate-v1.1.py). Deviations: punctuation is all of Unicode's, not ASCII's; text is NFC-normalised;
 * articles follow the language (BCP 47; a list takes all its languages), none where it is not known.
 */
export function answerWords(text: string, language: string): string[] {
  const dropped = articlesOf(language)
  const words = text.normalize('NFC').toLowerCase().replace(/[\p{P}\p{S}]/gu, '').split(/\s+/u)
  return words.filter((word) => word !== '' && !dropped.has(word))
}

const articlesByLanguage = new Map<string, ReadonlySet<string>>()

/** Put together once: a run asks for its language's at every answer. */
function articlesOf(language: string): ReadonlySet<string> {
  let articles = articlesByLanguage.get(language)
  if (articles === undefined) {
    articles = new Set(language.split(',').flatMap((tag) => [...(ARTICLES[tag.trim().slice(0, 2).toLowerCase()] ?? [])]))
    articlesByLanguage.set(language, articles)
  }
  return articles
}

/** Runs of letters and digits in lower case: the tokens of ROUGE (rouge_score 0.1.2), for letters of every script. */
export function plainWords(text: string): string[] {
  return text.normalize('NFC').toLowerCase().match(/[\p{L}\p{M}\p{N}]+/gu) ?? []
}

/** How often each element occurs. */
export function countOf<T>(elements: Iterable<T>): Map<T, number> {
  const counts = new Map<T, number>()
  for (const element of elements) counts.set(element, (counts.get(element) ?? 0) + 1)
  return counts
}

/** Size of the multiset intersection. */
export function overlap<T>(left: ReadonlyMap<T, number>, right: ReadonlyMap<T, number>): number {
  let shared = 0
  for (const [element, count] of left) shared += Math.min(count, right.get(element) ?? 0)
  return shared
}

/** White space as Python's str.split() and str.strip() know it. */
const PYTHON_SPACE = String.raw`[\t-\r\x1c-\x20\x85\xa0\u1680\u2000-\u200a\u2028\u2029\u202f\u205f\u3000]`
const SPACES = new RegExp(`${PYTHON_SPACE}+`, 'g')
const SPACES_AT_THE_END = new RegExp(`${PYTHON_SPACE}+$`)

/** As Python's str.split(). */
export function pythonWords(text: string): string[] {
  return text.split(SPACES).filter((word) => word !== '')
}

/** Pieces between white space as Python's re.split() makes them: empty ones at both ends count. */
export function piecesBetweenSpaces(text: string): number {
  return text.split(SPACES).length
}

/** As Python's str.rstrip(). */
export function pythonTrimEnd(text: string): string {
  return text.replace(SPACES_AT_THE_END, '')
}
