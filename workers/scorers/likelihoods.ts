/* What log-likelihoods say of choices, targets and texts, as lm-evaluation-harness reads them (lm_eval/api/task.py). */
import { type CorpusScore, corpusScore } from '../../experiments/text-figures/text-figure.js'
import { likeliest } from './classification.js'
import { piecesBetweenSpaces } from '../../experiments/text-figures/words.js'

/** Of one item: the choice that was taken, and places of the right ones; -1 where the right answer is none of the choices. */
export interface Chosen {
  texts: readonly string[]
  gold: readonly number[]
  place: number
  logLikelihoods: readonly number[]
}

type Told = number | CorpusScore | null

/** Metrics of choices beside accuracy, made where they are asked for; null where an item cannot have one. */
export const CHOICE_METRICS: ReadonlyMap<string, (chosen: Chosen) => Told> = new Map<string, (chosen: Chosen) => Told>([
  ['acc_norm', (chosen) => byLength(chosen, (text) => [...text].length)],
  ['acc_bytes', (chosen) => byLength(chosen, (text) => Buffer.byteLength(text))],
  ['brier_score', brierScore],
  ['choice_f1', f1Part],
  ['mcc', mccPart],
])

function byLength({ texts, gold, logLikelihoods }: Chosen, lengthOf: (text: string) => number): number {
  const place = likeliest(logLikelihoods.map((value, index) => value / lengthOf(texts[index] ?? '')))
  return Number(place !== null && gold.includes(place))
}

/** Σ (p − y)² over the choices, p their softmax and y 1 for the right one (Brier 1950). */
function brierScore({ gold, logLikelihoods }: Chosen): number | null {
  const [right = -1, ...others] = gold
  if (right < 0 || others.length > 0) return null
  const highest = Math.max(...logLikelihoods)
  const weights = logLikelihoods.map((value) => Math.exp(value - highest))
  const sum = weights.reduce((total, weight) => total + weight, 0)
  return weights.reduce((total, weight, place) => total + (weight / sum - Number(place === right)) ** 2, 0)
}

/** Of two choices alone. */
function f1Part({ texts, gold, place }: Chosen): CorpusScore | null {
  const [right = -1, ...others] = gold
  if (texts.length !== 2 || right < 0 || others.length > 0) return null
  return corpusScore({ of: 'f1', sums: [Number(right === 1 && place === 1), Number(right === 0 && place === 1), Number(right === 1 && place === 0)] })
}

/** The class of what is none of the choices comes first, so that it is the same one whatever their number. */
function mccPart({ texts, gold, place }: Chosen): CorpusScore | null {
  const [right = -1, ...others] = gold
  if (others.length > 0) return null
  const classes = [-1, ...texts.keys()].flatMap((one) => [Number(place === one), Number(right === one)])
  return corpusScore({ of: 'mcc', sums: [Number(place === right), 1, ...classes] })
}

/** Of a target after its prompt: an item counts once, whatever its length. */
export function targetFigures(nats: number): Record<string, CorpusScore> {
  return { target_perplexity: corpusScore({ of: 'perplexity', sums: [nats, 1] }) }
}

/** Of whole texts: weighted by their words and bytes. */
export function textFigures(text: string, nats: number): Record<string, CorpusScore> {
  const bytes = Buffer.byteLength(text)
  return {
    word_perplexity: corpusScore({ of: 'perplexity', sums: [nats, piecesBetweenSpaces(text)] }),
    byte_perplexity: corpusScore({ of: 'perplexity', sums: [nats, bytes] }),
    bits_per_byte: corpusScore({ of: 'bits', sums: [nats, bytes] }),
  }
}
