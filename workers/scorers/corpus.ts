/* Figures of the whole corpus as metrics of a run: which there are, and how examples carry them. */
import type { CorpusScore, TextFigure } from '../../experiments/text-figures/text-figure.js'
import { type CorpusPart, type Example, type Float, toWire } from '../../server/contracts/index.js'

/** Metrics of the product that are such figures. */
export const CORPUS_METRICS: ReadonlyMap<string, TextFigure> = new Map([['corpus_bleu', 'bleu'], ['corpus_chrf', 'chrf'], ['corpus_chrf_pp', 'chrf++'], ['ter', 'ter']])

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
