/*
 * What lm-evaluation-harness writes of a sample where its figure is no mean of samples: pairs of texts, of classes, or a
 * log-likelihood with its weight. Each becomes what the sample adds to the figure, so that intervals and paired tests
 * of the whole corpus can be made of it.
 */
import type { CorpusFigure, CorpusPart, Example } from '../../server/contracts/index.js'
import { CORPUS_FIGURE } from '../statistics/corpus.js'
import { corpusScore, TEXT_FIGURES, textFigure } from '../text-figures/text-figure.js'

interface Pair {
  example: Example
  value: unknown
}

interface Figure {
  of: CorpusFigure
  /** How the harness sums the samples up. */
  aggregation: string
  /** What a sample adds; null where it is of another form. @param classes of all samples together */
  part(value: unknown, classes: readonly unknown[]): CorpusPart | null
}

const text = (of: (typeof TEXT_FIGURES)[number]): Figure => ({
  of,
  aggregation: of,
  part: (value) => {
    const [reference, answer] = pairIn(value)
    return typeof reference === 'string' && typeof answer === 'string' ? textFigure(of, answer, [reference]).part : null
  },
})
const weighted = (of: 'perplexity' | 'bits', aggregation: string): Figure => ({
  of,
  aggregation,
  part: (value) => {
    const [logLikelihood, weight] = pairIn(value)
    return isFinite(logLikelihood) && isFinite(weight) ? { of, sums: [-logLikelihood, weight] } : null
  },
})

/** By the harness's name of the metric. */
const FIGURES: ReadonlyMap<string, Figure> = new Map<string, Figure>([
  ...TEXT_FIGURES.map((of) => [of, text(of)] as const),
  ['perplexity', { of: 'perplexity', aggregation: 'perplexity', part: (value) => (isFinite(value) ? { of: 'perplexity', sums: [-value, 1] } : null) }],
  ['word_perplexity', weighted('perplexity', 'weighted_perplexity')],
  ['byte_perplexity', weighted('perplexity', 'weighted_perplexity')],
  ['bits_per_byte', weighted('bits', 'bits_per_byte')],
  ['f1', { of: 'f1', aggregation: 'f1', part: f1Part }],
  ['mcc', { of: 'mcc', aggregation: 'matthews_corrcoef', part: mccPart }],
])

/** The samples of one file. */
export class CorpusPairs {
  readonly #found = new Map<string, { figure: Figure; pairs: Pair[] }>()

  /** Whether the value is one of which a figure of the corpus is made. @param aggregation as the file of results names it */
  take(id: string, name: string, { example, value, aggregation }: Pair & { aggregation: string | undefined }): boolean {
    const figure = FIGURES.get(name)
    // A number per sample is a score of its own, but for a log-likelihood that stands by itself.
    if (figure === undefined || (!Array.isArray(value) && name !== 'perplexity') || (aggregation !== undefined && aggregation !== figure.aggregation)) return false
    const { pairs }: { pairs: Pair[] } = this.#found.get(id) ?? { pairs: [] }
    pairs.push({ example, value })
    this.#found.set(id, { figure, pairs })
    return true
  }

  /** Writes what each sample adds into its example. @returns by id the direction, and the figure of all samples; null where some are of another form, and none is written */
  finish(): Map<string, { higherIsBetter: boolean; value: number } | null> {
    return new Map([...this.#found].map(([id, { figure, pairs }]) => [id, written(id, figure, pairs)]))
  }
}

function written(id: string, { of, part }: Figure, pairs: readonly Pair[]): { higherIsBetter: boolean; value: number } | null {
  const classes = [...new Set(pairs.flatMap(({ value }) => pairIn(value)))]
  const parts = pairs.flatMap(({ example, value }) => ({ example, part: part(value, classes) }))
  const told = parts.flatMap(({ example, part: one }) => (one === null ? [] : [{ example, part: one }]))
  if (told.length < parts.length) return null
  const sums: number[] = []
  for (const { example, part: one } of told) {
    example.scores[id] = corpusScore(one).value
    const corpus = (example.details['corpus'] ??= {}) as Record<string, CorpusPart>
    corpus[id] = one
    for (const [place, value] of one.sums.entries()) sums[place] = (sums[place] ?? 0) + value
  }
  const { higherIsBetter, figure } = CORPUS_FIGURE[of]
  return { higherIsBetter, value: figure(sums) }
}

/** Σ (p − y)² over the choices (Brier 1950), which the harness makes of the place of the right one and the probabilities. */
export function brierIn(value: unknown): number | null {
  const [gold, given] = pairIn(value)
  // The probabilities are written as NumPy prints them, to eight places; long ones it leaves out in the middle.
  const chances = typeof given === 'string' && /^\[[\d\se.+-]*\]$/.test(given) && !given.includes('...') ? given.slice(1, -1).trim().split(/\s+/).map(Number) : given
  if (!Array.isArray(chances) || !chances.every(isFinite) || typeof gold !== 'number' || !(gold in chances)) return null
  return chances.reduce((sum: number, chance: number, place) => sum + (chance - Number(place === gold)) ** 2, 0)
}

/** True positives, false positives and misses of class 1 (as scikit-learn's f1_score, where there are no classes but 0 and 1). */
function f1Part(value: unknown, classes: readonly unknown[]): CorpusPart | null {
  const [gold, given] = pairIn(value)
  if (classes.some((one) => one !== 0 && one !== 1)) return null
  return { of: 'f1', sums: [Number(gold === 1 && given === 1), Number(gold === 0 && given === 1), Number(gold === 1 && given === 0)] }
}

function mccPart(value: unknown, classes: readonly unknown[]): CorpusPart | null {
  const [gold, given] = pairIn(value)
  if (classes.some((one) => !Number.isInteger(one) || Number(one) < 0)) return null
  // As our own: first what is none of the choices, then the choices in their order, so that runs have the same ones.
  const all = [-1, ...Array.from({ length: Math.max(...classes.map(Number)) + 1 }).keys()]
  return { of: 'mcc', sums: [Number(gold === given), 1, ...all.flatMap((one) => [Number(given === one), Number(gold === one)])] }
}

function pairIn(value: unknown): readonly unknown[] {
  return Array.isArray(value) && value.length === 2 ? (value as unknown[]) : []
}

function isFinite(value: unknown): value is number {
  return typeof value === 'number' && Number.isFinite(value)
}
