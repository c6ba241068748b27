/* What an answer adds to a figure of the whole corpus, and what the figure would be for that answer alone. */
import type { CorpusPart } from '../../server/contracts/index.js'
import { CORPUS_FIGURE, bleuOf } from '../statistics/corpus.js'
import { bleuStatistics } from './bleu.js'
import { chrfStatistics } from './chrf.js'
import { terStatistics } from './ter.js'

/** Figures of an answer against its references. */
export const TEXT_FIGURES = ['bleu', 'chrf', 'chrf++', 'ter'] as const
export type TextFigure = (typeof TEXT_FIGURES)[number]

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
