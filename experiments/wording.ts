/* The two languages of findings: a sentence stands in both where it is made, and its figures are written in the reader's way. */
import { type Metric, type NamedMetric, PORTUGUESE_LABELS } from './metrics.js'

export const LANGUAGES = ['en', 'pt'] as const
export type Language = (typeof LANGUAGES)[number]

/** What a sentence is about and how it is told. */
export interface Telling {
  metric: NamedMetric
  wording: Wording
}

export class Wording {
  readonly #language: Language

  constructor(language: Language) {
    this.#language = language
  }

  say = (en: string, pt: string): string => (this.#language === 'pt' ? pt : en)

  /** With a decimal comma in Portuguese. */
  fixed(value: number, digits: number): string {
    return this.figure(value.toFixed(digits))
  }

  /** Digits written with a point and a hyphen, in the language's way; what is rounded to 0 has no sign. */
  figure(digits: string): string {
    const signed = digits.replace(/^-(?=[0.]*$)/, '').replace(/^-/, '−')
    return this.say(signed, signed.replace('.', ','))
  }

  labelOf({ id, label }: NamedMetric): string {
    return this.say(label, PORTUGUESE_LABELS[id] ?? label)
  }

  unitOf({ estimator, unit }: Metric): string {
    if (estimator === 'proportion') return this.say(' points', ' pontos')
    return unit === undefined ? '' : ` ${this.say(unit, unit.replace('characters', 'caracteres'))}`
  }

  listed(names: readonly string[]): string {
    return names.length < 2 ? (names[0] ?? '') : `${names.slice(0, -1).join(', ')} ${this.say('and', 'e')} ${names.at(-1) ?? ''}`
  }
}

export const ENGLISH = new Wording('en')
