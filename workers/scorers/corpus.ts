/* What an answer adds to a figure of the whole corpus, and what the figure would be for that answer alone. */
import { CORPUS_FIGURE, bleuOf } from '../../experiments/statistics/corpus.js'
import { type CorpusPart, type Example, type Float, toWire } from '../../server/contracts/index.js'
import { bleuStatistics } from './bleu.js'
import { chrfStatistics } from './chrf.js'
import { terStatistics } from './ter.js'

/** Figures of an answer against its references. */
export const TEXT_FIGURES = ['bleu', 'chrf', 'chrf++', 'ter'] as const
export type TextFigure = (typeof TEXT_FIGURES)[number]

/** Metrics of the product that are such figures. */
export const CORPUS_METRICS: ReadonlyMap<string, TextFigure> = new Map([['corpus_bleu', 'bleu'], ['corpus_chrf', 'chrf'], ['corpus_chrf_pp', 'chrf++'], ['ter', 'ter']])

const STATISTICS: Readonly<Record<TextFigure, (answer: string, references: readonly string[]) => number[]>> = {
  bleu: bleuStatistics,
  chrf: chrfStatistics,
  'chrf++': (answer, references) => chrfStatistics(answer, references, { wordOrder: 2 }),
  ter: terStatistics,
}

export interface CorpusScore {
  /** Of this answer alone; a corpus is not the mean of these. */
  value: number
  part: CorpusPart
}

export function textFigure(of: TextFigure, answer: string, references: readonly string[]): CorpusScore {
  return corpusScore({ of, sums: STATISTICS[of](answer, references) })
}

/** A short sentence is judged by the orders that it reaches. */
export function corpusScore(part: CorpusPart): CorpusScore {
  return { value: part.of === 'bleu' ? bleuOf(part.sums, true) : CORPUS_FIGURE[part.of].figure(part.sums), part }
}

/** An item's own list of right texts, else its target. */
export function referencesOf(item: Readonly<Record<string, unknown>>, target: string): string[] {
  return Array.isArray(item['targets']) && item['targets'].length > 0 ? item['targets'].map(String) : [target]
}

/** Scores and details of an example from what was told by metric; null is left out. */
export function asScored(given: Readonly<Record<string, number | CorpusScore | null>>): { scores: Record<string, Float>; details: Record<string, unknown> } {
  const scores: Record<string, Float> = {}
  const corpus: Record<string, CorpusPart> = {}
  for (const [metric, told] of Object.entries(given)) {
    if (told === null) continue
    scores[metric] = toWire(typeof told === 'number' ? told : told.value)
    if (typeof told !== 'number') corpus[metric] = told.part
  }
  return { scores, details: Object.keys(corpus).length === 0 ? {} : { corpus } }
}

/** Details of both; what they say of the corpus stands side by side. */
export function withDetails(one: Example['details'], other: Example['details']): Example['details'] {
  const [mine, theirs] = [one['corpus'], other['corpus']]
  return { ...one, ...other, ...(mine === undefined || theirs === undefined ? {} : { corpus: Object.assign({}, mine, theirs) as unknown }) }
}
