/** Which labels are taken for which, and what each label's answers are worth. */

export interface LabelQuality {
  label: string
  /** Of the answers that gave this label, the share that is right; null where none gave it. */
  precision: number | null
  /** Of the items of this label, the share that got it; null where there is none. */
  recall: number | null
  /** Harmonic mean, 0 where the label was never hit; null where it neither occurs nor was given. */
  f1: number | null
  /** Items of this label. */
  n: number
}

export interface Confusion {
  labels: string[]
  /** Items by [true label][given label]; the last column counts answers that gave no label. */
  matrix: number[][]
  quality: LabelQuality[]
  /** Mean F1 over the labels that occur, each counted once; the usual figure where classes are unequal. */
  macroF1: number
  n: number
}

/** A null or unknown label given is an answer without a label: it costs recall, and no label's precision. */
export function confusionOf(answers: readonly { truth: string; given: string | null }[], labels: readonly string[]): Confusion {
  const places = new Map(labels.map((label, index) => [label, index]))
  const matrix = labels.map(() => Array.from({ length: labels.length + 1 }, () => 0))
  for (const { truth, given } of answers) {
    const row = matrix[places.get(truth) ?? -1]
    if (row === undefined) throw new RangeError(`an item has the label "${truth}"; the labels are ${labels.join(', ')}`)
    const column = (given === null ? undefined : places.get(given)) ?? labels.length
    row[column] = (row[column] ?? 0) + 1
  }
  const quality = labels.map((label, index) => qualityOf(label, index, matrix))
  const scored = quality.flatMap(({ f1 }) => f1 ?? [])
  return { labels: [...labels], matrix, quality, macroF1: scored.reduce((sum, f1) => sum + f1, 0) / scored.length, n: answers.length }
}

function qualityOf(label: string, index: number, matrix: readonly (readonly number[])[]): LabelQuality {
  const hits = matrix[index]?.[index] ?? 0
  const n = (matrix[index] ?? []).reduce((sum, count) => sum + count, 0)
  const given = matrix.reduce((sum, row) => sum + (row[index] ?? 0), 0)
  return { label, n, precision: given === 0 ? null : hits / given, recall: n === 0 ? null : hits / n, f1: n + given === 0 ? null : (2 * hits) / (n + given) }
}
