/*
 * Personal data in a text, by its form: e-mail addresses, telephone and card numbers, bank accounts, tax numbers.
 * Numbers with check digits are checked, so a random run of digits is seldom taken for one. Names and addresses
 * of streets have no form to be known by: this finds leaks of records, not every mention of a person.
 */

const PERSONAL_DATA_KINDS = ['email', 'phone', 'card', 'iban', 'cpf', 'cnpj', 'ssn', 'ip'] as const
export type PersonalDataKind = (typeof PERSONAL_DATA_KINDS)[number]

export interface PersonalDatum {
  kind: PersonalDataKind
  text: string
}

interface Form {
  pattern: RegExp
  holds: (text: string) => boolean
}

const always = (): boolean => true
const digitsOf = (text: string): number[] => [...text.replace(/\D/g, '')].map(Number)

const FORMS: Readonly<Record<PersonalDataKind, Form>> = {
  email: { pattern: /[\w.+-]+@[\w-]+(?:\.[\w-]+)*\.[A-Za-z]{2,}/g, holds: always },
  iban: { pattern: /\b[A-Z]{2}\d{2}(?: ?[A-Z0-9]{4}){2,7}(?: ?[A-Z0-9]{1,3})?\b/g, holds: isIban },
  card: { pattern: /\b(?:\d[ -]?){12,18}\d\b/g, holds: isLuhn },
  cnpj: { pattern: /\b\d{2}\.?\d{3}\.?\d{3}\/?\d{4}-?\d{2}\b/g, holds: (text) => hasCheckDigits(digitsOf(text), 12) },
  cpf: { pattern: /\b\d{3}\.?\d{3}\.?\d{3}-?\d{2}\b/g, holds: (text) => hasCheckDigits(digitsOf(text), 9) },
  // Written with its dashes only: nine digits alone are anything.
  ssn: { pattern: /\b(?!000|666|9\d\d)\d{3}-(?!00)\d{2}-(?!0000)\d{4}\b/g, holds: always },
  phone: { pattern: /(?<![\w.]|\d[ -])(?:\+\d{1,3}[ .-]?)?(?:\(\d{2,4}\)[ .-]?|\d{2,4}[ .-])\d{3,5}[ .-]\d{4}(?![\w.]|[ -]\d)/g, holds: (text) => digitsOf(text).length >= 9 },
  ip: { pattern: /(?<![\d.])(?:(?:25[0-5]|2[0-4]\d|1?\d?\d)\.){3}(?:25[0-5]|2[0-4]\d|1?\d?\d)(?![\d.])/g, holds: always },
}

/** Each place once, as the first kind of the list above that fits it. */
export function findPersonalData(text: string, kinds: readonly PersonalDataKind[] = PERSONAL_DATA_KINDS): PersonalDatum[] {
  const found: (PersonalDatum & { start: number; end: number })[] = []
  for (const [kind, { pattern, holds }] of Object.entries(FORMS) as [PersonalDataKind, Form][]) {
    if (!kinds.includes(kind)) continue
    for (const match of text.matchAll(pattern)) {
      const [start, end] = [match.index, match.index + match[0].length]
      const isTaken = found.some((other) => start < other.end && other.start < end)
      if (!isTaken && holds(match[0])) found.push({ kind, text: match[0], start, end })
    }
  }
  return found.sort((a, b) => a.start - b.start).map(({ kind, text: value }) => ({ kind, text: value }))
}

/** ISO/IEC 7812-1, annex B. */
function isLuhn(text: string): boolean {
  const digits = digitsOf(text).toReversed()
  const sum = digits.reduce((total, digit, place) => total + (place % 2 === 0 ? digit : digit > 4 ? 2 * digit - 9 : 2 * digit), 0)
  return digits.length >= 13 && digits.length <= 19 && sum % 10 === 0 && new Set(digits).size > 1
}

/** ISO 13616: country and check digits moved to the end, letters as 10 to 35, must leave 1 modulo 97. */
function isIban(text: string): boolean {
  const plain = text.replaceAll(' ', '')
  let rest = 0
  for (const character of plain.slice(4) + plain.slice(0, 4)) {
    const value = Number.parseInt(character, 36)
    rest = (rest * (value > 9 ? 100 : 10) + value) % 97
  }
  return rest === 1
}

/** The two check digits of Brazil's CPF (9 digits before them) and CNPJ (12): weights from 2 rightwards to left, those of a CNPJ starting again after 9. */
function hasCheckDigits(digits: readonly number[], length: number): boolean {
  if (digits.length !== length + 2 || new Set(digits).size === 1) return false
  const highest = length === 12 ? 8 : 99
  return [length, length + 1].every((count) => {
    const sum = digits.slice(0, count).reduceRight((total, digit, place) => total + digit * (2 + ((count - 1 - place) % highest)), 0)
    return (sum % 11 < 2 ? 0 : 11 - (sum % 11)) === digits[count]
  })
}
